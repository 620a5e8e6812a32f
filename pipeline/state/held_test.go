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
					if _, _, err := s.Retry(t.Context(), Filter{Pipeline: "p", IDs: []int64{l.ID}}); err != nil {
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

// TestRetryWithoutIDs proves that a create that is held is let go only where somebody names it: one retry of all dead
// letters would double what was made.
func TestRetryWithoutIDs(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{Fingerprint: "f"})
		held := pipeline.Decision{Key: "held", Version: 1, Hash: hash(1), Held: true, Reject: reject("held", "sink", "in_doubt")}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{held}, Position: pipeline.Position("here")})
		for _, name := range []string{"p", ""} {
			n, left, err := s.Retry(t.Context(), Filter{Pipeline: name})
			equal(t, "retried, left out", []any{n, left, err}, []any{0, 1, nil})
		}
		if n, left, err := s.Retry(t.Context(), Filter{Pipeline: "another"}); n != 0 || left != 0 || err != nil {
			t.Errorf("of another pipeline %d retried, %d left out: %v", n, left, err)
		}
		r.finish(pipeline.Finish{Keep: true})
		r = begin(t, s, pipeline.Begin{Fingerprint: "f"})
		equal(t, "where the next run begins, as nothing was retried", r.Position, pipeline.Position("here"))
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("bad", 1, hash(2), "bad")}})
		n, left, err := s.Retry(t.Context(), Filter{Pipeline: "p"})
		equal(t, "retried, left out beside an open one", []any{n, left, err}, []any{1, 1, nil})
		equal(t, "held", r.known("held")[0].Held, true)
		equal(t, "letters", codes(r.letters(Filter{})), []string{"bad sink/bad open", "held sink/in_doubt held"})
	})
}

// TestRejectedWithoutAnAnswer proves that a row is remembered as rejected whose record may hold it or not, and that the
// ledger doesn't know the record's content any more.
func TestRejectedWithoutAnAnswer(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("k", 1, hash(1), "10")}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{
			{Key: "k", Version: 2, Hash: hash(2), ID: "10", Verdict: pipeline.Found, Reject: reject("k", "sink", "no_answer")},
			{Key: "new", Version: 1, Hash: hash(3), ID: "20", Verdict: pipeline.Found, Made: true, Reject: reject("new", "sink", "no_answer")},
		}})
		equal(t, "entries", r.known("k", "new"), []pipeline.Entry{{Version: 2, Rejected: hash(2), ID: "10"}, {Version: 1, Rejected: hash(3), ID: "20", Made: true}})
		equal(t, "letters", codes(r.letters(Filter{})), []string{"new sink/no_answer open", "k sink/no_answer open"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("k", 3, hash(1), "10")}})
		equal(t, "letters once it is written", codes(r.letters(Filter{})), []string{"new sink/no_answer open"})
	})
}
