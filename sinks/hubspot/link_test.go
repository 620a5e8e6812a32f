package hubspot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

var linkWorlds = map[string]hubspottest.Switches{
	"default":          {},
	"numbers":          {NumericIDs: "always"},
	"labels are added": {AddLabels: true},
	"errors name ids":  {AssociationContext: "id"},
	"errors are blind": {AssociationContext: "none"},
	"empty reads":      {NoAssociations: "empty"},
	"silent reads":     {NoAssociations: "omit"},
	"200":              {Associations200: true},
}

// A bench is a portal with people and companies, or records of another object in their place, and a sink that links them.
type bench struct {
	*testing.T
	server    *hubspottest.Server
	rec       *recorder
	object    string // in the place of companies
	sink      *Sink
	people    []string
	companies []string
	was       map[string]*pipeline.LinkState
}

func newBench(t *testing.T, version string, switches hubspottest.Switches) *bench {
	needs := []Need{extID, {Object: "companies"}}
	needs[0].Labels = []NeedLabel{{"companies", "Chair"}, {"companies", "Member"}, {"companies", "Foreign"}}
	server, rec, p := simulate(t, version, switches, needs...)
	b := &bench{T: t, server: server, rec: rec, object: "companies", was: map[string]*pipeline.LinkState{}}
	for i := range 4 {
		b.people = append(b.people, must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": fmt.Sprint(i)}}).ID)
		b.companies = append(b.companies, must(t, server, hubspottest.Edit{Action: "create", Object: "companies", Properties: map[string]string{"name": fmt.Sprint(i)}}).ID)
	}
	b.sink = open(t, p, &Config{Associate: &Associate{
		From: map[string]string{"contacts": "person"}, To: map[string]string{"companies": "company"}, Label: Label{From: "role"},
	}, Mode: modeMirror}, schema("role", "person>contacts.ext_id", "company"))
	rec.sent("")
	return b
}

// ask returns a change of the link between a person and a company, as the engine would make it.
func (b *bench) ask(slot string, person, company int, label string) pipeline.LinkChange {
	c := pipeline.LinkChange{
		Key: slot, Slot: slot, Label: label,
		From: pipeline.LinkEnd{Object: "contacts", ID: b.people[person]}, To: pipeline.LinkEnd{Object: b.object, ID: b.companies[company]},
	}
	c.Was = b.was[b.name(&c)]
	return c
}

func (b *bench) drop(slot string, person, company int) pipeline.LinkChange {
	c := b.ask(slot, person, company, "")
	c.Remove = true
	return c
}

func (b *bench) name(c *pipeline.LinkChange) string {
	return c.Slot + " " + c.From.ID + " " + c.To.ID
}

// link makes changes, remembers their states and returns how each ended.
func (b *bench) link(changes ...pipeline.LinkChange) []string {
	b.Helper()
	b.share(changes)
	outcomes, err := b.sink.Link(b.Context(), changes, intend)
	if err != nil {
		b.Fatal(err)
	}
	ends := make([]string, len(changes))
	for _, o := range outcomes {
		at := slices.IndexFunc(changes, func(c pipeline.LinkChange) bool { return b.name(o.Change) == b.name(&c) })
		switch {
		case o.Verdict == pipeline.Done && o.NoOp:
			ends[at] = "noop"
		case o.Verdict == pipeline.Done:
			ends[at] = "done"
		default:
			ends[at] = code(pipeline.Outcome{Err: o.Err})
		}
		if o.Verdict == pipeline.Done {
			b.was[b.name(o.Change)] = o.State
		}
	}
	return ends
}

// share tells of changes which other links have the same records, as the engine does.
func (b *bench) share(changes []pipeline.LinkChange) {
	names := make([]string, len(changes))
	for i := range changes {
		names[i] = b.name(&changes[i])
	}
	for i := range changes {
		c := &changes[i]
		for name, s := range b.was {
			pair := [2]string{c.From.ID, c.To.ID}
			if s != nil && !slices.Contains(names, name) && (pair == [2]string{s.FromID, s.ToID} || pair == [2]string{s.ToID, s.FromID}) {
				c.Shared = append(c.Shared, *s)
			}
		}
	}
}

// types returns the labels between a person and a company, "plain" for the plain relation.
func (b *bench) types(person, company int) string {
	for _, l := range b.server.LinksOf("contacts", b.people[person], b.object) {
		if l.To == b.companies[company] {
			return strings.Join(append([]string{"plain"}, slices.Sorted(slices.Values(l.Labels))...), "+")
		}
	}
	return ""
}

func (b *bench) want(person, company int, types string) {
	b.Helper()
	if got := b.types(person, company); got != types {
		b.Errorf("person %d, company %d: %q, want %q", person, company, got, types)
	}
}

func (b *bench) ends(got []string, want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("ends (-want +got):\n%s", diff)
	}
}

// intend stands for the engine, which writes down what links will be and remembers it for another try.
func intend(_ context.Context, intended []pipeline.LinkOutcome) error {
	for _, o := range intended {
		o.Change.Was = o.State
	}
	return nil
}

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

// newBoatBench returns a bench with boats in the place of companies, which are a custom object.
func newBoatBench(t *testing.T) *bench {
	needs := []Need{extID, {Object: "boats", Properties: []NeedProperty{{Name: "plate", Type: "string", FieldType: "text", Unique: true}}}}
	needs[0].Labels = []NeedLabel{{"boats", "Chair"}, {"boats", "Member"}, {"boats", "Foreign"}}
	server, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, needs...)
	b := &bench{T: t, server: server, rec: rec, was: map[string]*pipeline.LinkState{}, object: "p_boats"}
	for i := range 2 {
		b.people = append(b.people, must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": fmt.Sprint(i)}}).ID)
		b.companies = append(b.companies, must(t, server, hubspottest.Edit{Action: "create", Object: b.object, Properties: map[string]string{"plate": fmt.Sprint(i)}}).ID)
	}
	b.sink = open(t, p, &Config{Associate: &Associate{
		From: map[string]string{"contacts": "person"}, To: map[string]string{b.object: "boat"}, Label: Label{From: "role"},
	}, Mode: modeMirror}, schema("role", "person>contacts.ext_id", "boat"))
	return b
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

// foreign sets a label that isn't the pipeline's, past its sink.
func (b *bench) foreign(person, company int) {
	b.Helper()
	was := maps.Clone(b.was)
	clear(b.was)
	b.link(b.ask("somebody else", person, company, "Foreign"))
	b.was = was
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

// TestSpecs proves the names of links, which stay when the configuration is reordered or a label is changed.
func TestSpecs(t *testing.T) {
	_, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID, Need{Object: "companies", Labels: []NeedLabel{{"contacts", "Chair"}, {"contacts", "Member"}}})
	in := schema("=name", "role", "boss>contacts.ext_id", "deputy>contacts.ext_id", "parent")
	s := open(t, p, &Config{Object: "companies", Mode: modeCreate, Associations: []Association{
		{To: "contacts", ID: "boss", Label: Label{Name: "Chair"}},
		{To: "contacts", ID: "deputy", Label: Label{Name: "Member"}},
		{To: "contacts", ID: "deputy", Label: Label{From: "role"}},
		{To: "companies", ID: "parent", Type: 14},
	}}, in)
	want := []pipeline.LinkSpec{
		{Slot: "contacts/boss", FromObject: "companies", FromField: -1, ToObject: "contacts", ToField: 2, LabelField: -1, Label: "Chair"},
		{Slot: "contacts/deputy/Member", FromObject: "companies", FromField: -1, ToObject: "contacts", ToField: 3, LabelField: -1, Label: "Member"},
		{Slot: "contacts/deputy/{role}", FromObject: "companies", FromField: -1, ToObject: "contacts", ToField: 3, LabelField: 1},
		{Slot: "companies/parent", FromObject: "companies", FromField: -1, ToObject: "companies", ToField: 4, LabelField: -1, Label: "#14"},
	}
	if diff := cmp.Diff(want, s.Specs()); diff != "" {
		t.Errorf("specs (-want +got):\n%s", diff)
	}
	if l := s.Limits(); !l.Inline || !l.Unkeyed || l.LinksOnly {
		t.Errorf("limits %+v", l)
	}
}

// TestTypedParent proves that a relation by type id between records of one object is directed, and not to itself.
func TestTypedParent(t *testing.T) {
	b := newBench(t, "2026-09", hubspottest.Switches{})
	end := func(i int) pipeline.LinkEnd { return pipeline.LinkEnd{Object: "companies", ID: b.companies[i]} }
	changes := []pipeline.LinkChange{
		{Key: "a", Slot: "companies/parent", From: end(0), To: end(1), Label: "#14"},
		{Key: "b", Slot: "companies/parent", From: end(2), To: end(2), Label: "#14"},
		{Key: "c", Slot: "companies/parent", From: end(2), To: end(3), Label: "#4711"},
	}
	outcomes, err := b.sink.Link(t.Context(), changes, intend)
	if err != nil || len(outcomes) != 3 {
		t.Fatalf("%+v, %v", outcomes, err)
	}
	got := map[string]string{}
	for _, o := range outcomes {
		if got[o.Change.Key] = code(pipeline.Outcome{Err: o.Err}); o.Verdict == pipeline.Done {
			got[o.Change.Key] = o.State.Types
		}
	}
	if diff := cmp.Diff(map[string]string{"a": "HUBSPOT_DEFINED:14", "b": "self_link", "c": "unknown_label"}, got); diff != "" {
		t.Error(diff)
	}
	links := b.server.LinksOf("companies", b.companies[0], "companies")
	if len(links) != 1 || !slices.Contains(links[0].Types, "HUBSPOT_DEFINED/14") {
		t.Errorf("links %+v", links)
	}
}
