//go:build unix

package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"sluice/pipeline"
)

// fill has the state know every row of the job as written, without a request for each hundred of them: the job's pipeline
// is run in this process, with its own code and its own commits, on a sink that says of most changes that they are done.
// Those of the keys that there is true for are written to the job's hub. A nil there stands for none.
func (j *job) fill(b *testing.B, rows int64, there func(key string) bool) {
	b.Helper()
	file, err := j.write()
	if err != nil {
		b.Fatal(err)
	}
	lookup := func(name string) (string, bool) {
		if name == "XDG_STATE_HOME" {
			return j.dir, true
		}
		return os.LookupEnv(name)
	}
	a := &app{stdout: io.Discard, stderr: io.Discard, lookup: lookup, drain: make(chan struct{}), file: file}
	spec, list, err := a.choose(nil, nil, false)
	if err != nil {
		b.Fatal(err)
	}
	ctx, w := context.Background(), a.workshop(spec)
	defer w.close()
	store, err := a.store(ctx, spec.State, true)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	opened, err := w.open(ctx, list)
	if err != nil {
		b.Fatal(err)
	}
	defer opened[0].Close()
	opened[0].Sink = &bulkSink{opened[0].Sink, there}
	report, err := opened[0].Run(ctx, store, pipeline.Options{})
	if err != nil || report.Written != rows {
		b.Fatal(err, report)
	}
}

// A bulkSink is a sink that takes many rows at a time, and passes on few of them.
type bulkSink struct {
	pipeline.Sink
	there func(key string) bool
}

func (s *bulkSink) Limits() pipeline.Limits {
	l := s.Sink.Limits()
	l.Rows, l.Bytes = 100*l.Rows, 100*l.Bytes
	return l
}

func (s *bulkSink) Write(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	var outcomes []pipeline.Outcome
	var passed []pipeline.Change
	for _, c := range changes {
		if s.there != nil && s.there(c.Key) {
			passed = append(passed, c)
			continue
		}
		outcomes = append(outcomes, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Done, ID: bulkID(c.Key), Made: true})
	}
	for most := s.Sink.Limits().Rows; len(passed) > 0; {
		n := min(most, len(passed))
		done, err := s.Sink.Write(ctx, passed[:n])
		if err != nil {
			return nil, err
		}
		outcomes, passed = append(outcomes, done...), passed[n:]
	}
	return outcomes, nil
}

// bulkID returns the id of a row's record: a number beyond those of the local HubSpot.
func bulkID(key string) string { return "9" + strings.Repeat("0", max(0, 12-len(key))) + key }
