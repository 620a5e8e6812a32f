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

// foreign sets a label that isn't the pipeline's, past its sink.
func (b *bench) foreign(person, company int) {
	b.Helper()
	was := maps.Clone(b.was)
	clear(b.was)
	b.link(b.ask("somebody else", person, company, "Foreign"))
	b.was = was
}
