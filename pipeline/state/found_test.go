package state

import (
	"testing"

	"sluice/pipeline"
)

// TestARefusedLinkDoesNotKeepItsRowFromBeingSentAgain proves that a row whose link was refused is sent again once its
// record holds something else: what was refused was the link, not the row.
func TestARefusedLinkDoesNotKeepItsRowFromBeingSentAgain(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("link", 1, hash(1), "7"), done("row", 1, hash(1), "8"), refused("row", 2, hash(2), "bad")}})
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "link", Slot: "s", From: "7", To: "9", Reject: reject("link", "link", "no_link")}}})
		equal(t, "after the refusals", r.known("link", "row"), []pipeline.Entry{{Version: 1, Hash: hash(1), Rejected: hash(1), ID: "7"},
			{Version: 2, Hash: hash(1), Rejected: hash(2), ID: "8"}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{{Key: "link", Version: 2, ID: "7", Verdict: pipeline.Found},
			{Key: "row", Version: 3, ID: "8", Verdict: pipeline.Found}}})
		equal(t, "once other content may be there", r.known("link", "row"), []pipeline.Entry{{Version: 2, ID: "7"}, {Version: 3, Rejected: hash(2), ID: "8"}})
	})
}

// TestARefusedLinkIsAskedForAgainAfterItsRowWasRefused proves that a row that goes back to content of which a link was
// refused is looked at again: the dead letter of that link went when the row itself was refused.
func TestARefusedLinkIsAskedForAgainAfterItsRowWasRefused(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("row", 1, hash(1), "7")},
			Links: []pipeline.LinkDecision{{Key: "row", Slot: "s", From: "7", To: "9", Reject: reject("row", "link", "no_link")}}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("row", 2, hash(2), "bad")}})
		equal(t, "open", codes(r.letters(Filter{})), []string{"row sink/bad open"})
		equal(t, "entry", r.known("row"), []pipeline.Entry{{Version: 2, Rejected: hash(2), ID: "7"}})
	})
}

// TestAMatchValueThatIsLearntAndGivenUpIsNobodys proves that a match value which one commit first learns as that of a
// record and then takes from it is nobody's afterwards: not that of the record either that had it before the commit.
func TestAMatchValueThatIsLearntAndGivenUpIsNobodys(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		named := func(key, value, id string) pipeline.Decision {
			d := done(key, 1, hash(1), id)
			d.Record = &pipeline.RecordID{Object: "things", Property: "n", Value: value, ID: id}
			return d
		}
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{named("first", "v", "7")}})
		given := named("second", "w", "8")
		given.Version = 2
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{named("second", "v", "8"), given}})
		found, err := s.Records(t.Context(), account, "things", "n", []string{"v", "w"})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "records", found, map[string]string{"w": "8"})
	})
}

// TestALinkRefusedWhileAnotherRefusalPasses proves that the end of a run that has seen all keeps the refusal of a link that it has
// met, though it closes another dead letter of the same row, whose content is no longer in the source.
func TestALinkRefusedWhileAnotherRefusalPasses(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("row", 1, hash(1), "7"), refused("row", 2, hash(2), "bad")}})
		r.finish(pipeline.Finish{})
		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "row", Slot: "s", From: "7", To: "9", Reject: reject("row", "link", "no_link")}}})
		r.finish(pipeline.Finish{Complete: true, Whole: true})
		equal(t, "open", codes(r.letters(Filter{})), []string{"row link/no_link open"})
		equal(t, "entry", r.known("row"), []pipeline.Entry{{Version: 2, Hash: hash(1), Rejected: hash(1), ID: "7"}})
	})
}

// TestASeenRefusalTouchesNoOther proves that a row which is seen to be as it was refused keeps open what the destination has said of
// it, and not what a stage before has said of a row that isn't in the source any more: that would tell of it itself.
func TestASeenRefusalTouchesNoOther(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("row", 1, hash(1), "bad")},
			Rejects: []pipeline.Reject{*reject("row", "map", "bad_name"), *reject("row", pipeline.StageLink, pipeline.ParkedTooLong)}})
		r.finish(pipeline.Finish{})
		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Seen: []string{"row"}})
		r.finish(pipeline.Finish{Complete: true, Whole: true})
		equal(t, "open", codes(r.letters(Filter{})), []string{"row sink/bad open"})
		equal(t, "entry", r.known("row"), []pipeline.Entry{{Version: 1, Rejected: hash(1)}})
	})
}

// TestARefusalPassesBesideAnEarlierStages proves that what the sink has refused is forgotten with its dead letter, though something
// else is wrong with another row of the key: when the row comes back, it is told of again.
func TestARefusalPassesBesideAnEarlierStages(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("row", 1, hash(1), "bad")}})
		r.finish(pipeline.Finish{})
		r = begin(t, s, pipeline.Begin{})
		r.commit(pipeline.Commit{Rejects: []pipeline.Reject{*reject("row", "map", "bad_name"), *reject("row", pipeline.StageSink, "key_collision"),
			*reject("row", pipeline.StageLink, pipeline.ParkedTooLong)}})
		r.finish(pipeline.Finish{Complete: true, Whole: true})
		equal(t, "open", codes(r.letters(Filter{})), []string{"row link/parked_too_long open", "row sink/key_collision open", "row map/bad_name open"})
		equal(t, "entry", r.known("row"), []pipeline.Entry{{Version: 1}})
	})
}
