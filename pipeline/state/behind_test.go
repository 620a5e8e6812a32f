package state

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/state/pgtest"
)

// witnessed opens a store that has a witness in the folder.
func witnessed(t *testing.T, url, folder string) *store {
	t.Helper()
	opened, err := Open(t.Context(), url, Witness(folder, nil))
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*store)
	t.Cleanup(func() { s.Close() }) // some tests have closed it
	if _, _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// write commits so many decisions, one after the other, in a run of its own.
func write(t *testing.T, s *store, keys ...string) {
	t.Helper()
	r := begin(t, s, pipeline.Begin{})
	for _, key := range keys {
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done(key, 1, hash(1), "id of "+key)}})
	}
	r.finish(pipeline.Finish{})
}

// refusesToStart checks that no run may begin, for a reason that has want in it.
func refusesToStart(t *testing.T, s *store, want string) {
	t.Helper()
	_, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: account})
	behind, ok := errors.AsType[*pipeline.BehindError](err)
	if !ok || !strings.Contains(behind.Why, want) {
		t.Fatalf("start: %v; want a state that is behind because of %q", err, want)
	}
}

// reconcile does what a reconciling run does, but for its work.
func reconcile(t *testing.T, s *store, end bool) string {
	t.Helper()
	r, why, err := s.StartReconcile(t.Context(), pipeline.Begin{Pipeline: "p", Account: account})
	if err != nil {
		t.Fatal(err)
	}
	if end {
		err = s.Reconciled(t.Context(), "p", r.Epoch)
	}
	err = errors.Join(err, s.Finish(t.Context(), pipeline.Finish{Pipeline: "p", Epoch: r.Epoch, Run: r.Run, Status: "done"}))
	if err != nil {
		t.Fatal(err)
	}
	return why
}

// A state that was put back is noticed by the witness beside it, stays refused until a reconcile has ended, and the
// witness is no longer before it then. What the state holds beyond the witness, as other machines' runs, is no reason.
func TestAStateThatWasPutBackIsNoticed(t *testing.T) {
	for _, b := range backups {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			address := b.url(t)
			s := witnessed(t, address, folder)
			write(t, s, "a", "b")
			putBack := b.save(t, s, address)
			s = witnessed(t, address, folder)
			write(t, s, "c", "d")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			putBack()
			s = witnessed(t, address, folder)
			refusesToStart(t, s, "but 4 were made")
			if why := reconcile(t, s, false); !strings.Contains(why, "but 4 were made") {
				t.Errorf("reconcile was told %q", why)
			}
			refusesToStart(t, s, "but 4 were made") // it didn't end
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			putBack() // and the witness has not forgotten
			s = witnessed(t, address, folder)
			refusesToStart(t, s, "but 4 were made")
			reconcile(t, s, false)
			if why := reconcile(t, s, true); why == "" {
				t.Error("what was noticed is forgotten before the end")
			}
			write(t, s, "e")
			elsewhere := witnessed(t, address, t.TempDir())
			write(t, elsewhere, "f", "g")
			write(t, s, "h")
		})
	}
}

// A backup is a way to put a state back as it was, in place.
type backup struct {
	backend
	save func(t *testing.T, s *store, address string) (putBack func())
}

var backups = []backup{
	{backends[0], func(t *testing.T, _ *store, address string) func() {
		tables := []string{"identity", "pipeline", "lease", "progress", "run", "ledger"}
		pgtest.Exec(t, address, "create schema backup")
		for _, table := range tables {
			pgtest.Exec(t, address, "create table backup."+table+" as table sluice."+table)
		}
		return func() {
			for _, table := range tables {
				pgtest.Exec(t, address, "truncate sluice."+table, "insert into sluice."+table+" overriding system value table backup."+table)
			}
		}
	}},
	{backends[1], func(t *testing.T, s *store, address string) func() {
		if err := s.Close(); err != nil { // so that the file is all there is
			t.Fatal(err)
		}
		path := strings.TrimPrefix(address, "sqlite:")
		saved, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.WriteFile(path, saved, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}},
}

// A copy of a database, as restoring a dump makes it, is another place, without any witness; and so is a ledger whose
// table was made anew. The old place, where nothing has changed, goes on.
func TestAStateInAnotherPlaceIsNoticed(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	s := witnessed(t, address, t.TempDir())
	write(t, s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	aside := pgtest.Database(t)
	pgtest.Exec(t, aside, "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '"+name+"'", // a template must have no sessions
		"create database "+name+"_copy template "+name)
	t.Cleanup(func() { pgtest.Exec(t, aside, "drop database "+name+"_copy with (force)") })
	u.Path += "_copy"
	restored := openStore(t, u.String(), times)
	refusesToStart(t, restored, "another database")
	if why := reconcile(t, restored, true); !strings.Contains(why, "another database") {
		t.Errorf("reconcile was told %q", why)
	}
	write(t, restored, "b")
	s = openStore(t, address, times)
	write(t, s, "b")
	pgtest.Exec(t, address, "alter table sluice.ledger rename to old", "create table sluice.ledger (like sluice.old including all)")
	refusesToStart(t, s, "another ledger table")
}

// A promotion is a failover while a run begins: the place is first asked of a standby, which doesn't tell its timeline, or of the
// primary that is lost a moment later.
type promotion struct {
	database
	places []place // as they are told, one after the other; the last one for ever
}

func (p *promotion) place(context.Context) place {
	here := p.places[0]
	p.places = p.places[min(1, len(p.places)-1):]
	return here
}

// A run that begins while a standby is promoted doesn't write to what the standby has never heard of.
func TestAFailoverWhileARunBeginsIsNoticed(t *testing.T) {
	standby, primary, promoted := place{System: "1"}, place{System: "1", Timeline: "00000001"}, place{System: "1", Timeline: "00000002"}
	for name, before := range map[string]place{"asked of the standby": standby, "asked of the lost primary": primary} {
		t.Run(name, func(t *testing.T) {
			s := witnessed(t, pgtest.Pooler(t, pgtest.Database(t), pgtest.TransactionMode), t.TempDir()) // where no session ends the lease
			db := s.db
			s.db = &promotion{db, []place{primary}}
			write(t, s, "a")
			s.db = &promotion{db, []place{before, promoted}}
			refusesToStart(t, s, "another timeline")
			refusesToStart(t, s, "another timeline")
			if why := reconcile(t, s, true); !strings.Contains(why, "another timeline") {
				t.Errorf("reconcile was told %q", why)
			}
			write(t, s, "b")
		})
	}
}

// What a server doesn't tell is no reason to refuse, and isn't forgotten either.
func TestAPlaceThatIsKnownInPart(t *testing.T) {
	was := place{System: "1", Timeline: "00000001", Database: "5", Ledger: "9"}
	for _, c := range []struct {
		now  place
		want string
	}{
		{was, ""}, {place{}, ""}, {place{System: "1", Ledger: "9"}, ""},
		{place{System: "2", Timeline: "00000001"}, "another Postgres cluster (2, it was 1)"},
		{place{Timeline: "00000002", Database: "5"}, "another timeline of the cluster (00000002, it was 00000001)"},
	} {
		if got := c.now.moved(was); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%+v after %+v: %q, want %q", c.now, was, got, c.want)
		}
	}
	equal(t, "what is known after all", place{Ledger: "10"}.with(was), place{System: "1", Timeline: "00000001", Database: "5", Ledger: "10"})
}

// The witness's files are for their owner only, names of pipelines can't lead out of its folder, and a folder that can't
// be used is no reason to fail.
func TestWitnessFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	s := witnessed(t, backends[1].url(t), folder)
	r := begin(t, s, pipeline.Begin{Pipeline: "../../p"})
	r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1")}})
	r.finish(pipeline.Finish{})
	files, err := filepath.Glob(filepath.Join(folder, "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	for path, want := range map[string]os.FileMode{files[0]: 0o600, filepath.Dir(files[0]): 0o700, folder: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, witnessed(t, backends[1].url(t), blocked), "a")
}

// A closed state is one file: what was written lies in it, not in a log beside it, so that copying it is a backup.
func TestAClosedFileIsAllThereIs(t *testing.T) {
	address := backends[1].url(t)
	s := witnessed(t, address, t.TempDir())
	write(t, s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(strings.TrimPrefix(address, "sqlite:") + "-*")
	equal(t, "files beside the database", logs, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// A run that was fenced off can't say that the ledger was reconciled.
func TestReconciledIsFenced(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		r, _, err := s.StartReconcile(t.Context(), pipeline.Begin{Pipeline: "p", Account: account})
		if err != nil {
			t.Fatal(err)
		}
		crash(s)
		later := begin(t, again(), pipeline.Begin{})
		if err := s.Reconciled(context.Background(), "p", r.Epoch); !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("reconciled: %v", err)
		}
		later.finish(pipeline.Finish{})
	})
}

// What an audit asks beside a run: whose state it is, and what may have been sent.
func TestBoundAndDoubts(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		beside := again()
		if bound, err := beside.Bound(t.Context()); bound != "" || err != nil {
			t.Errorf("an empty state belongs to %q, %v", bound, err)
		}
		r := begin(t, s, pipeline.Begin{})
		id := r.intend(pipeline.Intent{Key: "a", Version: 1, Attempt: 1, Action: pipeline.Upsert, TraceID: "t"})
		r.intend(pipeline.Intent{Key: "b", Version: 1, Attempt: 1, Action: pipeline.Upsert, TraceID: "u"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1")}, Closed: []string{id}})
		if bound, err := beside.Bound(t.Context()); bound != account || err != nil {
			t.Errorf("the state belongs to %q, %v", bound, err)
		}
		open, err := beside.Doubts(t.Context(), "p")
		if err != nil || len(open) != 1 || open[0].Key != "b" || open[0].Decided {
			t.Errorf("doubts %+v, %v", open, err)
		}
		if none, err := beside.Doubts(t.Context(), "other"); len(none) > 0 || err != nil {
			t.Errorf("another pipeline's doubts %+v, %v", none, err)
		}
	})
}
