package pipeline_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"sluice/pipeline"
)

// Without repair nothing changes; with it, the next run writes what differs, and only that.
func TestVerifyAndRepair(t *testing.T) {
	s := newStock(t, four...)
	s.run()
	s.shelf.names["rb"] = "Benno"
	delete(s.shelf.names, "rc")
	s.rows.rows = append(s.rows.rows[:3:3], [3]string{"e", "Ed"}) // d has left, e isn't written yet
	for range 2 {
		got, lines := s.verify(false)
		s.same("result", got, pipeline.Audit{Read: 4, Checked: 3, Pending: 1, Left: 1, Drift: 1, Gone: 1, Open: 2})
		s.same("findings", lines, []string{"drift b rb", "deleted c rc"})
	}
	if s.shelf.names["rb"] != "Benno" {
		t.Error("verify has written")
	}
	got, _ := s.verify(true)
	s.same("result", got, pipeline.Audit{Read: 4, Checked: 3, Pending: 1, Left: 1, Drift: 1, Gone: 1, Open: 1, Repaired: 1})
	s.shelf.writes = 0
	s.run()
	if s.shelf.writes != 2 || s.shelf.names["rb"] != "Ben" || s.shelf.names["re"] != "Ed" {
		t.Errorf("%d writes after the repair: %v", s.shelf.writes, s.shelf.names)
	}
}

// A row of which nobody can tell what the destination has is named, so that the exit code has a reason: by its place, and without
// its values.
func TestAuditsNameWhatTheyCannotTell(t *testing.T) {
	s := newStock(t, four...)
	s.run()
	s.shelf.blind = "b"
	for name, audit := range map[string]func(*slog.Logger) (int64, error){
		"verify": func(log *slog.Logger) (int64, error) {
			a, err := s.p.Verify(t.Context(), s.store, pipeline.VerifyOptions{Options: pipeline.Options{Log: log}})
			return a.Unsure, err
		},
		"reconcile": func(log *slog.Logger) (int64, error) {
			r, err := s.p.Reconcile(t.Context(), s.store, pipeline.ReconcileOptions{Options: pipeline.Options{Log: log}})
			return r.Unsure, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told strings.Builder
			unsure, err := audit(slog.New(slog.NewTextHandler(&told, nil)))
			if err != nil || unsure != 1 {
				t.Fatalf("%d unsure, %v", unsure, err)
			}
			if !strings.Contains(told.String(), "can't be told") || !strings.Contains(told.String(), "code=bad_option") || strings.Contains(told.String(), "Ben") {
				t.Errorf("told %q", told.String())
			}
		})
	}
}

// What another process writes while its records are read back is no finding, whether its intents are still open or its
// commit was made.
func TestVerifyBesideARun(t *testing.T) {
	for name, beside := range map[string]func(s *stock, epoch, run int64){
		"intended": func(s *stock, epoch, _ int64) {
			g := pipeline.Group{ID: "g", Pipeline: "p", Epoch: epoch, Intents: []pipeline.Intent{{Key: "b", Version: 2, Attempt: 1}}}
			if err := s.store.Intend(s.Context(), g); err != nil {
				s.Fatal(err)
			}
		},
		"committed": func(s *stock, epoch, run int64) {
			d := pipeline.Decision{Key: "b", Version: 2, Hash: pipeline.Hash{1}, ID: "rb", Verdict: pipeline.Done}
			if err := s.store.Commit(s.Context(), pipeline.Commit{Pipeline: "p", Account: "model", Epoch: epoch, Run: run, Decisions: []pipeline.Decision{d}}); err != nil {
				s.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStock(t, four...)
			s.run()
			other, err := s.store.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: "model"})
			if err != nil {
				t.Fatal(err)
			}
			s.shelf.names["rb"] = "Benno" // what the other process has written
			s.shelf.beside = func() {
				s.shelf.beside = nil
				beside(s, other.Epoch, other.Run)
			}
			got, lines := s.verify(false)
			s.same("result", got, pipeline.Audit{Read: 4, Checked: 4, Pending: 1})
			s.same("findings", lines, []string(nil))
		})
	}
}

// Another account's records are not compared, and a pipeline that somebody runs isn't repaired.
func TestVerifyRefuses(t *testing.T) {
	s := newStock(t, four...)
	s.run()
	s.store.account = "another"
	_, err := s.p.Verify(t.Context(), s.store, pipeline.VerifyOptions{})
	if _, ok := errors.AsType[*pipeline.AccountError](err); !ok {
		t.Errorf("another account: %v", err)
	}
	if _, err := s.store.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: "model"}); err != nil {
		t.Fatal(err)
	}
	_, err = s.p.Verify(t.Context(), s.store, pipeline.VerifyOptions{Repair: true})
	if _, ok := errors.AsType[*pipeline.HeldError](err); !ok {
		t.Errorf("beside a run: %v", err)
	}
}

// Rows that are to be written again may lie before the checkpoint: it goes, in the state, before anything is forgotten.
func TestAuditsDropTheCheckpoint(t *testing.T) {
	for name, audit := range map[string]func(s *stock){
		"repair":    func(s *stock) { s.verify(true) },
		"reconcile": func(s *stock) { s.reconcile() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStock(t, four...)
			r, err := s.store.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: "model"})
			if err == nil {
				err = s.store.Commit(t.Context(), pipeline.Commit{Pipeline: "p", Account: "model", Epoch: r.Epoch, Run: r.Run, Position: pipeline.Position("3")})
			}
			if err == nil {
				err = s.store.Finish(t.Context(), pipeline.Finish{Pipeline: "p", Epoch: r.Epoch, Run: r.Run, Status: "interrupted"})
			}
			if err != nil || s.store.Position() == nil {
				t.Fatal(s.store.Position(), err)
			}
			audit(s)
			if s.store.Position() != nil {
				t.Errorf("the checkpoint is still at %s", s.store.Position())
			}
		})
	}
}

// A link that is gone is found, and made again by the run after a repair.
func TestVerifyLinks(t *testing.T) {
	s := newStock(t, family...)
	s.run()
	delete(s.shelf.linked, [2]string{"rc", "ra"})
	got, lines := s.verify(true)
	s.same("result", got, pipeline.Audit{Read: 3, Checked: 3, Links: 2, Unlinked: 1, Repaired: 1})
	s.same("findings", lines, []string{"unlinked c rc"})
	if got := s.run(); got.Linked != 1 || !s.shelf.linked[[2]string{"rc", "ra"}] {
		t.Errorf("the run after it: %+v", got)
	}
	got, _ = s.verify(false)
	s.same("in the end", got, pipeline.Audit{Read: 3, Checked: 3, Links: 2})
}
