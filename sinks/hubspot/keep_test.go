package hubspot

import (
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
	"sluice/sinks/hubspot/internal/crm"
)

// TestSharedField proves that a shared property is written as long as nobody else sets it, and left alone from then on,
// while the others of the row are written; and that it is taken up again when its value is the one last sent.
func TestSharedField(t *testing.T) {
	o := newOffice(t, sharedCity)
	o.run(row("Ann", "Oslo"))
	o.has("Ann", "Oslo")
	o.run(row("Ann", "Bergen"))
	o.has("Ann", "Bergen")
	o.edit("Rome")
	if r := o.run(row("Anna", "Tromsø")); r.Written != 1 {
		t.Errorf("%+v", r)
	}
	o.has("Anna", "Rome")
	o.edit("")
	o.run(row("Anne", "Tromsø"))
	o.has("Anne", "") // emptied by somebody: that is an edit, too
	o.edit("Bergen")
	o.run(row("Anne", "Molde"))
	o.has("Anne", "Molde")
}

// TestWhenEmptyField proves that such a property is only filled in.
func TestWhenEmptyField(t *testing.T) {
	o := newOffice(t, emptyCity)
	o.run(row("Ann", ""))
	o.run(row("Ann", "Oslo"))
	o.has("Ann", "Oslo")
	o.run(row("Anna", "Bergen"))
	o.has("Anna", "Oslo")
	o.edit("")
	o.run(row("Anna", "Molde"))
	o.has("Anna", "Molde")
}

// TestFieldsOfOthersRecords proves what becomes of such properties of a record that others have made, and that is found by
// the match value: a value stays, and an empty one is filled in.
func TestFieldsOfOthersRecords(t *testing.T) {
	for name, policy := range map[string]pipeline.Field{"shared": sharedCity, "empty": emptyCity} {
		for _, mode := range []string{modeUpsert, modeUpdate} {
			for got, want := range map[string]string{"Rome": "Rome", "": "Oslo", " oslo": " oslo", "Oslo": "Oslo"} {
				o := newOffice(t, policy)
				o.sink.Mode = mode
				must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1", "city": got}})
				o.run(row("Ann", "Oslo"))
				r, _ := o.server.Find("contacts", "ext_id", "E-1")
				if r.Properties["city"] != want || r.Properties["firstname"] != "Ann" || o.server.Count("contacts") != 1 {
					t.Errorf("%s, %s, %q: the contact is %v", name, mode, got, r.Properties)
				}
			}
		}
	}
}

// TestFieldsThatAgree proves that a record of others which holds all that a row says isn't written, and that its shared
// properties count as sent from then on.
func TestFieldsThatAgree(t *testing.T) {
	o := newOffice(t, sharedCity)
	must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1", "firstname": "Ann", "city": "Oslo"}})
	if r := o.run(row("Ann", "Oslo")); r.Unchanged != 1 {
		t.Errorf("%+v", r)
	}
	o.run(row("Ann", "Bergen"))
	o.has("Ann", "Bergen")
}

// TestFieldsOfConflicts proves the same of a record that was in the way of a create.
func TestFieldsOfConflicts(t *testing.T) {
	o := newOffice(t, emptyCity)
	o.sink.Mode, o.sink.OnConflict = modeCreate, conflictUpdate
	for _, id := range []string{"E-1", "E-2"} {
		must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": id, "city": "Rome", "firstname": "Bob"}})
	}
	report := o.run(row("Ann", "Oslo"), []string{"2", "E-2", "Bob", "Oslo"}, []string{"3", "E-3", "Cy", "Oslo"})
	o.has("Ann", "Rome")
	if report.Written != 2 || report.Unchanged != 1 || o.server.Count("contacts") != 3 {
		t.Errorf("%+v", report)
	}
}

// TestKeptCost proves what a policy costs: a reading for a hundred changed rows, nothing for unchanged ones, and no write
// where all that a row would change is kept, which its next run knows.
func TestKeptCost(t *testing.T) {
	o := newOffice(t, sharedCity)
	rows := func(city string) (list [][]string) {
		for i := range 250 {
			list = append(list, []string{fmt.Sprint(i), fmt.Sprintf("E-%d", i), "Ann", city})
		}
		return list
	}
	count := func(what string, list [][]string, want map[string]int) {
		t.Helper()
		report := o.run(list...)
		got := map[string]int{}
		for _, q := range o.rec.sent("/batch/") {
			got[q.path[strings.LastIndex(q.path, "/")+1:]]++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: requests %v, want %v: %+v", what, got, want, report)
		}
	}
	count("new", rows("Oslo"), map[string]int{"read": 3, "upsert": 3})
	count("unchanged", rows("Oslo"), map[string]int{})
	changed := append(rows("Oslo")[:100], rows("Bergen")[100:]...)
	count("some changed", changed, map[string]int{"read": 2, "update": 2})
	for _, r := range o.server.Records("contacts") {
		must(t, o.server, hubspottest.Edit{Action: "update", Object: "contacts", ID: r.ID, Properties: map[string]string{"city": "Rome"}})
	}
	count("edited", changed, map[string]int{})
	count("all kept", rows("Molde"), map[string]int{"read": 3})
	count("all kept, again", rows("Molde"), map[string]int{})
	o.policy = pipeline.Field{}
	count("another policy", rows("Molde"), map[string]int{"update": 3})
	count("without a policy", rows("Bodø"), map[string]int{"update": 3})
}

// TestVerifyKeeps proves that verify shows what others have set, and that its repair leaves it alone while it repairs the
// rest of the record.
func TestVerifyKeeps(t *testing.T) {
	for name, policy := range map[string]pipeline.Field{"shared": sharedCity, "empty": emptyCity} {
		o := newOffice(t, policy)
		verify := func(repair bool) (audit pipeline.Audit, found []pipeline.Finding) {
			t.Helper()
			o.with(func(p *pipeline.Pipeline, store state.Store) {
				var err error
				audit, err = p.Verify(t.Context(), store, pipeline.VerifyOptions{Repair: repair, Found: func(f pipeline.Finding) { found = append(found, f) }})
				if err != nil {
					t.Fatal(err)
				}
			})
			return audit, found
		}
		o.run(row("Ann", "Oslo"))
		o.edit("Rome")
		a, found := verify(true)
		if a.Kept != 1 || a.Drift != 0 || a.Open != 0 || a.Repaired != 0 || len(found) != 1 || found[0].Kept == "" || found[0].Got != "Rome" {
			t.Errorf("%s: %+v %+v", name, a, found)
		}
		r, _ := o.server.Find("contacts", "ext_id", "E-1")
		must(t, o.server, hubspottest.Edit{Action: "update", Object: "contacts", ID: r.ID, Properties: map[string]string{"firstname": "Bob"}})
		if a, _ := verify(true); a.Kept != 1 || a.Drift != 1 || a.Repaired != 1 || a.Open != 0 {
			t.Errorf("%s: %+v", name, a)
		}
		o.run(row("Ann", "Oslo"))
		o.has("Ann", "Rome")
		o.edit("")
		if a, _ := verify(false); name == "empty" && (a.Drift != 1 || a.Kept != 0) || name == "shared" && (a.Drift != 0 || a.Kept != 1) {
			t.Errorf("%s, emptied: %+v", name, a)
		}
	}
}

// TestUnreadKept proves that a record which HubSpot doesn't tell of is neither overwritten nor given up.
func TestUnreadKept(t *testing.T) {
	o := newOffice(t, sharedCity)
	o.run(row("Ann", "Oslo"))
	o.edit("Rome")
	o.server.SetFaults(hubspottest.Fault{Path: "batch/read", Status: 400, Kind: "status", Count: 20})
	if r := o.run(row("Anna", "Bergen")); r.Rejected != 1 {
		t.Errorf("%+v", r)
	}
	o.has("Ann", "Rome")
	o.server.SetFaults()
	o.run(row("Anna", "Bergen"))
	o.has("Anna", "Rome")
}

// TestAlike proves in which spellings a value is still the one that was sent.
func TestAlike(t *testing.T) {
	s := contacts(&portal{}, modeUpsert, "email", "email")
	for _, test := range []struct {
		p         property
		sent, got string
		want      bool
	}{
		{property{name: "email"}, "A@x.io", "a@x.io", true},
		{property{name: "n", kind: kindNumber}, "1.50", "1.5", true},
		{property{name: "d", kind: kindDatetime}, "2026-01-01T00:00:00.000Z", "1767225600000", true},
		{property{name: "t"}, "Oslo", "oslo", false},
		{property{name: "h", html: true}, "<p>Hello <b>you</b></p>", "<div>Hello&#32;you</div>", true},
		{property{name: "h", html: true}, "<p>Hello</p>", "<p>Goodbye</p>", false},
		{property{name: "o", kind: kindOptions}, "b;a", "a;b", true},
		{newProperty(crm.PropertyDefinition{Name: "p", Type: "phone_number", FieldType: "phonenumber"}, false), "+47 22 33", "+472233", true},
	} {
		if got := s.alike(&test.p, test.sent, test.got); got != test.want {
			t.Errorf("%s: %q and %q: %v", test.p.name, test.sent, test.got, got)
		}
	}
}

// TestPolicyPlaces proves where a property can't be left to others.
func TestPolicyPlaces(t *testing.T) {
	_, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	in := schema("=ext_id", "=city")
	for i := range in.Fields {
		in.Fields[i].Shared = true
	}
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Object: "contacts", Match: []string{"ext_id"}}, `object: property "ext_id" can't be left to others: records are told apart by it; leave out when and owner`},
		{Config{Object: "contacts", Match: []string{"ext_id"}, Mode: modeArchive}, `object: property "ext_id" can't be left to others: mode archive sends no property; leave out when and owner`},
	} {
		test.config.Connection = "crm"
		_, err := test.config.Open(t.Context(), env(p), in)
		if got := fieldErrors(err); len(got) == 0 || got[0] != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
