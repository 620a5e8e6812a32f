package pipeline_test

import (
	"context"
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
