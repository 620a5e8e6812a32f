package hubspot

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
	"sluice/sinks/hubspot/internal/crm"
)

// TestRead proves that reading back tells what people did to records, at two or three requests for a hundred of them,
// whatever the version of the API, and that nothing is written.
func TestRead(t *testing.T) {
	for _, version := range []string{"2026-09", "v3"} {
		for name, switches := range map[string]hubspottest.Switches{"plain": {}, "new id of a merge": {MergeNewID: true}} {
			t.Run(version+"/"+name, func(t *testing.T) {
				t.Parallel()
				server, rec, p := simulate(t, version, switches, extID)
				s := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
				rows := known(t, server, s, 120)
				for i := range rows {
					rows[i].Values = people(120)[i].Values // as they were written
				}
				edit := func(e hubspottest.Edit) hubspottest.Record {
					e.Object = "contacts"
					return must(t, server, e)
				}
				edit(hubspottest.Edit{Action: "update", ID: rows[1].ID, Properties: map[string]string{"firstname": "Theirs", "lastname": "New"}})
				edit(hubspottest.Edit{Action: "archive", ID: rows[2].ID})
				edit(hubspottest.Edit{Action: "delete", ID: rows[3].ID})
				survivor := edit(hubspottest.Edit{Action: "merge", ID: rows[5].ID, Other: rows[4].ID})
				edit(hubspottest.Edit{Action: "update", ID: rows[6].ID, Properties: map[string]string{"ext_id": ""}})
				twin := edit(hubspottest.Edit{Action: "create", Properties: map[string]string{"ext_id": "E-6"}})
				rows[7].ID = "" // found by its match value
				rows[8].Values = nil
				rec.sent("")
				before := server.Stats().Writes

				readings, err := s.Read(t.Context(), rows)
				if err != nil {
					t.Fatal(err)
				}
				lost, _ := server.Record("contacts", rows[1].ID)
				want := map[int]pipeline.Reading{
					1: {Presence: pipeline.There, ID: lost.ID, Differences: []pipeline.Difference{{Property: "firstname", Want: text(rows[1], 2), Got: "Theirs"}}},
					2: {Presence: pipeline.Archived},
					3: {Presence: pipeline.Nowhere},
					6: {Presence: pipeline.There, ID: rows[6].ID, Twin: twin.ID, Differences: []pipeline.Difference{{Property: "ext_id", Want: "E-6"}}},
				}
				for i, got := range readings {
					if i == 4 || i == 5 { // whose values the survivor has is HubSpot's affair
						if got.Presence != pipeline.There || got.ID != survivor.ID {
							t.Errorf("row %d was merged into %s: %+v", i, survivor.ID, got)
						}
						continue
					}
					w, ok := want[i]
					if !ok {
						r, _ := server.Find("contacts", "ext_id", fmt.Sprintf("E-%d", i))
						w = pipeline.Reading{Presence: pipeline.There, ID: r.ID}
					}
					if diff := cmp.Diff(w, got); diff != "" {
						t.Errorf("row %d (-want +got):\n%s", i, diff)
					}
				}
				if n := len(rec.sent("batch/read")); n > 9 {
					t.Errorf("%d requests", n)
				}
				if diff := cmp.Diff(before, server.Stats().Writes); diff != "" {
					t.Errorf("something was written:\n%s", diff)
				}
			})
		}
	}
}

func text(c pipeline.Change, i int) string { return c.Values[i].String() }

// In mode archive a record that is gone is as the row asks for it, and one that is there isn't.
func TestReadArchive(t *testing.T) {
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	made := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	rows := known(t, server, made, 3)
	must(t, server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: rows[1].ID})
	must(t, server, hubspottest.Edit{Action: "delete", Object: "contacts", ID: rows[2].ID})
	s := open(t, p, &Config{Object: "contacts", Mode: modeArchive, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	got, err := s.Read(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	want := []pipeline.Reading{
		{Presence: pipeline.There, ID: rows[0].ID, Differences: []pipeline.Difference{{Property: "archived", Want: "true", Got: "false"}}},
		{Presence: pipeline.There, ID: rows[1].ID}, {Presence: pipeline.There, ID: rows[2].ID},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What HubSpot spells its own way is the same, and nothing else is.
func TestSame(t *testing.T) {
	text, num, date, instant, options := property{}, property{kind: kindNumber}, property{kind: kindDate}, property{kind: kindDatetime}, property{kind: kindOptions}
	phone := newProperty(crm.PropertyDefinition{Name: "phone", Type: "string", FieldType: "phonenumber"}, false)
	for _, c := range []struct {
		p         property
		want, got string
		same      bool
	}{
		{text, "a", "a", true}, {text, " a\n", "a", true}, {text, "a", "A", false}, {text, "", "a", false}, {text, "a", "", false},
		{num, "1.50", "1.5", true}, {num, "007", "7", true}, {num, "-0", "0", true}, {num, "1", "1.01", false}, {num, "0", "", false},
		{property{kind: kindBool}, "true", "TRUE", true}, {property{kind: kindBool}, "false", "", false},
		{date, "2026-11-20", "1795132800000", true}, {date, "2026-11-20", "2026-11-21", false},
		{instant, "2026-11-20T09:00:00.000Z", "2026-11-20T09:00:00Z", true}, {instant, "2026-11-20T09:00:00.000Z", "1795165200000", true},
		{instant, "2026-11-20T09:00:00.000Z", "2026-11-20T09:00:00.001Z", false}, {instant, "2026-11-20T09:00:00.000Z", "", false},
		{options, "b;a", "a;b", true}, {options, "a;b", "a", false}, {options, "a", "a;b", false}, {options, ";c", "a;c", true}, {options, ";d", "a;c", false},
		{property{html: true}, "<p>a", "<p>a</p>", true}, {property{name: "domain"}, "Acme.COM", "acme.com", true},
		{phone, "+47 22-33 (44)", "+47223344", true}, {phone, "+47 22 ext. 5", "+4722 EXT 5", true}, {phone, "+47 22", "+47 23", false}, {phone, "+47", "47", false},
		{phone, "-", "", false}, {text, "1 2", "12", false},
	} {
		if got := c.p.same(c.want, c.got); got != c.same {
			t.Errorf("kind %d: %q and %q: %v, want %v", c.p.kind, c.want, c.got, got, c.same)
		}
	}
}

// ReadLinks tells which links are there as they are asked for, by their labels where they have one, and writes nothing.
func TestReadLinks(t *testing.T) {
	b := newBench(t, "2026-09", hubspottest.Switches{})
	b.link(b.ask("s", 0, 0, ""), b.ask("s", 1, 1, "Chair"))
	before := b.server.Stats().Writes
	asked := []pipeline.LinkChange{
		b.ask("s", 0, 0, ""), b.ask("s", 0, 1, ""), b.ask("s", 1, 1, ""), b.ask("s", 1, 1, "Chair"), b.ask("s", 0, 0, "Chair"), b.ask("s", 0, 0, "No such label"),
	}
	got, err := b.sink.ReadLinks(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	want := []pipeline.Presence{pipeline.There, pipeline.Nowhere, pipeline.There, pipeline.There, pipeline.Nowhere, pipeline.Nowhere}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, b.server.Stats().Writes); diff != "" {
		t.Errorf("something was written:\n%s", diff)
	}
}

// TestSilentVerify proves that a record which answers pass over isn't said to be missing, nor one that is in the recycle bin
// to be deleted for good.
func TestSilentVerify(t *testing.T) {
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	s := open(t, p, &Config{Object: "contacts", Mode: modeUpsert, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	rows := known(t, server, s, 3)
	must(t, server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: rows[0].ID})
	for name, test := range map[string]struct {
		fault hubspottest.Fault
		want  [3]pipeline.Presence
	}{
		"once":              {hubspottest.Fault{Count: 1}, [3]pipeline.Presence{pipeline.Archived, pipeline.There, pipeline.There}},
		"always":            {hubspottest.Fault{}, [3]pipeline.Presence{pipeline.Unsure, pipeline.Unsure, pipeline.Unsure}},
		"always for one":    {hubspottest.Fault{IDs: []string{rows[1].ID}}, [3]pipeline.Presence{pipeline.Archived, pipeline.Unsure, pipeline.There}},
		"but for the first": {hubspottest.Fault{Skip: 2}, [3]pipeline.Presence{pipeline.Unsure, pipeline.There, pipeline.There}},
	} {
		test.fault.Kind, test.fault.Path = "silent", "contacts/batch/read$"
		server.SetFaults(test.fault)
		readings, err := s.Read(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range readings {
			if r.Presence != test.want[i] {
				t.Errorf("%s: row %d is %s, want %s", name, i, r.Presence, test.want[i])
			}
		}
	}
}

// TestPausedReads proves that a limit which HubSpot tells of in the answer to a read pauses the run, as it does in the answer to a
// write: nothing is wrong, and it goes on another day.
func TestPausedReads(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		text   string
	}{
		"daily limit": {429, `{"policyName":"DAILY","message":"daily limit of ann@example.com"}`},
		"migration":   {477, `{"message":"migrating ann@example.com"}`},
	} {
		_, p := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(answer.status)
			fmt.Fprint(w, answer.text)
		}), "2026-09")
		s := contacts(p, modeUpsert, "email", "email")
		for what, read := range map[string]func() error{
			"records": func() error {
				_, err := s.Find(t.Context(), "contacts", "email", []string{"ann@example.com"})
				return err
			},
			"what was written": func() error {
				_, err := s.Read(t.Context(), []pipeline.Change{change("1", "ann@example.com")})
				return err
			},
		} {
			if err := read(); !errors.Is(err, pipeline.ErrPaused) || strings.Contains(err.Error(), "ann@") {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}
