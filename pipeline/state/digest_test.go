package state

import (
	"fmt"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/digest"
)

// digested returns what the digest has of keys: "-" for a key that it doesn't know, "?" where the ledger is to be asked, and
// else the first byte of the hash.
func (r *played) digested(keys ...string) (said string) {
	r.t.Helper()
	has := map[uint64]uint64{}
	_, err := r.s.Digest(r.t.Context(), r.name, r.Epoch, func(packed []byte) error {
		for key, content := range digest.Entries(packed) {
			has[key] = content
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, key := range keys {
		switch content, known := has[digest.Key(key)]; {
		case !known:
			said += "-"
		case content == digest.Ask:
			said += "?"
		default:
			said += fmt.Sprint(content & 0xff)
		}
	}
	return said
}

// digestRows returns how many rows the digest has.
func (r *played) digestRows() (n int) {
	r.t.Helper()
	if err := r.s.db.view(r.t.Context(), func(v session) error {
		_, err := one(r.t.Context(), v, []any{&n}, `select count(*) from sluice.digest where pipeline = $1`, r.name)
		return err
	}); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// TestDigestFollowsTheLedger proves that a digest knows the content of exactly the rows that need nothing as long as it is the
// same: not that of one that was refused, is held, waits for links, or whose content isn't known.
func TestDigestFollowsTheLedger(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		equal(t, "of nothing", r.digested("a"), "-")
		waits := done("e", 1, hash(5), "50")
		waits.Links = []pipeline.LinkChange{wanted("s", false, pipeline.LinkEnd{Object: "x"}, pipeline.LinkEnd{Object: "x", ID: "9"})}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{
			done("a", 1, hash(1), "10"), refused("b", 1, hash(2), "bad"), {Key: "c", Version: 1, Hash: hash(3), Held: true, Reject: reject("c", "sink", "in_doubt")},
			{Key: "d", ID: "40", Verdict: pipeline.Found}, waits,
		}})
		equal(t, "entries", r.digested("a", "b", "c", "d", "e", "f"), "1????-")
		state := linkState("s", "50", "9")
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "e", Slot: "s", From: "50", To: "9", State: &state}}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("a", 2, hash(7), "bad"), done("b", 2, hash(4), "20")}})
		equal(t, "entries", r.digested("a", "b", "e"), "?45")
		r.commit(pipeline.Commit{Position: pipeline.Position("x")})
		equal(t, "rows, one a commit that changes the ledger", r.digestRows(), 3)
	})
}

// TestDigestIsCompacted proves that compacting keeps what the digest says, unless it was added to meanwhile, and that a run
// that has lost its lease can't.
func TestDigestIsCompacted(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		for version := range int64(4) {
			r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", version+1, hash(byte(version+1)), "10"), done("b", version+1, hash(9), "20")}})
		}
		size, err := s.DigestSize(t.Context(), "p")
		equal(t, "size", []any{size, err}, []any{int64(8), error(nil)})
		run := &machineRun{machineStore: real{s}, Resume: r.Resume}
		if err := run.compact(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
		equal(t, "rows", r.digestRows(), 1)
		equal(t, "compacted", r.digested("a", "b"), "49")
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 5, hash(5), "10")}})
		if err := s.Compact(t.Context(), "p", r.Epoch, 4, digest.NewTable(0).Packed(1)); err != nil {
			t.Fatal(err)
		}
		equal(t, "after a commit", r.digested("a", "b"), "59")
		if err := s.Compact(t.Context(), "p", r.Epoch-1, 5, digest.NewTable(0).Packed(1)); err == nil {
			t.Error("a run without the lease compacts")
		}
	})
}

// TestDigestIsMadeAgain proves that a digest is never believed that may not be in step with the ledger: after rows were
// changed or taken away by hand, after parts of the digest were lost or put back, and in a state from before there was one.
func TestDigestIsMadeAgain(t *testing.T) {
	for _, c := range []struct{ what, sql, want string }{
		{"nothing", `select 1`, "12"},
		{"a hash is forgotten by hand", `update sluice.ledger set hash = null where key = 'a'`, "?2"},
		{"a row is held by hand", `update sluice.ledger set held = true where key = 'b'`, "1?"},
		{"a row is deleted by hand", `delete from sluice.ledger where key = 'a'`, "-2"},
		{"the digest is lost", `delete from sluice.digest`, "12"},
		{"its last part is lost", `delete from sluice.digest where commit_no = 2`, "12"},
		{"the progress is reset", `delete from sluice.progress`, "12"},
		{"the state was from before there was a digest", `update sluice.progress set digest_no = null`, "12"},
	} {
		t.Run(c.what, func(t *testing.T) {
			conform(t, func(t *testing.T, s *store, _ func() *store) {
				r := begin(t, s, pipeline.Begin{})
				r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("a", 1, hash(1), "10")}})
				r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("b", 1, hash(2), "20")}})
				r.finish(pipeline.Finish{Status: "done"})
				if err := s.db.update(t.Context(), func(tx session) error {
					_, err := tx.exec(t.Context(), c.sql)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				r = begin(t, s, pipeline.Begin{})
				equal(t, "digest", r.digested("a", "b"), c.want)
				r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("b", 2, hash(3), "20")}})
				equal(t, "after a commit", r.digested("a", "b"), c.want[:1]+"3")
			})
		})
	}
}
