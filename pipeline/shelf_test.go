package pipeline_test

import (
	"context"
	"fmt"
	"testing"
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
