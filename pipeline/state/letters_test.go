package state

import (
	"fmt"
	"testing"

	"sluice/pipeline"
)

// A refused row has exactly one open dead letter, however often it is refused, until it is written (I2).
func TestDeadLettersOfDecisions(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 1, hash(1), "bad"), refused("b", 1, hash(1), "bad")}})
		first := r.letters(Filter{Key: "a"})[0]
		r.finish(pipeline.Finish{})
		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 2, hash(2), "bad")}})
		again := r.letters(Filter{Key: "a"})[0]
		if again.ID != first.ID || again.Run != first.Run || again.LastRun != r.Run || again.Last.Before(first.Last) {
			t.Errorf("refused again: %+v, at first %+v", again, first)
		}
		equal(t, "place and message", []string{again.Place, again.Message}, []string{"f.csv:7", "sink said no"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 3, hash(3), "worse")}})
		equal(t, "refused for another reason", codes(r.letters(Filter{})), []string{"a sink/worse open", "b sink/bad open"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 4, hash(4), "1")}})
		equal(t, "written", codes(r.letters(Filter{})), []string{"b sink/bad open"})
		equal(t, "all", codes(r.letters(Filter{Closed: true})), []string{"a sink/worse closed", "b sink/bad open", "a sink/bad closed"})
	})
}

func TestDeadLettersOfRows(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		rejects := []pipeline.Reject{*reject("", "source", "ragged"), *reject("k", "map", "bad_date"), *reject("k", "map", "bad_date")}
		r.commit(pipeline.Commit{Rejects: rejects})
		r.commit(pipeline.Commit{Rejects: rejects})
		equal(t, "dead letters", codes(r.letters(Filter{})), []string{"k map/bad_date open", "f.csv:7 source/ragged open"})
		equal(t, "by code", codes(r.letters(Filter{Pipeline: "p", Code: "ragged"})), []string{"f.csv:7 source/ragged open"})
		equal(t, "by id and limit", codes(r.letters(Filter{IDs: []int64{1, 2, 3}, Limit: 1})), []string{"k map/bad_date open"})
		equal(t, "of another pipeline", codes(r.letters(Filter{Pipeline: "q"})), nil)
	})
}

// A row that a saved plan's run has refused as changed, and that can't be written for another reason now, has one open dead
// letter (I2): also where its source is never read as a whole.
func TestADeadLetterOfAPlanMakesRoom(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 1, pipeline.Hash{}, pipeline.PlanChanged), refused("b", 1, pipeline.Hash{}, pipeline.PlanChanged), refused("c", 1, hash(1), "bad")}})
		r.finish(pipeline.Finish{})
		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Rejects: []pipeline.Reject{*reject("a", "map", "bad_date"), *reject("c", "map", "bad_date"), *reject("", "source", "ragged")}})
		equal(t, "dead letters", codes(r.letters(Filter{Key: "a"})), []string{"a map/bad_date open"})
		equal(t, "of a row that is as it was", codes(r.letters(Filter{Key: "b"})), []string{"b sink/plan_changed open"})
		equal(t, "of one that the sink refused", len(r.letters(Filter{Key: "c"})), 2)

		planned := *reject("d", "sink", pipeline.PlanChanged)
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("d", 1, hash(1), "bad")}})
		r.commit(pipeline.Commit{Rejects: []pipeline.Reject{planned}})
		again := r.letters(Filter{Key: "d", Code: pipeline.PlanChanged})[0].ID
		r.commit(pipeline.Commit{Rejects: []pipeline.Reject{planned}})
		equal(t, "refused by the plan again", r.letters(Filter{Key: "d", Code: pipeline.PlanChanged})[0].ID, again)
		r.commit(pipeline.Commit{Seen: []string{"d"}})
		equal(t, "of a row that is again as the sink refused it", codes(r.letters(Filter{Key: "d"})), []string{"d sink/bad open"})
	})
}

// At the end of a complete run, dead letters that weren't seen are closed, and what was refused is forgotten.
func TestUnseenDeadLettersAreClosed(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		held := pipeline.Decision{Key: "held", Version: 1, Held: true, Reject: reject("held", "sink", "in_doubt")}
		r.commit(pipeline.Commit{
			Decisions: []pipeline.Decision{refused("gone", 1, hash(1), "bad"), refused("seen", 1, hash(2), "bad"), held},
			Rejects:   []pipeline.Reject{*reject("", "source", "ragged")},
		})
		r.finish(pipeline.Finish{Complete: true, Whole: true})
		equal(t, "after the run that refused", len(r.letters(Filter{})), 4)

		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Seen: []string{"seen"}})
		r.finish(pipeline.Finish{Status: "interrupted"})
		equal(t, "after an incomplete run", len(r.letters(Filter{})), 4)

		r = begin(t, s, pipeline.Begin{})
		r.finish(pipeline.Finish{Complete: true})
		equal(t, "after a run that read the rest", len(r.letters(Filter{})), 4)

		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Seen: []string{"seen"}})
		r.finish(pipeline.Finish{Complete: true, Whole: true})
		equal(t, "after a complete run", codes(r.letters(Filter{})), []string{"held sink/in_doubt held", "seen sink/bad open"})
		equal(t, "entries", r.known("gone", "seen", "held"), []pipeline.Entry{{Version: 1}, {Version: 1, Rejected: hash(2)}, {Version: 1, Held: true}})
	})
}

func TestRetry(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{Fingerprint: "f"})
		held := pipeline.Decision{Key: "held", Version: 1, Held: true, Reject: reject("held", "sink", "in_doubt")}
		r.commit(pipeline.Commit{
			Decisions: []pipeline.Decision{done("a", 1, hash(1), "10"), refused("a", 2, hash(2), "bad"), refused("b", 1, hash(3), "bad"),
				held, done("linked", 1, hash(4), "40")},
			Links:    []pipeline.LinkDecision{{Key: "linked", Slot: "s", Reject: reject("linked", "link", "no_such_label")}},
			Position: pipeline.Position("here"),
		})
		r.finish(pipeline.Finish{Keep: true})
		equal(t, "refused link", r.known("linked"), []pipeline.Entry{{Version: 1, Hash: hash(4), Rejected: hash(4), ID: "40"}})

		var ids []int64
		for _, l := range r.letters(Filter{}) {
			if l.Key != "b" {
				ids = append(ids, l.ID)
			}
		}
		for _, pipeline := range []string{"another", "p"} {
			n, _, err := s.Retry(t.Context(), Filter{Pipeline: pipeline, IDs: ids})
			if want := map[string]int{"p": 3}[pipeline]; err != nil || n != want {
				t.Fatalf("retried %d of %s, %v", n, pipeline, err)
			}
		}
		equal(t, "entries", r.known("a", "b", "held", "linked"), []pipeline.Entry{
			{Version: 2, Hash: hash(1), ID: "10"}, {Version: 1, Rejected: hash(3)}, {Version: 1}, {Version: 1, ID: "40"}})
		equal(t, "letters stay open", codes(r.letters(Filter{IDs: ids})), []string{"linked link/no_such_label open", "held sink/in_doubt open", "a sink/bad open"})
		r = begin(t, s, pipeline.Begin{Fingerprint: "f"})
		equal(t, "position", r.Position, pipeline.Position(nil))
		r.commit(pipeline.Commit{Position: pipeline.Position("there")})
		r.finish(pipeline.Finish{Keep: true})
		equal(t, "position of the run after", begin(t, s, pipeline.Begin{Fingerprint: "f"}).Position, pipeline.Position("there"))
	})
}

// TestRetryOfSome proves that a retry takes the dead letters of the code and the key that are asked for, and no others.
func TestRetryOfSome(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{Fingerprint: "f"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 1, hash(1), "bad"), refused("b", 1, hash(2), "worse"), refused("c", 1, hash(3), "bad"),
			{Key: "held", Version: 1, Hash: hash(4), Held: true, Reject: reject("held", "sink", "in_doubt")}}})
		refusals := func() (hashes []pipeline.Hash) {
			for _, e := range r.known("a", "b", "c") {
				hashes = append(hashes, e.Rejected)
			}
			return hashes
		}
		for _, step := range []struct {
			of            Filter
			retried, held int
			left          []pipeline.Hash
		}{
			{Filter{Code: "none"}, 0, 0, []pipeline.Hash{hash(1), hash(2), hash(3)}},
			{Filter{Code: "worse"}, 1, 0, []pipeline.Hash{hash(1), {}, hash(3)}},
			{Filter{Code: "bad", Key: "c"}, 1, 0, []pipeline.Hash{hash(1), {}, {}}},
			{Filter{Code: "in_doubt"}, 0, 1, []pipeline.Hash{hash(1), {}, {}}},
			{Filter{}, 3, 1, []pipeline.Hash{{}, {}, {}}},
		} {
			retried, held, err := s.Retry(t.Context(), step.of)
			equal(t, fmt.Sprintf("retried and left out of %+v", step.of), []any{retried, held, err}, []any{step.retried, step.held, nil})
			equal(t, fmt.Sprintf("refused after %+v", step.of), refusals(), step.left)
		}
	})
}

// A retry during a run makes the next run read from the start, although this one moves its checkpoint.
func TestRetryDuringARun(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 1, hash(1), "bad")}})
		if n, _, err := again().Retry(t.Context(), Filter{}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		r.commit(pipeline.Commit{Position: pipeline.Position("far")})
		r.finish(pipeline.Finish{Keep: true})
		equal(t, "position", begin(t, s, pipeline.Begin{}).Position, pipeline.Position(nil))
	})
}

// A commit that asks for it makes the next run read from the start, and only that one, although the checkpoint moves.
func TestRereadByACommit(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		for _, want := range []pipeline.Position{nil, pipeline.Position("far")} {
			r := begin(t, s, pipeline.Begin{})
			r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 1, hash(1), "bad")}, Reread: want == nil})
			r.commit(pipeline.Commit{Position: pipeline.Position("far")})
			r.finish(pipeline.Finish{Keep: true})
			next := begin(t, s, pipeline.Begin{})
			equal(t, "position", next.Position, want)
			next.finish(pipeline.Finish{Keep: true})
		}
	})
}

// A row that is refused again after a retry leaves a trail: the same reason is the same dead letter, another one follows it.
func TestARetriedDeadLetterIsFollowed(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 1, hash(1), "bad"), refused("b", 1, hash(1), "bad"), refused("c", 1, hash(1), "bad")}})
		r.finish(pipeline.Finish{})
		first := map[string]int64{}
		for _, l := range r.letters(Filter{}) {
			first[l.Key] = l.ID
		}
		if _, _, err := s.Retry(t.Context(), Filter{Pipeline: "p", IDs: []int64{first["a"], first["b"]}}); err != nil {
			t.Fatal(err)
		}
		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 2, hash(2), "bad"), refused("b", 2, hash(2), "worse"), refused("c", 2, hash(2), "worse")}})
		r.finish(pipeline.Finish{})
		got := map[string]int64{}
		for _, l := range r.letters(Filter{}) {
			got[l.Key] = l.Follows
			if same := l.ID == first[l.Key]; same != (l.Key == "a") {
				t.Errorf("the dead letter of %s is the same: %v", l.Key, same)
			}
		}
		equal(t, "follows", got, map[string]int64{"a": 0, "b": first["b"], "c": 0})
		for i, verdict := range []pipeline.Decision{done("b", 3, hash(3), "1"), refused("b", 4, hash(4), "bad")} {
			r = begin(t, s, pipeline.Begin{})
			r.commit(pipeline.Commit{Decisions: []pipeline.Decision{verdict}})
			r.finish(pipeline.Finish{})
			if l := r.letters(Filter{Key: "b"}); i == 1 && l[0].Follows != 0 {
				t.Errorf("a reject after a success follows %d", l[0].Follows)
			}
		}
	})
}
