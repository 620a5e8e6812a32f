package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		os.Exit(child(path))
	}
	goleak.VerifyTestMain(m)
}

// A backend is one of the databases that the suite runs on.
type backend struct {
	name string
	url  func(t testing.TB) string
}

var backends = []backend{
	{"postgres", func(t testing.TB) string { return pgtest.Database(t) }},
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "new", "state.db") }},
	{"pooler", func(t testing.TB) string { return pgtest.Pooler(t, pgtest.Database(t), pgtest.TransactionMode) }},
}

// conform runs a part of the suite on every backend. Each gets a migrated store, and a way to open another one on the
// same state, as another process would.
func conform(t *testing.T, part func(t *testing.T, s *store, again func() *store)) {
	t.Parallel()
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			url := b.url(t)
			again := func() *store { return openStore(t, url, times) }
			s := again()
			if _, _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			part(t, s, again)
		})
	}
}

func openStore(t *testing.T, url string, times timing) *store {
	t.Helper()
	opened, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*store)
	s.times = times
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// crash ends a store's leases as the end of its process would: the locks are free, nothing is recorded. Behind a pooler there
// are no locks: there it is as after the leases' time.
func crash(s *store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, l := range s.leases {
		l.end()
		delete(s.leases, name)
		outlive(s, name)
	}
}

// outlive ends a lease's time behind a pooler.
func outlive(s *store, name string) {
	ctx := context.Background()
	if db, ok := s.db.(*postgres); !ok || !db.pooled {
		return
	}
	err := s.db.update(ctx, func(tx session) error {
		_, err := tx.exec(ctx, `update sluice.lease set expires_at = {now} where pipeline = $1`, name)
		return err
	})
	if err != nil {
		panic(err)
	}
}

const account = "hubspot portal 7"

// played is a run that a test plays.
type played struct {
	t testing.TB
	s *store
	pipeline.Resume
	name   string
	groups int
}

func begin(t *testing.T, s *store, b pipeline.Begin) *played {
	t.Helper()
	if b.Pipeline == "" {
		b.Pipeline = "p"
	}
	if b.Account == "" {
		b.Account = account
	}
	r, err := s.Start(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return &played{t: t, s: s, Resume: r, name: b.Pipeline}
}

func (r *played) commit(c pipeline.Commit) {
	r.t.Helper()
	if err := r.try(c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *played) try(c pipeline.Commit) error {
	c.Pipeline, c.Account, c.Epoch, c.Run = r.name, account, r.Epoch, r.Run
	return r.s.Commit(r.t.Context(), c)
}

func (r *played) intend(intents ...pipeline.Intent) string {
	r.t.Helper()
	r.groups++
	id := fmt.Sprintf("%s-%d-%d", r.name, r.Epoch, r.groups)
	if err := r.s.Intend(r.t.Context(), pipeline.Group{ID: id, Pipeline: r.name, Epoch: r.Epoch, Intents: intents}); err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *played) finish(f pipeline.Finish) {
	r.t.Helper()
	f.Pipeline, f.Epoch, f.Run = r.name, r.Epoch, r.Run
	if f.Status == "" {
		f.Status = "done"
	}
	if err := r.s.Finish(r.t.Context(), f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *played) known(keys ...string) []pipeline.Entry {
	r.t.Helper()
	list, err := r.s.Known(r.t.Context(), r.name, keys)
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func (r *played) waiting() []pipeline.LinkChange {
	r.t.Helper()
	list, err := r.s.Waiting(r.t.Context(), r.name, nil, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range list {
		list[i].Since = time.Time{} // see TestLinksWaitSinceTheyWereFirstAskedFor
	}
	return list
}

func (r *played) letters(f Filter) []DeadLetter {
	r.t.Helper()
	list, err := r.s.Rejects(r.t.Context(), f)
	if err != nil {
		r.t.Fatal(err)
	}
	counts, err := r.s.CountRejects(r.t.Context(), f)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, l := range list {
		at := slices.IndexFunc(counts, func(c RejectCount) bool { return c.Pipeline == l.Pipeline && c.Code == l.Code })
		if at < 0 {
			r.t.Fatalf("reject %d isn't counted: %+v", l.ID, counts)
		}
		counts[at].Count--
	}
	if left := slices.ContainsFunc(counts, func(c RejectCount) bool { return c.Count != 0 }); left && f.Limit == 0 {
		r.t.Errorf("counted, but not there: %+v", counts)
	}
	return list
}

// codes sums dead letters up, newest first: key or place, stage, code and state.
func codes(list []DeadLetter) (out []string) {
	for _, l := range list {
		subject := l.Key
		if subject == "" {
			subject = l.Place
		}
		out = append(out, fmt.Sprintf("%s %s/%s %s", subject, l.Stage, l.Code, l.State))
	}
	return out
}

func hash(b byte) pipeline.Hash { return pipeline.Hash{0: b, 15: 1} }

func done(key string, version int64, h pipeline.Hash, id string) pipeline.Decision {
	return pipeline.Decision{Key: key, Version: version, Hash: h, ID: id, Verdict: pipeline.Done}
}

func refused(key string, version int64, h pipeline.Hash, code string) pipeline.Decision {
	return pipeline.Decision{Key: key, Version: version, Hash: h, Verdict: pipeline.Refused, Reject: reject(key, "sink", code)}
}

func reject(key, stage, code string) *pipeline.Reject {
	err := pipeline.Rejectf(code, "%s said no", stage)
	return &pipeline.Reject{Key: key, Place: pipeline.Place{Name: "f.csv", Line: 7}, Stage: stage, Code: code, Err: err}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// receive waits for something that another goroutine does.
func receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case v = <-from:
	case <-ctx.Done():
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}
