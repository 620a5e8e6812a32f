package hubspot

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// TestLink proves the life of a link in every world: made, repeated without a write, relabelled and removed, while labels
// that somebody else has set stay.
func TestLink(t *testing.T) {
	for name, switches := range linkWorlds {
		for _, version := range []string{"2026-09", "2026-03", "v3"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				b := newBench(t, version, switches)
				b.ends(b.link(b.ask("s", 0, 0, ""), b.ask("s", 0, 1, "Chair"), b.ask("t", 0, 1, "Member"), b.ask("s", 1, 0, "chair")), "done", "done", "done", "done")
				b.want(0, 0, "plain")
				b.want(0, 1, "plain+Chair+Member")
				b.want(1, 0, "plain+Chair")

				b.foreign(1, 0)
				b.ends(b.link(b.ask("s", 0, 0, ""), b.ask("s", 0, 1, "Chair"), b.ask("s", 1, 0, "Chair")), "noop", "noop", "noop")
				b.ends(b.link(b.ask("s", 1, 0, "Member")), "done")
				b.want(1, 0, "plain+Foreign+Member")
				b.ends(b.link(b.ask("s", 1, 0, "")), "done")
				b.want(1, 0, "plain+Foreign")
				b.ends(b.link(b.ask("s", 1, 0, "Chair")), "done")

				b.ends(b.link(b.drop("s", 1, 0), b.drop("s", 0, 0), b.drop("s", 0, 1)), "done", "done", "done")
				b.want(1, 0, "plain+Foreign")
				b.want(0, 0, "")
				b.want(0, 1, "plain+Member")
				b.ends(b.link(b.drop("t", 0, 1)), "done")
				b.want(0, 1, "")
				b.ends(b.link(b.drop("t", 0, 1), b.drop("s", 3, 3)), "noop", "noop")
			})
		}
	}
}

// TestLinkOfCustomObject proves that a pair with a custom object, whose plain relation is of the account's making, goes as a
// whole where its label was ours, and stays where somebody else has set one beside.
func TestLinkOfCustomObject(t *testing.T) {
	b := newBoatBench(t)
	b.ends(b.link(b.ask("s", 0, 0, "Chair"), b.ask("s", 0, 1, "Member"), b.ask("s", 1, 1, "")), "done", "done", "done")
	b.want(0, 0, "plain+Chair")
	b.foreign(0, 1)
	b.ends(b.link(b.drop("s", 0, 0), b.drop("s", 0, 1), b.drop("s", 1, 1)), "done", "done", "done")
	b.want(0, 0, "")
	b.want(0, 1, "plain+Foreign")
	b.want(1, 1, "")
}

// TestLinkBefore proves that what was there before the pipeline stays when its link is removed.
func TestLinkBefore(t *testing.T) {
	b := newBench(t, "2026-09", hubspottest.Switches{})
	b.foreign(0, 0)
	b.link(b.ask("else", 1, 1, ""), b.ask("else", 2, 2, "Chair"))
	clear(b.was)
	b.ends(b.link(b.ask("s", 0, 0, "Chair"), b.ask("s", 1, 1, ""), b.ask("s", 2, 2, "Chair")), "done", "noop", "noop")
	b.ends(b.link(b.drop("s", 0, 0), b.drop("s", 1, 1), b.drop("s", 2, 2)), "done", "noop", "noop")
	b.want(0, 0, "plain+Foreign")
	b.want(1, 1, "plain")
	b.want(2, 2, "plain+Chair")
}

// TestLinkHandover proves that a link which moves from one row to another in one call is neither removed nor written.
func TestLinkHandover(t *testing.T) {
	b := newBench(t, "2026-09", hubspottest.Switches{})
	b.link(b.ask("old", 0, 0, ""))
	b.rec.sent("")
	b.ends(b.link(b.drop("old", 0, 0), b.ask("new", 0, 0, "")), "noop", "noop")
	b.want(0, 0, "plain")
	b.ends(b.link(b.drop("new", 0, 0)), "done")
	b.want(0, 0, "")
}

// TestLinkShared proves that what several rows, slots or pipelines ask for is taken back with the last of them, in whichever
// order they go, and that what one asks for and the others don't goes with that one.
func TestLinkShared(t *testing.T) {
	for name, switches := range linkWorlds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "2026-09", switches)
			b.link(b.ask("first", 0, 0, ""), b.ask("first", 1, 1, "Chair"), b.ask("first", 2, 2, "Chair"), b.ask("first", 3, 3, ""))
			b.link(b.ask("second", 0, 0, ""), b.ask("second", 1, 1, "Chair"), b.ask("second", 2, 2, "Member"), b.ask("second", 3, 3, "Member"))
			b.foreign(2, 2)
			b.link(b.drop("first", 0, 0), b.drop("first", 1, 1), b.drop("first", 2, 2), b.drop("first", 3, 3))
			b.want(0, 0, "plain")
			b.want(1, 1, "plain+Chair")
			b.want(2, 2, "plain+Foreign+Member")
			b.want(3, 3, "plain+Member")
			b.link(b.ask("third", 1, 1, "Chair"), b.ask("second", 3, 3, "Chair"))
			b.link(b.drop("second", 0, 0), b.drop("second", 1, 1), b.drop("second", 2, 2), b.drop("second", 3, 3))
			b.want(0, 0, "")
			b.want(1, 1, "plain+Chair")
			b.want(2, 2, "plain+Foreign")
			b.want(3, 3, "")
			b.link(b.drop("third", 1, 1))
			b.want(1, 1, "")
		})
	}
}

// TestLinkLetsGoOfItsLabel proves that a label which a link has given up isn't the link's any more, also where the answer to
// giving it up was lost: it goes with the last link that asks for it, and stays where somebody else has set it since.
func TestLinkLetsGoOfItsLabel(t *testing.T) {
	b := newBench(t, "2026-09", hubspottest.Switches{})
	b.link(b.ask("s", 0, 0, "Chair"), b.ask("s", 1, 1, "Chair"))
	b.ends(b.link(b.ask("s", 0, 0, ""), b.ask("s", 1, 1, "")), "done", "done")
	b.link(b.ask("t", 0, 0, "Chair"))
	b.link(b.drop("t", 0, 0))
	b.want(0, 0, "plain")
	was := maps.Clone(b.was)
	clear(b.was)
	b.link(b.ask("somebody else", 1, 1, "Chair"))
	b.was = was
	b.link(b.drop("s", 1, 1))
	b.want(1, 1, "plain+Chair")
}

// TestLinkSharedFromTheOtherSide proves that a link stays which rows of both objects ask for, each from its own side, as long
// as one of them does, with its label where that has one name on both sides.
func TestLinkSharedFromTheOtherSide(t *testing.T) {
	for _, label := range []string{"", "Chair"} {
		for _, first := range []bool{true, false} {
			b := newBench(t, "2026-09", hubspottest.Switches{})
			turned := func(remove bool) pipeline.LinkChange {
				c := pipeline.LinkChange{Key: "o", Slot: "o", Remove: remove, Label: label,
					From: pipeline.LinkEnd{Object: "companies", ID: b.companies[0]}, To: pipeline.LinkEnd{Object: "contacts", ID: b.people[0]}}
				c.Was = b.was[b.name(&c)]
				return c
			}
			b.link(b.ask("s", 0, 0, label))
			b.link(turned(false))
			both := b.types(0, 0)
			if first {
				b.link(b.drop("s", 0, 0))
			} else {
				b.link(turned(true))
			}
			b.want(0, 0, both)
			if first {
				b.link(turned(true))
			} else {
				b.link(b.drop("s", 0, 0))
			}
			b.want(0, 0, "")
		}
	}
}

// TestLinkBothWays proves that rows which link the same two records of one object, each from its own side, all get their
// labels, and that each takes back its own only: HubSpot has one set of types for both directions, and replaces it.
func TestLinkBothWays(t *testing.T) {
	for name, switches := range linkWorlds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "2026-09", switches)
			for label, inverse := range map[string]string{"Supplier": "Customer", "Agent": "Principal", "Sibling": ""} {
				if _, err := b.server.AddLabel(hubspottest.Label{From: "companies", To: "companies", Label: label, Inverse: inverse}); err != nil {
					t.Fatal(err)
				}
			}
			ask := func(from, to int, label string) pipeline.LinkChange {
				c := pipeline.LinkChange{
					Key: fmt.Sprint(from), Slot: "other", Label: label, Remove: label == "",
					From: pipeline.LinkEnd{Object: "companies", ID: b.companies[from]}, To: pipeline.LinkEnd{Object: "companies", ID: b.companies[to]},
				}
				c.Was = b.was[b.name(&c)]
				return c
			}
			want := func(from, to int, labels ...string) {
				t.Helper()
				var got []string
				for _, l := range b.server.LinksOf("companies", b.companies[from], "companies") {
					if l.To == b.companies[to] {
						got = slices.Sorted(slices.Values(l.Labels))
					}
				}
				if !slices.Equal(labels, got) {
					t.Errorf("company %d to %d: %q, want %q", from, to, got, labels)
				}
			}

			b.ends(b.link(ask(0, 1, "Agent"), ask(1, 0, "Supplier"), ask(2, 3, "Supplier"), ask(3, 2, "Supplier")), "done", "done", "done", "done")
			want(0, 1, "Agent", "Customer")
			want(2, 3, "Customer", "Supplier")

			b.ends(b.link(ask(1, 0, "Agent"), ask(0, 1, ""), ask(3, 2, "")), "done", "done", "done")
			want(0, 1, "Principal")
			want(2, 3, "Supplier")

			b.ends(b.link(ask(1, 0, ""), ask(2, 3, "")), "done", "done")
			want(0, 1)
			want(2, 3)

			b.ends(b.link(ask(0, 1, "Agent"), ask(1, 0, "Agent"), ask(2, 3, "Sibling")), "done", "done", "done")
			want(0, 1, "Agent", "Principal")
			b.ends(b.link(ask(0, 1, ""), ask(1, 0, ""), ask(3, 2, "Sibling"), ask(2, 3, "")), "done", "done", "done", "done")
			want(0, 1)
			want(3, 2, "Sibling")
			b.ends(b.link(ask(3, 2, "")), "done")
			want(3, 2)
		})
	}
}

// TestLinkRefusals proves that a link that can't be made is refused with its reason, and that the others are made.
func TestLinkRefusals(t *testing.T) {
	for name, switches := range linkWorlds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "2026-09", switches)
			b.people = append(b.people, "999999999", "abc")
			ends := b.link(b.ask("s", 0, 0, "Chair"), b.ask("s", 4, 0, "Chair"), b.ask("s", 5, 0, ""), b.ask("s", 1, 1, "Chairr"),
				b.ask("s", 2, 2, ""), b.ask("s", 4, 3, ""), b.ask("s", 3, 3, "Member"))
			b.ends(ends, "done", "link_refused", "bad_id", "unknown_label", "done", "link_refused", "done")
			b.want(0, 0, "plain+Chair")
			b.want(2, 2, "plain")
			b.want(3, 3, "plain+Member")
		})
	}
}

// TestLinkFaults proves that links whose answer is lost aren't reported, and can be made again.
func TestLinkFaults(t *testing.T) {
	for _, fault := range []hubspottest.Fault{
		{Kind: "empty", Path: "associate/default|batch/create", Count: 2},
		{Kind: "html", Path: "associate/default|batch/create", Count: 2},
		{Status: 502, After: true, Count: 1},
		{Kind: "reset", Path: "associate/default|batch/create", After: true, Count: 1},
	} {
		b := newBench(t, "2026-09", hubspottest.Switches{})
		b.server.SetFaults(fault)
		for range 3 {
			if _, err := b.sink.Link(b.Context(), []pipeline.LinkChange{b.ask("s", 0, 0, ""), b.ask("s", 1, 1, "Chair")}, intend); err != nil {
				t.Logf("%+v: %v", fault, err)
			}
		}
		b.want(0, 0, "plain")
		b.want(1, 1, "plain+Chair")
	}
}

// TestLinkCost proves that two thousand links cost two reads and one write.
func TestLinkCost(t *testing.T) {
	b := newBench(t, "2026-09", hubspottest.Switches{})
	var changes []pipeline.LinkChange
	b.companies = b.companies[:1]
	for i := range 2000 {
		b.people = append(b.people, must(t, b.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": fmt.Sprint("p", i)}}).ID)
		changes = append(changes, b.ask("s", len(b.people)-1, 0, ""))
	}
	outcomes, err := b.sink.Link(t.Context(), changes, intend)
	if err != nil || len(outcomes) != 2000 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	if n := len(b.rec.sent("/")); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}
