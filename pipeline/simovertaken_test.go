package pipeline_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"sluice/pipeline"
)

// TestOvertakenByPeople proves what the simulation's oracle lets pass where a record is made again that was taken away: an
// upsert that was sent before people did that, and nothing else.
func TestOvertakenByPeople(t *testing.T) {
	for name, test := range map[string]struct {
		people, late bool // people took it away, not the pipeline; the upsert is sent afterwards
		gone         pipeline.OnGone
		allowed      bool
	}{
		"sent before people":                {people: true, allowed: true},
		"sent before people, gone: ignore":  {people: true, gone: pipeline.IgnoreGone, allowed: true},
		"sent after people":                 {people: true, late: true},
		"sent after people, gone: ignore":   {people: true, late: true, gone: pipeline.IgnoreGone},
		"sent after people, gone: recreate": {people: true, late: true, gone: pipeline.RecreateGone, allowed: true},
		"sent before the pipeline":          {},
		"sent after the pipeline":           {late: true},
	} {
		bubble(t, func(t *testing.T) {
			w, ctx := newWorld(1), context.Background()
			h := w.hub
			h.limits = pipeline.Limits{Object: "things", Match: "id", OnGone: test.gone}
			r, err := w.store.Start(ctx, pipeline.Begin{Pipeline: "p", Account: "hub"})
			if err != nil {
				t.Fatal(err)
			}
			upsert := pipeline.Change{Key: "k", Version: 1, Action: pipeline.Upsert, Match: "k", Values: []pipeline.Value{pipeline.StringValue("a")}}
			record := h.create(&upsert, time.Now())
			if err := w.store.Commit(ctx, pipeline.Commit{Pipeline: "p", Epoch: r.Epoch, Decisions: []pipeline.Decision{{Key: "k", Version: 1, Verdict: pipeline.Done, ID: record.id}}}); err != nil {
				t.Fatal(err)
			}
			sent := time.Now()
			time.Sleep(time.Second)
			h.lose(record)
			if record.gone = true; test.people {
				record.taken = time.Now()
			}
			time.Sleep(time.Second)
			if test.late {
				sent = time.Now()
			}
			h.apply(&upsert, &flight{at: sent})
			if allowed := len(w.broken) == 0; allowed != test.allowed {
				t.Errorf("%s: allowed %v, want %v: %v", name, allowed, test.allowed, w.broken)
			}
		})
	}
}

// overtakenSeed is a seed in which that happens: an upsert is given up, its record is found, somebody merges that into another
// one, and then the upsert lands and makes a second one.
const overtakenSeed = 9125103

// TestOvertakenSeed proves that the oracle has nothing against such a seed, which it once had.
func TestOvertakenSeed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		counts := map[string]int{}
		if playSeed(t, overtakenSeed, counts); counts[overtook] == 0 {
			t.Errorf("in seed %d no request was overtaken by people: look for another one", overtakenSeed)
		}
	})
}

// refused tells whether the end of an attempt to make a record is known although nobody looked again after it could land:
// its match value led to a record, another row's, for which it was refused. If that record has gone since and the attempt
// has made one in its place, a newer version, sent when it can't land any more, finds it by that value.
func (f *flight) refused(e *pipeline.Entry) bool { return f.led != "" && e.Version >= f.version }

// repeats tells whether a change is the attempt once more, an upsert whose match value led to a record when somebody looked
// last, be it another row's by people's merges: of one value there can't be two, so that neither makes one while it is there,
// and if it goes, the second of them finds what the first has made (DESIGN 4.7).
func (f *flight) repeats(c *pipeline.Change) bool {
	return f.still && f.action == pipeline.Upsert && c.Action == f.action && c.Version == f.version && c.Hash == f.hash
}

// TestMadeTwice proves what the oracle takes for a record that may be made twice: an upsert after one that nobody heard of,
// if that one may still land, or if nobody has looked what became of it; but not the same one, if its value led to a record
// when somebody looked last.
func TestMadeTwice(t *testing.T) {
	for name, test := range map[string]struct {
		looks   []bool // somebody looks, and finds a record of another row, or none
		decided bool
		after   time.Duration
		again   int64 // the version that is sent
		allowed bool
	}{
		"nobody looked":                         {after: 2 * landing, again: 1},
		"nobody looked, but it was decided":     {decided: true, after: 2 * landing, again: 2},
		"looked too early":                      {looks: []bool{false}, after: 2 * landing, again: 1},
		"found a record":                        {looks: []bool{true}, after: landing / 2, again: 1, allowed: true},
		"found one, and then none":              {looks: []bool{true, false}, after: landing / 2, again: 1},
		"found one, but it's another version":   {looks: []bool{true}, after: 2 * landing, again: 2},
		"looked and decided, but it may land":   {looks: []bool{true}, decided: true, after: landing / 2, again: 2},
		"looked and decided, and it can't land": {looks: []bool{true}, decided: true, after: 2 * landing, again: 2, allowed: true},
	} {
		bubble(t, func(t *testing.T) {
			w, ctx := newWorld(1), context.Background()
			h := w.hub
			h.limits = pipeline.Limits{Object: "things", Match: "id", Landing: landing}
			r, err := w.store.Start(ctx, pipeline.Begin{Pipeline: "p", Account: "hub"})
			if err != nil {
				t.Fatal(err)
			}
			upsert := pipeline.Change{Key: "k", Version: 1, TraceID: "t1", Action: pipeline.Upsert, Match: "k", Values: []pipeline.Value{pipeline.StringValue("a")}}
			record := h.create(&upsert, time.Now()) // by an earlier version; it's another row's now
			h.sent["k"] = append(h.sent["k"], &flight{p: &process{}, version: 1, action: pipeline.Upsert, at: time.Now()})
			for _, there := range test.looks {
				record.gone = !there
				h.look(w.s.dice("look"), &upsert)
			}
			if test.decided {
				refused := pipeline.Decision{Key: "k", Version: 1, Verdict: pipeline.Refused}
				if err := w.store.Commit(ctx, pipeline.Commit{Pipeline: "p", Epoch: r.Epoch, Decisions: []pipeline.Decision{refused}}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(test.after)
			upsert.Version, upsert.TraceID = test.again, "t2"
			if w.disciplined(&upsert); len(w.broken) == 0 != test.allowed {
				t.Errorf("%s: allowed %v, want %v: %v", name, len(w.broken) == 0, test.allowed, w.broken)
			}
		})
	}
}

// TestRowsOf proves whose rows the oracle takes for touched when people lay hands on a record: those that it was written for, and
// another spelling of its match value once a look has led that there.
func TestRowsOf(t *testing.T) {
	for name, test := range map[string]struct {
		key  string
		look bool
		want bool
	}{
		"another spelling, led there":          {"K", true, true},
		"another spelling that nobody has led": {"K", false, false},
		"another row":                          {"l", true, false},
	} {
		bubble(t, func(t *testing.T) {
			w := newWorld(1)
			h := w.hub
			h.limits = pipeline.Limits{Object: "things", Match: "id", Landing: landing}
			record := h.create(&pipeline.Change{Key: "k", Match: "k"}, time.Now())
			upsert := pipeline.Change{Key: test.key, Version: 1, Action: pipeline.Upsert, Match: fold(test.key)}
			h.sent[test.key] = []*flight{{p: &process{}, version: 1, action: pipeline.Upsert, at: time.Now()}}
			if test.look {
				h.look(w.s.dice("look"), &upsert)
			}
			if got := slices.Contains(h.rowsOf(record), test.key); got != test.want {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		})
	}
}
