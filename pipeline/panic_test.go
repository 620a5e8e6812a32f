package pipeline_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A panickyStore breaks where a commit is made.
type panickyStore struct{ *model.Store }

func (panickyStore) Commit(context.Context, pipeline.Commit) error { panic("no such table") }

// A panickySink breaks where a commit is put together.
type panickySink struct {
	*modelCRM
	panicked *bool
}

func (s panickySink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return s, nil
}
func (panickySink) Requests() int64                       { return 0 }
func (panickySink) Budget() float64                       { return 0 }
func (panickySink) RestoreThrottle([]byte, time.Duration) {}
func (s panickySink) SaveThrottle() []byte {
	if s.writes > 0 && !*s.panicked {
		*s.panicked = true
		panic("no throttle")
	}
	return nil
}

// TestAPanicInACommitEndsTheRun proves that the run neither hangs nor goes on, so that its caller can clean up.
func TestAPanicInACommitEndsTheRun(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 30)
	for _, breaks := range []string{"no such table", "no throttle"} {
		bubble(t, func(t *testing.T) {
			store := model.New()
			crm := newModelCRM(1, store)
			crm.limits.Rows, crm.limits.Writes = 100, 1
			var sink pipeline.SinkConfig = crm
			var broken pipeline.Store = panickyStore{store}
			if breaks == "no throttle" {
				sink, broken = panickySink{crm, new(bool)}, store
			}
			p := openSink(t, rows, sink)
			if _, err := p.Run(context.Background(), broken, pipeline.Options{}); err == nil || !strings.Contains(err.Error(), breaks) {
				t.Errorf("%s: Run returns %v", breaks, err)
			}
		})
	}
}
