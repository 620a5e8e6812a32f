package pipeline

import (
	"context"
	"testing"
)

// An endStore is told how a run ends.
type endStore struct {
	blank
	ended *Finish
}

func (s endStore) Finish(_ context.Context, f Finish) error {
	*s.ended = f
	return nil
}

// TestBooksThatDontBalance proves that a run which has lost count of a row has failed, in its report as in the store.
func TestBooksThatDontBalance(t *testing.T) {
	var ended Finish
	p := &Pipeline{Name: "people"}
	r := &run{Pipeline: p, store: endStore{ended: &ended}, reading: reading{ended: true, whole: true}, books: books{report: Report{Read: 3, Written: 2}}}
	report, err := r.finish(t.Context(), nil)
	if err == nil || report.Status != "failed" {
		t.Errorf("it ends as %q, with %v", report.Status, err)
	}
	if ended.Status != "failed" || ended.Report.Status != "failed" || ended.Message == "" || ended.Complete || ended.Whole {
		t.Errorf("the store is told %+v", ended)
	}
}
