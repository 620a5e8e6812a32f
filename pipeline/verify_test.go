package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// An auditStore is the model store with what audits need beside it.
type auditStore struct {
	*model.Store
	account    string
	why        string // what StartReconcile notices
	reconciled int
}

func (s *auditStore) StartReconcile(ctx context.Context, b pipeline.Begin) (pipeline.Resume, string, error) {
	r, err := s.Start(ctx, b)
	return r, s.why, err
}

func (s *auditStore) Reconciled(context.Context, string, int64) error {
	s.reconciled++
	return nil
}

func (s *auditStore) Bound(context.Context) (string, error) { return s.account, nil }

func (s *auditStore) Recent(context.Context) ([]byte, time.Duration, error) { return nil, 0, nil }

func (s *auditStore) Doubts(context.Context, string) (list []pipeline.Doubt, err error) {
	for _, g := range s.Open() {
		for _, i := range g.Intents {
			list = append(list, pipeline.Doubt{Intent: i, Group: g.ID})
		}
	}
	return list, nil
}

// A shelf is a destination whose records and links can be read back: names by record id, which is "r" and the key, and
// the pairs of ids that are linked.
type shelf struct {
	names  map[string]string
	linked map[[2]string]bool
	limits pipeline.Limits
	writes int
	blind  string // the key of a row whose values can't be compared
	before func() // called before a reading
	beside func() // called between a reading and its use
}

func newShelf() *shelf {
	return &shelf{names: map[string]string{}, linked: map[[2]string]bool{}, limits: pipeline.Limits{Object: "things", Match: "id", Rows: 7, Writes: 2, Landing: landing}}
}

func (s *shelf) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return s, nil
}
func (s *shelf) Limits() pipeline.Limits                 { return s.limits }
func (s *shelf) Account(context.Context) (string, error) { return "model", nil }
func (s *shelf) Close() error                            { return nil }

func (s *shelf) Prepare(_ context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	for i := range changes {
		changes[i].Action, changes[i].Match = pipeline.Upsert, changes[i].Key
	}
	return nil, nil
}

func (s *shelf) Write(_ context.Context, changes []pipeline.Change) (list []pipeline.Outcome, err error) {
	for _, c := range changes {
		s.writes++
		s.names["r"+c.Key] = c.Values[0].String()
		list = append(list, pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Done, ID: "r" + c.Key})
	}
	return list, nil
}

func (s *shelf) Settle(context.Context, []pipeline.Change) ([]pipeline.Outcome, error) {
	return nil, nil
}

func (s *shelf) Read(_ context.Context, changes []pipeline.Change) ([]pipeline.Reading, error) {
	if s.before != nil {
		s.before()
	}
	readings := make([]pipeline.Reading, len(changes))
	for i := range changes {
		c := &changes[i]
		c.Match = c.Key
		if c.Key == s.blind {
			readings[i].Err = pipeline.Rejectf("bad_option", "property %q: %q doesn't fit", "name", c.Values[0].String())
			continue
		}
		name, ok := s.names["r"+c.Key]
		if !ok {
			readings[i].Presence = pipeline.Nowhere
			continue
		}
		readings[i] = pipeline.Reading{Presence: pipeline.There, ID: "r" + c.Key}
		if c.Values != nil && c.Values[0].String() != name {
			readings[i].Differences = []pipeline.Difference{{Property: "name", Want: c.Values[0].String(), Got: name}}
		}
	}
	if s.beside != nil {
		s.beside()
	}
	return readings, nil
}

func (s *shelf) ReadLinks(_ context.Context, links []pipeline.LinkChange) ([]pipeline.Presence, error) {
	list := make([]pipeline.Presence, len(links))
	for i, l := range links {
		if list[i] = pipeline.Nowhere; s.linked[[2]string{l.From.ID, l.To.ID}] {
			list[i] = pipeline.There
		}
	}
	return list, nil
}

func (s *shelf) Specs() []pipeline.LinkSpec {
	return []pipeline.LinkSpec{{Slot: "parent", FromObject: "things", FromField: -1, ToObject: "things", ToField: 4, LabelField: -1}}
}

// Link removes only what this pipeline has made.
func (s *shelf) Link(ctx context.Context, links []pipeline.LinkChange, intend func(context.Context, []pipeline.LinkOutcome) error) ([]pipeline.LinkOutcome, error) {
	var list []pipeline.LinkOutcome
	for i := range links {
		l := &links[i]
		pair := [2]string{l.From.ID, l.To.ID}
		o := pipeline.LinkOutcome{Change: l, Verdict: pipeline.Done, NoOp: s.linked[pair] != l.Remove}
		switch {
		case !l.Remove:
			made := !s.linked[pair] || l.Was != nil && l.Was.Made
			s.linked[pair] = true
			o.State = &pipeline.LinkState{Slot: l.Slot, FromID: l.From.ID, ToID: l.To.ID, From: "things", To: "things", Made: made}
		case l.Was != nil && l.Was.Made:
			delete(s.linked, pair)
		}
		list = append(list, o)
	}
	return list, nil
}

func (s *shelf) Find(_ context.Context, _, _ string, values []string) (map[string]string, error) {
	found := map[string]string{}
	for _, v := range values {
		if _, ok := s.names["r"+v]; ok {
			found[v] = "r" + v
		}
	}
	return found, nil
}

func (s *shelf) Fold(_, _, value string) string { return value }

// stock is a pipeline to a shelf, with its state.
type stock struct {
	*testing.T
	shelf *shelf
	store *auditStore
	rows  *sliceSource
	p     *pipeline.Pipeline
}

func newStock(t *testing.T, rows ...[3]string) *stock {
	s := &stock{T: t, shelf: newShelf(), store: &auditStore{Store: model.New(), account: "model"}, rows: &sliceSource{rows: rows, batch: 3}}
	p, err := pipeline.Open(t.Context(), pipeline.Definition{Name: "p", Key: []string{"id"}, Source: s.rows,
		Transforms: []pipeline.TransformConfig{mapped{}}, Sink: s.shelf}, pipeline.Env{})
	if err != nil {
		t.Fatal(err)
	}
	s.p = p
	return s
}

func (s *stock) run() pipeline.Report {
	s.Helper()
	report, err := s.p.Run(s.Context(), s.store, pipeline.Options{})
	if err != nil {
		s.Fatal(err)
	}
	return report
}

// verify returns the result and a line for each finding.
func (s *stock) verify(repair bool) (pipeline.Audit, []string) {
	s.Helper()
	var lines []string
	a, err := s.p.Verify(s.Context(), s.store, pipeline.VerifyOptions{Repair: repair, Found: func(f pipeline.Finding) {
		lines = append(lines, fmt.Sprintf("%s %s %s", f.Kind, f.Key, f.ID))
	}})
	if err != nil {
		s.Fatal(err)
	}
	return a, lines
}

func (s *stock) reconcile() pipeline.Reconciliation {
	s.Helper()
	r, err := s.p.Reconcile(s.Context(), s.store, pipeline.ReconcileOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return r
}

func (s *stock) same(what string, got, want any) {
	s.Helper()
	ignored := []cmp.Option{cmpopts.IgnoreFields(pipeline.Audit{}, "Seconds", "Name", "Status"), cmpopts.IgnoreFields(pipeline.Reconciliation{}, "Seconds", "Name", "Status")}
	if diff := cmp.Diff(want, got, append(ignored, cmpopts.EquateEmpty())...); diff != "" {
		s.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var four = [][3]string{{"a", "Ann"}, {"b", "Ben"}, {"c", "Cy"}, {"d", "Di"}}

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
	synctest.Test(t, func(t *testing.T) {
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
