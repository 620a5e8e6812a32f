package main

import (
	"context"
	"io"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/config"
)

// A recalled is a connection, and what it was told of requests before it.
type recalled struct {
	throttle string
	age      time.Duration
	times    int
}

func (c *recalled) Connect(context.Context, pipeline.Env) (io.Closer, error) { return c, nil }
func (c *recalled) Close() error                                             { return nil }
func (c *recalled) RestoreThrottle(saved []byte, age time.Duration) {
	c.throttle, c.age, c.times = string(saved), age, c.times+1
}

// A remembering is a state that knows of requests.
type remembering struct {
	pipeline.Auditor
	throttle []byte
}

func (s remembering) Recent(context.Context) ([]byte, time.Duration, error) {
	return s.throttle, time.Second, nil
}

func (remembering) Bound(context.Context) (string, error) { return "", nil }

// TestConnectionsKnowOfRequestsBeforeThem proves that a connection is told of the requests of earlier processes as soon as it
// is made: those that open pipelines are made before there is a run, and would be refused if the limit was used up.
func TestConnectionsKnowOfRequestsBeforeThem(t *testing.T) {
	for _, saved := range []string{"", "saved"} {
		c := &recalled{}
		w := (&app{mute: true}).workshop(&config.Spec{Connections: []config.Connection{{Name: "crm", Config: c}}})
		var throttle []byte
		if saved != "" {
			throttle = []byte(saved)
		}
		if err := w.recall(t.Context(), remembering{throttle: throttle}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		for range 2 {
			if _, err := w.connection(t.Context(), "crm"); err != nil {
				t.Fatal(err)
			}
		}
		if c.throttle != saved || c.times != len(saved)/len("saved") || saved != "" && c.age <= time.Second {
			t.Errorf("told of %q, %v ago, %d times; want %q, of more than a second ago", c.throttle, c.age, c.times, saved)
		}
	}
}
