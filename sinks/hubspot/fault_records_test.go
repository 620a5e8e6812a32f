package hubspot

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/sinks/hubspot/hubspottest"
)

// clocks: HubSpot's clock, ours and the state's differ by years, and HubSpot's jumps by an hour to either side. (The state's
// is that of the machine here, ours that of the bubble.)
func clocks(t *testing.T) {
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w := newWorld(t, hubspottest.Options{Clock: clock, Limits: hubspottest.Limits{Enabled: true, Burst: 30}, OAuth: hubspottest.OAuth{TTL: 30 * time.Minute}})
	w.spec = strings.Replace(w.spec, oauthFile, `oauth: { client_id: a, client_secret: b, refresh_token: c }`, 1)
	w.people(crowd(2500))
	for i, jump := range []time.Duration{time.Hour, -time.Hour, 0} {
		w.at(9, "/batch/upsert", func() { ahead.Store(int64(jump)) })
		if i > 0 {
			list := crowd(2500)
			for at := range list {
				list[at].name += fmt.Sprint(i)
			}
			w.people(list)
		}
		w.well()
	}
	w.settled()
}

// familyFile makes companies with parents in the same file.
const familyFile = `
version: 1
connections:
  crm:
    hubspot: { access_token: token }
pipelines:
  families:
    source:
      csv: families.csv
    key: id
    transforms:
      - map: { ext_id: id, name: name }
      - resolve:
          parent: { object: companies, by: { ext_id: parent } }
    sink:
      hubspot: { connection: crm, object: companies, match: ext_id, associations: [{ to: companies, id: parent, type: 14 }] }
`

// targets: links to records that come later in the file, that point at each other in a circle, and that aren't there: these
// wait, are looked for again by each run, and are written when their target has come.
func targets(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.spec = familyFile
	const rows = "c1,One,c2\nc2,Two,c3\nc3,Three,c1\nc4,Four,c9\nc5,Five,\n"
	w.write("families.csv", []byte("id,name,parent\n"+rows))
	w.faults(hubspottest.Fault{Kind: "reset", After: true, Path: "associations", Every: 2, Count: 3})
	r := w.well()
	if r.Written != 5 || r.Linked != 3 || r.Parked != 1 {
		t.Errorf("%+v", r)
	}
	want := []string{"c1→c2", "c2→c3", "c3→c1"}
	if got := w.parents(); !slices.Equal(got, want) {
		t.Errorf("links are %v, want %v", got, want)
	}
	if r := w.well(); r.Written != 0 || r.Linked != 0 || r.Parked != 1 {
		t.Errorf("the next run: %+v", r)
	}
	w.write("families.csv", []byte("id,name,parent\n"+rows+"c9,Nine,c1\n"))
	if r := w.well(); r.Linked != 2 || r.Parked != 0 {
		t.Errorf("with the target: %+v", r)
	}
	want = []string{"c1→c2", "c2→c3", "c3→c1", "c4→c9", "c9→c1"}
	if got := w.parents(); !slices.Equal(got, want) {
		t.Errorf("links are %v, want %v", got, want)
	}
	w.settled()
}

// parents returns the companies' parents, as "child→parent".
func (w *world) parents() (list []string) {
	names := map[string]string{}
	for _, r := range w.portal.Records("companies") {
		names[r.ID] = r.Properties["ext_id"]
	}
	for _, l := range w.portal.Links("companies", "companies") {
		if slices.Contains(l.Types, "HUBSPOT_DEFINED/14") {
			list = append(list, names[l.From]+"→"+names[l.To])
		}
	}
	slices.Sort(list)
	return list
}

// merged: a person merges two records. The row of the one that is gone goes on as the survivor's, or is refused where the
// survivor is another row's; nothing is made again.
func merged(t *testing.T) {
	for _, mode := range []string{"omit", "missing", "follow"} {
		w := newWorld(t, hubspottest.Options{Switches: hubspottest.Switches{UpdateMerged: mode}})
		list := crowd(60)
		w.people(list)
		w.well()
		stranger := must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "stranger@example.com"}})
		w.edit("merge", list[3].id, list[4].id)
		first, _ := w.portal.Find("contacts", "ext_id", list[8].id)
		must(t, w.portal, hubspottest.Edit{Action: "merge", Object: "contacts", ID: stranger.ID, Other: first.ID})
		for i := range list {
			list[i].name = fmt.Sprintf("After %d", i)
		}
		w.people(list)
		report := w.well()
		if n := w.portal.Count("contacts"); n != 59 {
			t.Errorf("%s: there are %d contacts, want 59", mode, n)
		}
		if report.Written != 59 || report.Rejected != 1 {
			t.Errorf("%s: %+v; %v", mode, report, w.letters())
		}
		if r, _ := w.portal.Record("contacts", stranger.ID); r.Properties["firstname"] != "After 8" {
			t.Errorf("%s: the survivor is %v", mode, r.Properties)
		}
		w.settled()
	}
}

// edit does to the record of one or two keys what a person does.
func (w *world) edit(action, key, other string) {
	w.Helper()
	e := hubspottest.Edit{Action: action, Object: "contacts"}
	for id, key := range map[*string]string{&e.ID: key, &e.Other: other} {
		if r, ok := w.portal.Find("contacts", "ext_id", key); ok {
			*id = r.ID
		} else if key != "" {
			w.Fatalf("there is no contact %s", key)
		}
	}
	must(w.T, w.portal, e)
}

// goneRecords: a person archives records, or has them deleted for privacy. They aren't made again behind that person's back.
func goneRecords(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	list := crowd(60)
	w.people(list)
	w.well()
	w.edit("archive", list[3].id, "")
	w.edit("delete", list[4].id, "")
	if r := w.well(); r.Unchanged != 60 {
		t.Errorf("unchanged rows: %+v", r)
	}
	for i := range list {
		list[i].name = fmt.Sprintf("After %d", i)
	}
	w.people(list)
	report := w.well()
	got := w.letters()
	slices.Sort(got)
	if report.Written != 58 || report.Rejected != 2 || !slices.Equal(got, []string{"p003 gone", "p004 gone"}) {
		t.Errorf("%+v; %v", report, got)
	}
	w.has(list, 3, 4)
	w.settled()
	w.has(list, 3, 4)
}

// edited: a person changes a value that a pipeline writes. It stays until the source's value changes.
func edited(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	list := crowd(60)
	w.people(list)
	w.well()
	r, _ := w.portal.Find("contacts", "ext_id", "p009")
	must(t, w.portal, hubspottest.Edit{Action: "update", Object: "contacts", ID: r.ID, Properties: map[string]string{"firstname": "By hand"}})
	w.settled()
	byHand := slices.Clone(list)
	byHand[9].name = "By hand"
	w.has(byHand)
	list[9].name = "By the source"
	w.people(list)
	w.settled()
	w.has(list)
}
