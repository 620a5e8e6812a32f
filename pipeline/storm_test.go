package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A silentSink takes everything and answers nothing.
type silentSink struct {
	*modelCRM
	sent *int
}

func (s silentSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return s, nil
}

func (s silentSink) Write(_ context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.sent += len(changes)
	return nil, nil
}

func (silentSink) Settle(context.Context, []pipeline.Change) ([]pipeline.Outcome, error) {
	return nil, errors.New("no answer")
}

// TestAStormDoesNotGrow proves that a run stops reading while as many rows are in doubt as can be on their way: a
// destination that gives no answers for half an hour must not get the whole source.
func TestAStormDoesNotGrow(t *testing.T) {
	var rows [][3]string
	for i := range 500 {
		rows = append(rows, [3]string{fmt.Sprintf("k%03d", i), "name", ""})
	}
	bubble(t, func(t *testing.T) {
		store, sent := model.New(), 0
		crm := newModelCRM(1, store)
		most := 5 * crm.limits.Writes * crm.limits.Rows // in doubt, on their way, in groups that aren't full, and just read
		_, err := openSink(t, rows, silentSink{crm, &sent}).Run(context.Background(), store, pipeline.Options{})
		if err == nil || sent == 0 || sent > most {
			t.Errorf("%d of %d rows were sent without an answer, want at most %d: %v", sent, len(rows), most, err)
		}
	})
}
