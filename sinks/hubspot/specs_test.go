package hubspot

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

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
