package state

import (
	"testing"

	"sluice/pipeline"
)

// TestEarlier proves that the dead letters are counted that runs since the last one that was done have left open: neither those
// of that one or before, nor those that this run has met itself, nor what was decided since, nor another pipeline's.
func TestEarlier(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		earlier := func(r *played, want int64) {
			t.Helper()
			if got, err := s.Earlier(t.Context(), r.name, r.Run, false); got != want || err != nil {
				t.Errorf("run %d: %d earlier, %v; want %d", r.Run, got, err, want)
			}
		}
		refuse := func(keys ...string) (list []pipeline.Decision) {
			for _, key := range keys {
				list = append(list, refused(key, 1, hash(1), "too_long"))
			}
			return list
		}
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: refuse("old")})
		earlier(r, 0)
		r.finish(pipeline.Finish{})

		r = begin(t, s, pipeline.Begin{})
		earlier(r, 0)
		held := pipeline.Decision{Key: "held", Version: 1, Hash: hash(1), Held: true, Reject: reject("held", "sink", "in_doubt")}
		r.commit(pipeline.Commit{Decisions: append(refuse("a", "b", "c"), held), Rejects: []pipeline.Reject{*reject("", "source", "ragged_row")}})
		r.finish(pipeline.Finish{Status: "paused"})
		other := begin(t, s, pipeline.Begin{Pipeline: "q"})
		earlier(other, 0)
		other.finish(pipeline.Finish{})

		r = begin(t, s, pipeline.Begin{})
		earlier(r, 5)
		r.commit(pipeline.Commit{Decisions: append(refuse("d"), done("b", 2, hash(2), "1")), Seen: []string{"a"}})
		earlier(r, 3) // c, held, and the row without a key
		crash(s)
		r = begin(t, s, pipeline.Begin{})
		earlier(r, 5) // with a and d
		if n, err := s.Earlier(t.Context(), r.name, r.Run, true); n != 1 || err != nil {
			t.Errorf("%d of a source that was read whole, %v; want 1, the one that is held", n, err)
		}
		r.finish(pipeline.Finish{})
		earlier(begin(t, s, pipeline.Begin{}), 0)
	})
}
