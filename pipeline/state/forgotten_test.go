package state

import (
	"errors"
	"strings"
	"testing"

	"sluice/pipeline"
)

// A run whose server loses commits under it, as in a failover to a standby that lags, commits nothing more.
func TestCommitsThatAreLostUnderARunAreNoticed(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		for _, key := range []string{"a", "b", "c"} {
			r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done(key, 1, hash(1), "id of "+key)}})
		}
		lose := func(tx session) error {
			return tx.batch(t.Context(), []statement{{`delete from sluice.ledger where key = 'c'`, nil}, {`update sluice.progress set commit_no = commit_no - 1`, nil}})
		}
		if err := s.db.update(t.Context(), lose); err != nil {
			t.Fatal(err)
		}
		err := r.try(pipeline.Commit{Decisions: []pipeline.Decision{done("d", 1, hash(1), "id of d")}})
		if behind, ok := errors.AsType[*pipeline.BehindError](err); !ok || !strings.Contains(behind.Why, "2 commits") {
			t.Errorf("commit: %v", err)
		}
		equal(t, "entry", r.known("d"), []pipeline.Entry{{}})
		r.finish(pipeline.Finish{Status: "failed"})
		write(t, s, "e")
	})
}

// forgetRun takes the last run out of a state, as a failover does to a standby that hadn't heard of it.
func forgetRun(t *testing.T, s *store) {
	t.Helper()
	err := s.db.update(t.Context(), func(tx session) error {
		return tx.batch(t.Context(), []statement{{`update sluice.pipeline set epoch = epoch - 1`, nil}, {`update sluice.lease set epoch = epoch - 1`, nil}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A run whose server has forgotten it wasn't taken over by another one: who is told so would do nothing.
func TestARunThatIsForgottenIsNotTakenOver(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		write(t, s, "a")
		r := begin(t, s, pipeline.Begin{})
		forgetRun(t, s)
		for what, err := range map[string]error{
			"commit": r.try(pipeline.Commit{Decisions: []pipeline.Decision{done("b", 1, hash(1), "1")}}),
			"intend": s.Intend(t.Context(), pipeline.Group{ID: "late", Pipeline: "p", Epoch: r.Epoch}),
			"finish": s.Finish(t.Context(), pipeline.Finish{Pipeline: "p", Epoch: r.Epoch, Run: r.Run}),
		} {
			if behind, ok := errors.AsType[*pipeline.BehindError](err); !ok || errors.Is(err, pipeline.ErrFenced) || !strings.Contains(behind.Why, "is number 1,") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// Nor was it where the renewing of its lease is the first to find out.
func TestALeaseThatIsForgottenIsNotTakenOver(t *testing.T) {
	_, open := migrated(t)
	s := open(eager)
	write(t, s, "a")
	lost := make(chan error, 1)
	begin(t, s, pipeline.Begin{OnLost: func(err error) { lost <- err }})
	forgetRun(t, s)
	if err := <-lost; !errors.As(err, new(*pipeline.BehindError)) || errors.Is(err, pipeline.ErrFenced) {
		t.Errorf("lost: %v", err)
	}
}
