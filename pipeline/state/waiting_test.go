package state

import (
	"fmt"
	"testing"
	"time"

	"sluice/pipeline"
)

func wanted(slot string, remove bool, from, to pipeline.LinkEnd) pipeline.LinkChange {
	return pipeline.LinkChange{Slot: slot, Remove: remove, From: from, To: to, Label: "chair"}
}

func linkState(slot, from, to string) pipeline.LinkState {
	return pipeline.LinkState{Slot: slot, FromID: from, ToID: to, From: "contacts", To: "companies", Label: "chair", Types: "14", Made: true}
}

// Ends get their ids as soon as any pipeline of the account has written the record.
func TestWaitingLinksFindTheirEnds(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		own := pipeline.LinkEnd{Object: "contacts"}
		to := pipeline.LinkEnd{Object: "companies", Property: "number", Value: "c1"}
		d := done("k", 1, hash(1), "10")
		d.Links = []pipeline.LinkChange{wanted("s", false, own, to)}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		want := d.Links[0]
		want.Key, want.From.ID = "k", "10"
		equal(t, "before the other end is written", r.waiting(), []pipeline.LinkChange{want})
		equal(t, "entry", r.known("k"), []pipeline.Entry{{Version: 1, Hash: hash(1), ID: "10", Waiting: true}})

		other := begin(t, s, pipeline.Begin{Pipeline: "companies"})
		company := done("c", 1, hash(2), "20")
		company.Record = &pipeline.RecordID{Object: "companies", Property: "number", Value: "c1", ID: "20"}
		other.commit(pipeline.Commit{Decisions: []pipeline.Decision{company}})
		want.To.ID = "20"
		equal(t, "after", r.waiting(), []pipeline.LinkChange{want})

		now := linkState("s", "10", "20")
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{linked("k", &now)}})
		equal(t, "once written", r.waiting(), nil)
		equal(t, "entry", r.known("k"), []pipeline.Entry{{Version: 1, Hash: hash(1), ID: "10", Links: []pipeline.LinkState{now}}})
	})
}

// An end whose record was made anew while its link waits for the other end is the new record. A link that is there stays known
// by the ids by which it was made.
func TestWaitingLinksLeadToRecordsMadeAnew(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		other := begin(t, s, pipeline.Begin{Pipeline: "companies"})
		company := func(version int64, id string) {
			t.Helper()
			d := done("c", version, hash(2), id)
			d.Record = &pipeline.RecordID{Object: "companies", Property: "number", Value: "c1", ID: id}
			other.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		}
		company(1, "20")
		from := pipeline.LinkEnd{Object: "companies", Property: "number", Value: "c1", ID: "20"}
		d := done("k", 1, hash(1), "")
		d.Links = []pipeline.LinkChange{
			wanted("s", false, from, pipeline.LinkEnd{Object: "companies", Property: "number", Value: "c9"}),
			wanted("t", false, from, pipeline.LinkEnd{Object: "companies", ID: "30"}),
		}
		there := linkState("t", "20", "30")
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "k", Slot: "t", From: "20", To: "30", State: &there, Intended: true}}})
		company(2, "21")
		var got []string
		for _, l := range r.waiting() {
			got = append(got, l.Slot+" "+l.From.ID+" "+l.To.ID)
		}
		equal(t, "waiting", got, []string{"s 21 ", "t 20 30"})
	})
}

// linked is the decision of a link that was made.
func linked(key string, state *pipeline.LinkState) pipeline.LinkDecision {
	return pipeline.LinkDecision{Key: key, Slot: state.Slot, From: state.FromID, To: state.ToID, State: state}
}

// What is about to be written counts as written, and goes on waiting: a process that dies then knows it as its own.
func TestIntendedLinksAreOursAndGoOnWaiting(t *testing.T) {
	conform(t, func(t *testing.T, s *store, again func() *store) {
		r := begin(t, s, pipeline.Begin{})
		d := done("k", 1, hash(1), "10")
		d.Links = []pipeline.LinkChange{wanted("s", false, pipeline.LinkEnd{}, pipeline.LinkEnd{Object: "companies", ID: "20"})}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		state := linkState("s", "10", "20")
		intended := linked("k", &state)
		intended.Intended = true
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{intended}})
		crash(s)
		r = begin(t, again(), pipeline.Begin{})
		waiting := r.waiting()
		if len(waiting) != 1 || waiting[0].Was == nil {
			t.Fatalf("waiting: %+v", waiting)
		}
		equal(t, "was", *waiting[0].Was, state)
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{linked("k", &state)}})
		equal(t, "entry", r.known("k"), []pipeline.Entry{{Version: 1, Hash: hash(1), ID: "10", Links: []pipeline.LinkState{state}}})
	})
}

// A changed link is written and the old one removed; the ledger follows each.
func TestLinksAreReplaced(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		old, kept := linkState("s", "10", "20"), linkState("t", "10", "20")
		d := done("k", 1, hash(1), "10")
		// Links that a create wrote inline never wait.
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}, Links: []pipeline.LinkDecision{
			linked("k", &old), linked("k", &kept)}})
		equal(t, "inline", r.known("k")[0].Links, []pipeline.LinkState{old, kept})

		end := func(object, id string) pipeline.LinkEnd { return pipeline.LinkEnd{Object: object, ID: id} }
		d = done("k", 2, hash(2), "")
		d.Links = []pipeline.LinkChange{
			wanted("s", true, end("contacts", "10"), end("companies", "20")),
			wanted("s", false, end("contacts", ""), end("companies", "21")),
			wanted("t", false, end("contacts", ""), end("companies", "20")), // another label
		}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		waiting := r.waiting()
		if len(waiting) != 3 {
			t.Fatalf("waiting: %+v", waiting)
		}
		equal(t, "was", []*pipeline.LinkState{waiting[0].Was, waiting[1].Was, waiting[2].Was}, []*pipeline.LinkState{nil, &old, &kept})
		fresh, relabelled := linkState("s", "10", "21"), linkState("t", "10", "20")
		relabelled.Types = "15"
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{linked("k", &fresh), linked("k", &relabelled)}})
		equal(t, "both", r.known("k")[0].Links, []pipeline.LinkState{old, fresh, relabelled})
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "k", Slot: "s", Remove: true, From: "10", To: "20"}}})
		equal(t, "removed", r.known("k"), []pipeline.Entry{{Version: 2, Hash: hash(2), ID: "10", Links: []pipeline.LinkState{fresh, relabelled}}})
	})
}

// A link of records that were merged is known by the ids by which its row asks for it, and shared by those that it leads to.
func TestLinksOfMergedRecords(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		end := func(object, id string) pipeline.LinkEnd { return pipeline.LinkEnd{Object: object, ID: id} }
		d := done("k", 1, hash(1), "10")
		d.Links = []pipeline.LinkChange{wanted("s", false, end("contacts", ""), end("companies", "20"))}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})

		intended, there := linkState("s", "10", "20"), linkState("s", "10", "29")
		there.ToWas = "20"
		decision := func(s *pipeline.LinkState) pipeline.LinkDecision {
			return pipeline.LinkDecision{Key: "k", Slot: "s", From: "10", To: "20", State: s, Intended: true}
		}
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{decision(&intended)}})
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{decision(&there)}})
		equal(t, "was", *r.waiting()[0].Was, there)
		equal(t, "entry", r.known("k")[0].Links, []pipeline.LinkState{there})
		shared, err := s.Sharers(t.Context(), r.name, [][2]string{{"29", "10"}, {"10", "20"}})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "sharers", shared, []pipeline.SharedLink{{Key: "k", LinkState: there}})

		made := decision(&there)
		made.Intended = false
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{made}})
		equal(t, "waiting", r.waiting(), nil)
		other := linkState("s", "10", "29") // of another row's content, which asks for that record itself
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{linked("k", &other)}})
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "k", Slot: "s", Remove: true, From: "10", To: "20"}}})
		equal(t, "removed", r.known("k")[0].Links, []pipeline.LinkState{other})

		asked := linkState("s", "11", "20") // made when the row's own record was merged, which its update hasn't met yet
		asked.FromWas = "10"
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "k", Slot: "s", From: "10", To: "20", State: &asked}}})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("k", 2, hash(2), "12")}})
		equal(t, "with another record", r.known("k")[0].Links, nil)
	})
}

// A decision's links replace what the key was waiting for; a refused row keeps waiting.
func TestDecisionsReplaceWaitingLinks(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		to := func(v string) pipeline.LinkEnd {
			return pipeline.LinkEnd{Object: "companies", Property: "number", Value: v}
		}
		slots := func() (out []string) {
			for _, l := range r.waiting() {
				out = append(out, l.Slot+" "+l.To.Value)
			}
			return out
		}
		d := done("k", 1, hash(1), "10")
		d.Links = []pipeline.LinkChange{wanted("s", false, pipeline.LinkEnd{}, to("a")), wanted("t", false, pipeline.LinkEnd{}, to("b"))}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		equal(t, "first", slots(), []string{"s a", "t b"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{refused("k", 2, hash(2), "bad")}})
		equal(t, "refused", slots(), []string{"s a", "t b"})
		d = done("k", 3, hash(3), "")
		d.Links = []pipeline.LinkChange{wanted("s", false, pipeline.LinkEnd{}, to("c"))}
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		equal(t, "changed", slots(), []string{"s c"})
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "k", Slot: "s", From: "10", Reject: reject("k", "link", "gone")}}})
		equal(t, "refused link", slots(), nil)
		equal(t, "entry", r.known("k"), []pipeline.Entry{{Version: 3, Hash: hash(3), Rejected: hash(3), ID: "10"}})
		equal(t, "dead letters", codes(r.letters(Filter{})), []string{"k link/gone open"})
		d.Version = 4
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		equal(t, "wanted again", slots(), []string{"s c"})
		r.commit(pipeline.Commit{Decisions: []pipeline.Decision{done("k", 5, hash(5), "")}})
		equal(t, "written with no link any more", slots(), nil)
	})
}

func TestWaitingPages(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		var c pipeline.Commit
		var want []string
		for i := range 7 {
			d := done(fmt.Sprintf("k%d", i), 1, hash(1), fmt.Sprint(i))
			d.Links = []pipeline.LinkChange{
				wanted("s", true, pipeline.LinkEnd{}, pipeline.LinkEnd{ID: "9"}),
				wanted("s", true, pipeline.LinkEnd{}, pipeline.LinkEnd{ID: "8"}),
				wanted("s", false, pipeline.LinkEnd{}, pipeline.LinkEnd{Object: "companies", Property: "number", Value: "x"}),
			}
			// The other end is known: what Waiting returns holds an id that the table doesn't.
			d.Record = &pipeline.RecordID{Object: "companies", Property: "number", Value: "x", ID: "0"}
			c.Decisions = append(c.Decisions, d)
			want = append(want, d.Key+" false 0", d.Key+" true 8", d.Key+" true 9")
		}
		r.commit(c)
		var got []string
		var after *pipeline.LinkChange
		for {
			page, err := s.Waiting(t.Context(), "p", after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, l := range page {
				got = append(got, fmt.Sprint(l.Key, " ", l.Remove, " ", l.To.ID))
			}
			after = &page[len(page)-1]
		}
		equal(t, "links", got, want)
	})
}

// A link that the row goes on to ask for has waited since it was first asked for, whatever else of the row is written, or
// of its links decided, meanwhile; one that it asks for anew, since then.
func TestLinksWaitSinceTheyWereFirstAskedFor(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		r := begin(t, s, pipeline.Begin{})
		to := func(v string) pipeline.LinkEnd {
			return pipeline.LinkEnd{Object: "companies", Property: "number", Value: v}
		}
		since := func() map[string]time.Time {
			list, err := s.Waiting(t.Context(), "p", nil, 100)
			if err != nil {
				t.Fatal(err)
			}
			m := map[string]time.Time{}
			for _, l := range list {
				m[l.Slot+" "+l.To.Value+l.To.ID] = l.Since
			}
			return m
		}
		write := func(version int64, id string, links ...pipeline.LinkChange) {
			d := done("k", version, hash(byte(version)), id)
			d.Links = links
			r.commit(pipeline.Commit{Decisions: []pipeline.Decision{d}})
		}
		began := time.Now().Add(-time.Minute)
		write(1, "10", wanted("s", false, pipeline.LinkEnd{}, to("a")), wanted("s", false, pipeline.LinkEnd{}, to("b")), wanted("t", false, pipeline.LinkEnd{}, pipeline.LinkEnd{ID: "20"}))
		first := since()
		for name, at := range first {
			if at.Before(began) || at.After(time.Now().Add(time.Minute)) {
				t.Errorf("%s has waited since %v", name, at)
			}
		}
		age(t, s, time.Hour)
		relabelled := wanted("s", false, pipeline.LinkEnd{}, to("a"))
		relabelled.Label = "member"
		write(2, "11", relabelled, wanted("s", false, pipeline.LinkEnd{}, to("c")), wanted("t", false, pipeline.LinkEnd{}, pipeline.LinkEnd{ID: "20"}))
		state := linkState("t", "11", "20")
		r.commit(pipeline.Commit{Links: []pipeline.LinkDecision{linked("k", &state)}})
		second := since()
		if got, want := second["s a"], first["s a"].Add(-time.Hour); got.Sub(want).Abs() > time.Minute {
			t.Errorf("the link to a, which is still wanted, has waited since %v, want %v", got, want)
		}
		if second["s c"].Before(began) || len(second) != 2 {
			t.Errorf("waiting since %v, want a as before and c from now on", second)
		}
	})
}

// age makes all links look as if they had waited that long.
func age(t *testing.T, s *store, by time.Duration) {
	t.Helper()
	if err := s.db.update(t.Context(), func(tx session) error {
		_, err := tx.exec(t.Context(), `update sluice.waiting set since = {in:$1}`, -by.Milliseconds())
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// The dead letter of a link that has waited too long is closed by the end of the first run that has looked at all waiting
// links and doesn't open it again; by no other.
func TestLettersOfParkedLinksAreClosed(t *testing.T) {
	conform(t, func(t *testing.T, s *store, _ func() *store) {
		said := pipeline.Commit{Rejects: []pipeline.Reject{*reject("k", pipeline.StageLink, pipeline.ParkedTooLong), *reject("k", pipeline.StageLink, "no_link")}}
		open := []string{"k link/no_link open", "k link/parked_too_long open"}
		r := begin(t, s, pipeline.Begin{})
		r.commit(said)
		r.finish(pipeline.Finish{Parked: true})
		states := func() (list []string) { return codes(r.letters(Filter{})) }
		equal(t, "opened", states(), open)
		r = begin(t, s, pipeline.Begin{})
		r.finish(pipeline.Finish{})
		equal(t, "after a run that was cut off", states(), open)
		r = begin(t, s, pipeline.Begin{})
		r.commit(said)
		r.finish(pipeline.Finish{Parked: true})
		equal(t, "said again", states(), open)
		r = begin(t, s, pipeline.Begin{})
		r.finish(pipeline.Finish{Parked: true})
		equal(t, "not said again", states(), open[:1])
	})
}
