package pipeline_test

import (
	"errors"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A ledger that was lost is made again from what the destination has: what is as the rows say isn't written again, what
// differs is, and versions only rise.
func TestReconcile(t *testing.T) {
	s := newStock(t, four...)
	s.run()
	s.store.Store = model.New()
	s.shelf.names["rb"] = "Benno"
	delete(s.shelf.names, "rc")
	s.shelf.writes = 0
	s.same("result", s.reconcile(), pipeline.Reconciliation{Read: 4, Learnt: 2, Differs: 1, Absent: 1})
	s.same("again", s.reconcile(), pipeline.Reconciliation{Read: 4, Known: 2, Differs: 1, Absent: 1})
	if s.shelf.writes != 0 || s.store.reconciled != 2 {
		t.Errorf("%d writes, reconciled %d times", s.shelf.writes, s.store.reconciled)
	}
	if got := s.run(); got.Written != 2 || got.Unchanged != 2 {
		t.Errorf("the run after it: %+v", got)
	}
	s.same("names", s.shelf.names, map[string]string{"ra": "Ann", "rb": "Ben", "rc": "Cy", "rd": "Di"})
	if v := s.store.Entry("b").Version; v < 2 {
		t.Errorf("version %d", v)
	}
}

// A ledger that is old says of a value that went from A to B and back to A that nothing has changed: reconciling finds
// out that it has.
func TestReconcileFindsWhatAnOldLedgerHides(t *testing.T) {
	s := newStock(t, four...)
	s.run()
	before := s.store.Entry("a")
	s.shelf.names["ra"] = "Anna" // written after the backup
	if got := s.run(); got.Unchanged != 4 {
		t.Fatalf("the old ledger: %+v", got)
	}
	s.reconcile()
	if after := s.store.Entry("a"); after.Version <= before.Version {
		t.Errorf("version %d after %d", after.Version, before.Version)
	}
	s.run()
	if s.shelf.names["ra"] != "Ann" {
		t.Errorf("the record has %q", s.shelf.names["ra"])
	}
}

var family = [][3]string{{"a", "Ann"}, {"b", "Ben", "a"}, {"c", "Cy", "a"}}

// Links that a lost ledger doesn't know of are not written again, and not taken for this pipeline's either.
func TestReconcileFindsLinks(t *testing.T) {
	s := newStock(t, family...)
	s.run()
	s.store.Store = model.New()
	delete(s.shelf.linked, [2]string{"rc", "ra"})
	s.same("result", s.reconcile(), pipeline.Reconciliation{Read: 3, Learnt: 2, Differs: 1})
	if got := s.run(); got.Written != 1 || got.Unchanged != 2 || got.Linked != 1 {
		t.Errorf("the run after it: %+v", got)
	}
	s.same("the found link", s.store.Entry("b").Links, []pipeline.LinkState{{Slot: "parent", FromID: "rb", ToID: "ra", From: "things", To: "things"}})
	s.rows.rows = [][3]string{family[0], {"b", "Ben"}, {"c", "Cy"}}
	s.run()
	s.same("links", s.shelf.linked, map[[2]string]bool{{"rb", "ra"}: true})
}

// What an old ledger knows as this pipeline's stays so: a link that the row has lost since is taken back.
func TestReconcileTakesBackWhatTheLedgerKnows(t *testing.T) {
	s := newStock(t, family...)
	s.run()
	s.rows.rows = [][3]string{family[0], {"b", "Ben", "c"}, family[2]}
	s.shelf.linked[[2]string{"rb", "rc"}] = true // written after the backup, while the old link was not removed yet
	s.same("result", s.reconcile(), pipeline.Reconciliation{Read: 3, Known: 2, Differs: 1})
	s.run()
	s.same("links", s.shelf.linked, map[[2]string]bool{{"rb", "rc"}: true, {"rc", "ra"}: true})
}

// What can't be reconciled is refused, unless somebody answers for it; what was cut off isn't ended.
func TestReconcileRefuses(t *testing.T) {
	s := newStock(t, four...)
	s.shelf.limits.Unkeyed = true
	if _, err := s.p.Reconcile(t.Context(), s.store, pipeline.ReconcileOptions{}); err == nil || s.store.reconciled != 0 {
		t.Errorf("without a match property: %v", err)
	}
	if _, err := s.p.Reconcile(t.Context(), s.store, pipeline.ReconcileOptions{Accept: true}); err != nil || s.store.reconciled != 1 {
		t.Errorf("accepted: %v", err)
	}
	s.shelf.limits.Unkeyed = false
	drain := make(chan struct{})
	close(drain)
	_, err := s.p.Reconcile(t.Context(), s.store, pipeline.ReconcileOptions{Options: pipeline.Options{Drain: drain}})
	if !errors.Is(err, pipeline.ErrInterrupted) || s.store.reconciled != 1 {
		t.Errorf("interrupted: %v", err)
	}
}

// Nothing is read before what was sent by an earlier process has landed.
func TestReconcileWaitsForWhatMayStillLand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStock(t, four...)
		s.run()
		r, err := s.store.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: "model"})
		if err == nil {
			err = s.store.Intend(t.Context(), pipeline.Group{ID: "g", Pipeline: "p", Epoch: r.Epoch, Intents: []pipeline.Intent{{Key: "b", Version: 2, Attempt: 1}}})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.store.Kill()
		began := time.Now()
		s.shelf.before = func() {
			if time.Since(began) >= landing-time.Second {
				s.shelf.names["rb"] = "late"
			}
		}
		s.same("result", s.reconcile(), pipeline.Reconciliation{Read: 4, Known: 3, Differs: 1})
		if took := time.Since(began); took != landing {
			t.Errorf("took %s", took)
		}
	})
}
