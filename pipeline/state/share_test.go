package state

import (
	"testing"

	"sluice/migrations"
	"sluice/pipeline"
)

// sharers returns who has links of pairs of records, as the pipeline p sees it.
func sharers(t *testing.T, s *store, pairs ...[2]string) []pipeline.SharedLink {
	t.Helper()
	list, err := s.Sharers(t.Context(), "p", pairs)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSharers proves that all rows of all pipelines are found that have a link of the same two records, whichever way round,
// as long as they have it: until it is taken back, or their record is another one or gone.
func TestSharers(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		linked := func(key, slot, from, to string) pipeline.LinkDecision {
			state := linkState(slot, from, to)
			return pipeline.LinkDecision{Key: key, Slot: slot, From: from, To: to, State: &state}
		}
		shared := func(key, slot, from, to string) pipeline.SharedLink {
			return pipeline.SharedLink{Key: key, LinkState: linkState(slot, from, to)}
		}
		mine, theirs := begin(t, s, pipeline.Begin{}), begin(t, s, pipeline.Begin{Pipeline: "q"})
		mine.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "7"), done("b", 1, hash(1), "8"), done("c", 1, hash(1), "9")},
			Links: []pipeline.LinkDecision{linked("a", "s", "7", "5"), linked("a", "t", "7", "5"), linked("a", "t", "7", "6"), linked("c", "s", "9", "5")}})
		theirs.commit(pipeline.Commit{Links: []pipeline.LinkDecision{linked("x", "s", "5", "7")}})
		all := []pipeline.SharedLink{shared("a", "s", "7", "5"), shared("a", "t", "7", "5"), shared("", "s", "5", "7")}
		equal(t, "one way round", sharers(t, s, [2]string{"7", "5"}), all)
		equal(t, "the other, and twice", sharers(t, s, [2]string{"5", "7"}, [2]string{"7", "5"}), all)
		equal(t, "several pairs of a row", sharers(t, s, [2]string{"6", "7"}, [2]string{"9", "5"}, [2]string{"8", "5"}),
			[]pipeline.SharedLink{shared("a", "t", "7", "6"), shared("c", "s", "9", "5")})
		equal(t, "no pair", sharers(t, s), []pipeline.SharedLink(nil))

		mine.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "a", Slot: "s", Remove: true, From: "7", To: "5"}}})
		equal(t, "one of two is taken back", sharers(t, s, [2]string{"7", "5"}), all[1:])
		mine.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "a", Slot: "t", Remove: true, From: "7", To: "5"}}})
		equal(t, "both are", sharers(t, s, [2]string{"7", "5"}), all[2:])

		merged := done("a", 2, hash(2), "70")
		merged.Merged = "7"
		mine.commit(pipeline.Commit{Decisions: []pipeline.Decision{merged}})
		equal(t, "merged: links go with the record", sharers(t, s, [2]string{"7", "6"}, [2]string{"70", "6"}), []pipeline.SharedLink{shared("a", "t", "70", "6")})
		other := done("a", 3, hash(3), "71")
		other.Stays = true
		mine.commit(pipeline.Commit{Decisions: []pipeline.Decision{other}})
		equal(t, "another record, and the former one stays", sharers(t, s, [2]string{"70", "6"}), []pipeline.SharedLink{shared("a", "t", "70", "6")})
		parted := done("a", 4, hash(4), "")
		parted.Gone, parted.Stays = true, true
		mine.commit(pipeline.Commit{Decisions: []pipeline.Decision{parted}})
		equal(t, "its record stays, as another's", sharers(t, s, [2]string{"70", "6"}), []pipeline.SharedLink{shared("a", "t", "70", "6")})
		gone := done("a", 5, hash(5), "")
		gone.Gone = true
		mine.commit(pipeline.Commit{Decisions: []pipeline.Decision{gone}})
		equal(t, "archived", sharers(t, s, [2]string{"70", "6"}), []pipeline.SharedLink(nil))
	})
}

// TestUpgradeKnowsWhoSharesLinks proves that links from before there was an index of them are in it.
func TestUpgradeKnowsWhoSharesLinks(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			s := openStore(t, b.url(t), times)
			list, err := readMigrations(migrations.Files, s.db.dialect().name)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.migrate(t.Context(), list[:9]); err != nil {
				t.Fatal(err)
			}
			links := []pipeline.LinkState{linkState("s", "70", "8"), linkState("t", "8", "70"), linkState("t", "70", "9")}
			err = s.db.update(t.Context(), func(tx session) error {
				for key, links := range map[string]any{"a": encode(links), "none": nil} {
					if _, err := tx.exec(t.Context(), `
insert into sluice.ledger (pipeline, key, version, links, commit_no, updated_at) values ('p', $1, 1, $2, 1, {now})`, key, links); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			var want []pipeline.SharedLink
			for _, l := range links {
				want = append(want, pipeline.SharedLink{Key: "a", LinkState: l})
			}
			equal(t, "shared", sharers(t, s, [2]string{"9", "70"}, [2]string{"70", "8"}), want)
		})
	}
}
