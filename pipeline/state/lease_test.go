package state

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/pipeline"
)

func TestOneRunAtATime(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		r := begin(t, s, pipeline.Begin{})
		other := again()
		for _, from := range []*store{s, other} {
			_, err := from.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: account})
			var held *pipeline.HeldError
			if !errors.As(err, &held) || held.Pipeline != "p" || held.Holder != holder() || time.Since(held.Since).Abs() > time.Minute {
				t.Fatalf("second start: %v", err)
			}
		}
		begin(t, s, pipeline.Begin{Pipeline: "q"}).finish(pipeline.Finish{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1")}})
		r.finish(pipeline.Finish{})
		next := begin(t, other, pipeline.Begin{})
		if next.Epoch <= r.Epoch || next.Run <= r.Run {
			t.Errorf("the next run is %+v, after %+v", next.Resume, r.Resume)
		}
	})
}

// Of processes that start at once, one gets the lease.
func TestManyStartsAtOnce(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		var wg sync.WaitGroup
		results := make(chan error, 8)
		for range cap(results) {
			s := again()
			wg.Go(func() {
				_, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: account})
				results <- err
			})
		}
		wg.Wait()
		close(results)
		started := 0
		for err := range results {
			if _, held := errors.AsType[*pipeline.HeldError](err); err == nil {
				started++
			} else if !held {
				t.Error(err)
			}
		}
		if started != 1 {
			t.Errorf("%d runs have started", started)
		}
	})
}

// After a takeover nothing of the earlier run is recorded (I7).
func TestFencing(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		old := begin(t, s, pipeline.Begin{})
		id := old.intend(pipeline.Intent{Key: "a", Version: 1, TraceID: "t"})
		crash(s)
		r := begin(t, again(), pipeline.Begin{})
		if len(r.Doubtful) != 1 || r.Doubtful[0].Group != id {
			t.Errorf("doubtful: %+v", r.Doubtful)
		}
		for what, err := range map[string]error{
			"commit": old.try(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1")}, Position: pipeline.Position("x")}),
			"intend": s.Intend(t.Context(), pipeline.Group{ID: "late", Pipeline: "p", Epoch: old.Epoch, Throttle: []byte("late")}),
			"finish": s.Finish(t.Context(), pipeline.Finish{Pipeline: "p", Epoch: old.Epoch, Run: old.Run, Complete: true}),
		} {
			if !errors.Is(err, pipeline.ErrFenced) {
				t.Errorf("%s of the earlier run: %v", what, err)
			}
		}
		equal(t, "entry", r.known("a"), []pipeline.Entry{{}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1")}, Closed: []string{id}})
		r.finish(pipeline.Finish{})
		status, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "statuses of the runs", []string{status[0].Runs[0].Status, status[0].Runs[1].Status}, []string{"done", "killed"})
		equal(t, "throttle", begin(t, s, pipeline.Begin{}).Throttle, nil)
	})
}

// The late end of a fenced run leaves the lease of the run that came after it alone, also within one process.
func TestFencedFinishKeepsTheNextLease(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		old := begin(t, s, pipeline.Begin{})
		crash(s)
		r := begin(t, s, pipeline.Begin{})
		err := s.Finish(t.Context(), pipeline.Finish{Pipeline: "p", Epoch: old.Epoch, Run: old.Run})
		if !errors.Is(err, pipeline.ErrFenced) {
			t.Errorf("finish of the earlier run: %v", err)
		}
		_, err = again().Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: account})
		if _, held := errors.AsType[*pipeline.HeldError](err); !held {
			t.Errorf("start beside the later run: %v", err)
		}
		r.finish(pipeline.Finish{})
	})
}

func TestStateBelongsToOneAccount(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		begin(t, s, pipeline.Begin{}).finish(pipeline.Finish{})
		_, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "q", Account: "hubspot portal 8"})
		var wrong *pipeline.AccountError
		if !errors.As(err, &wrong) || *wrong != (pipeline.AccountError{Bound: account, Given: "hubspot portal 8"}) {
			t.Fatalf("another account: %v", err)
		}
		status, err := s.Status(t.Context())
		if err != nil || len(status) != 1 {
			t.Errorf("something was written: %+v, %v", status, err)
		}
		if _, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "q"}); err != nil { // no account, nothing to check
			t.Error(err)
		}
	})
}

func TestCheckpoint(t *testing.T) {
	here := pipeline.Position("\x00here\xff")
	for _, c := range []struct {
		name   string
		finish pipeline.Finish
		begin  pipeline.Begin
		want   pipeline.Position
	}{
		{"interrupted", pipeline.Finish{Status: "interrupted"}, pipeline.Begin{Fingerprint: "f"}, here},
		{"complete", pipeline.Finish{Complete: true}, pipeline.Begin{Fingerprint: "f"}, nil},
		{"complete, by cursor", pipeline.Finish{Complete: true, Keep: true}, pipeline.Begin{Fingerprint: "f"}, here},
		{"full", pipeline.Finish{}, pipeline.Begin{Fingerprint: "f", Full: true}, nil},
		{"another source", pipeline.Finish{}, pipeline.Begin{Fingerprint: "g"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			conform(t, func(t *testing.T, s *store, _ func() *store) {
				r := begin(t, s, pipeline.Begin{Fingerprint: "f"})
				equal(t, "first position", r.Position, pipeline.Position(nil))
				r.commit(pipeline.Commit{Position: here})
				r.commit(pipeline.Commit{Seen: []string{"x"}})
				r.finish(c.finish)
				equal(t, "position", begin(t, s, c.begin).Position, c.want)
			})
		})
	}
}

// All intents of open groups come back, oldest group first, whoever wrote them; those that were decided meanwhile say so.
func TestDoubtfulIntents(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		r := begin(t, s, pipeline.Begin{})
		intent := func(key string, version int64, trace string) pipeline.Intent {
			return pipeline.Intent{Key: key, Version: version, Hash: hash(1), Action: pipeline.Upsert, TraceID: trace, ID: "1", Match: "m\x00"}
		}
		closed := r.intend(intent("a", 1, "a1"))
		first := r.intend(intent("b", 1, "b1"), intent("c", 1, "c1"))
		repeat := r.intend(intent("c", 1, "c2"))
		decided := r.intend(intent("d", 1, "d1")) // below, but not closed
		last := r.intend(intent("e", 1, "e1"))
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "1"), done("d", 1, hash(1), "1")}, Closed: []string{closed}})
		crash(s)
		r = begin(t, again(), pipeline.Begin{})
		var got []string
		for _, d := range r.Doubtful {
			got = append(got, fmt.Sprint(d.TraceID, " ", d.Group, " ", d.Decided))
			if d.Age < 0 || d.Age > time.Minute {
				t.Errorf("age of %s: %s", d.Key, d.Age)
			}
			equal(t, "intent of "+d.Key, d.Intent, intent(d.Key, 1, d.TraceID))
		}
		equal(t, "doubtful", got, []string{"b1 " + first + " false", "c1 " + first + " false", "c2 " + repeat + " false", "d1 " + decided + " true", "e1 " + last + " false"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("b", 1, hash(1), "1"), done("c", 1, hash(1), "1")}, Closed: []string{first, repeat, decided, last}})
		r.finish(pipeline.Finish{})
		equal(t, "at last", len(begin(t, s, pipeline.Begin{}).Doubtful), 0)
	})
}

// What a sink remembers of its recent requests belongs to the account: any pipeline's next run gets it.
func TestThrottleIsSharedByTheAccount(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		for i, save := range []func([]byte) error{
			func(b []byte) error { return r.try(pipeline.Commit{Throttle: b}) },
			func(b []byte) error {
				return s.Intend(t.Context(), pipeline.Group{ID: "g", Pipeline: "p", Epoch: r.Epoch, Throttle: b})
			},
			func(b []byte) error {
				return s.Finish(t.Context(), pipeline.Finish{Pipeline: "p", Epoch: r.Epoch, Run: r.Run, Throttle: b})
			},
		} {
			state := []byte{0, byte(i)}
			if err := save(state); err != nil {
				t.Fatal(err)
			}
			q := begin(t, s, pipeline.Begin{Pipeline: "q"})
			equal(t, "throttle", q.Throttle, state)
			recent, age, err := s.Recent(t.Context())
			equal(t, "recent", recent, state)
			if err != nil || age < 0 || age > time.Minute {
				t.Errorf("recent: age %s, %v", age, err)
			}
			if q.ThrottleAge < 0 || q.ThrottleAge > time.Minute {
				t.Errorf("age %s", q.ThrottleAge)
			}
			q.finish(pipeline.Finish{})
		}
	})
}

// Another process can look on while a run is going on.
func TestStatus(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.intend(pipeline.Intent{Key: "x", Version: 1}, pipeline.Intent{Key: "y", Version: 1})
		d := done("a", 1, hash(1), "1")
		d.Links = []pipeline.LinkChange{wanted("s", false, pipeline.LinkEnd{}, pipeline.LinkEnd{ID: "2"})}
		report := pipeline.Report{Name: "p", Status: "running", Read: 3}
		r.commit(pipeline.Commit{Report: report, Position: pipeline.Position("here"), Decisions: []pipeline.Decision{d, refused("b", 1, hash(1), "bad"),
			{Key: "c", Version: 1, Held: true, Reject: reject("c", "sink", "in_doubt")}}})
		look := func(from *store) PipelineStatus {
			list, err := from.Status(t.Context())
			if err != nil || len(list) != 1 {
				t.Fatalf("status: %+v, %v", list, err)
			}
			return list[0]
		}
		got := look(again())
		if got.Lease == nil || got.Lease.Holder != holder() || time.Since(got.Runs[0].Started).Abs() > time.Minute || !got.Runs[0].Ended.IsZero() {
			t.Errorf("lease %+v, runs %+v", got.Lease, got.Runs)
		}
		equal(t, "report", got.Runs[0].Report, report)
		if time.Since(got.WaitingSince).Abs() > time.Minute {
			t.Errorf("a link has waited since %v", got.WaitingSince)
		}
		got.Runs, got.Lease, got.CheckpointAt, got.WaitingSince = nil, nil, time.Time{}, time.Time{}
		equal(t, "status", got, PipelineStatus{Pipeline: "p", Account: account, Checkpoint: true, Ledger: 3, Rejects: 1, Held: 1, Doubtful: 2, Waiting: 1})

		r.finish(pipeline.Finish{Status: "failed", Message: "why", Report: report, Complete: true})
		got = look(again())
		if got.Lease != nil || got.Checkpoint || got.Runs[0].Status != "failed" || got.Runs[0].Message != "why" || got.Runs[0].Ended.IsZero() {
			t.Errorf("after the run: %+v", got)
		}

		begin(t, s, pipeline.Begin{})
		crash(s)
		if got = look(again()); (got.Lease == nil) != (got.Runs[0].Status == "killed") {
			t.Errorf("after a crash: lease %+v, runs %+v", got.Lease, got.Runs)
		}
	})
}

func TestRunNeedsTables(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			s := openStore(t, b.url(t), times)
			if v, err := s.Version(t.Context()); v != 0 || err != nil {
				t.Errorf("version %d, %v", v, err)
			}
			_, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "p"})
			_, err2 := s.Status(t.Context())
			for _, err := range []error{err, err2} {
				if err == nil || !strings.Contains(err.Error(), "sluice migrate") {
					t.Errorf("without tables: %v", err)
				}
			}
		})
	}
}

func TestSQLiteFilesArePrivate(t *testing.T) {
	path := t.TempDir() + "/a b?#%41/new/state.db"
	s := openStore(t, "sqlite:"+path, times)
	if _, _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin(t, s, pipeline.Begin{})
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// The ids of a ledger are those of one object's records: a pipeline that is turned to another object would update whatever
// records of it have the same ids.
func TestALedgerBelongsToOneObject(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		begin(t, s, pipeline.Begin{}).finish(pipeline.Finish{}) // from before objects were noted
		begin(t, s, pipeline.Begin{Target: "contacts"}).finish(pipeline.Finish{})
		begin(t, s, pipeline.Begin{Target: "contacts"}).finish(pipeline.Finish{})
		_, err := s.Start(t.Context(), pipeline.Begin{Pipeline: "p", Account: account, Target: "companies"})
		var wrong *pipeline.TargetError
		if !errors.As(err, &wrong) || *wrong != (pipeline.TargetError{Pipeline: "p", Bound: "contacts", Given: "companies"}) {
			t.Fatalf("another object: %v", err)
		}
		begin(t, s, pipeline.Begin{Target: "contacts"}).finish(pipeline.Finish{})
	})
}
