package state

import (
	"testing"

	"sluice/pipeline"
)

// TestAHeldCreateIsLetGoByItsOwnDeadLetterOnly proves that a create whose outcome nobody can tell isn't repeated because
// another dead letter of its key was retried, or closed since its row is gone.
func TestAHeldCreateIsLetGoByItsOwnDeadLetterOnly(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("k", 1, hash(1), "too_long")}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{{Key: "k", Version: 2, Hash: hash(2), Held: true, Reject: reject("k", "sink", "in_doubt")}},
			Rejects: []pipeline.Reject{*reject("k", "map", "bad_name")}})
		retry := func(state string) {
			for _, l := range r.letters(Filter{Pipeline: "p"}) {
				if l.State == state {
					if _, err := s.Retry(t.Context(), "p", []int64{l.ID}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		retry(stateOpen)
		equal(t, "held after the retry of another letter", r.known("k")[0].Held, true)
		r.finish(pipeline.Finish{})
		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Seen: []string{"other"}})
		r.finish(pipeline.Finish{Complete: true, Whole: true})
		equal(t, "held after a run that hasn't seen the row", r.known("k")[0].Held, true)
		retry(stateHeld)
		equal(t, "held after the retry of its own letter", r.known("k")[0].Held, false)
	})
}
