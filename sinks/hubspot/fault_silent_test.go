package hubspot

import (
	"cmp"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// A mute is a way in which answers to reads pass over what they were asked for.
type mute struct {
	name  string
	count int // of answers; 0 means all
}

var mutes = []mute{{"once", 1}, {"twice in a row", 2}, {"always", 0}}

// hush makes answers to reads of contacts silent. What a test plays then is the same for records that are never told of,
// but for the run that is to find them.
func (m mute) hush(w *world, more ...hubspottest.Fault) {
	w.faults(append(more, hubspottest.Fault{Path: "contacts/batch/read$", Kind: "silent", Count: m.count})...)
}

// firstname returns that of a contact.
func (w *world) firstname(key string) string {
	w.Helper()
	r, ok := w.portal.Find("contacts", "ext_id", key)
	if !ok {
		w.Errorf("contact %s isn't there", key)
	}
	return r.Properties["firstname"]
}

// silentPolicies: what people have set isn't overwritten because no answer tells of it.
func silentPolicies(t *testing.T) {
	for _, m := range mutes {
		for _, policy := range []string{"owner: shared", "when: empty"} {
			w := newWorld(t, hubspottest.Options{})
			w.spec = strings.Replace(w.spec, "firstname: name", "firstname: { from: name, "+policy+" }", 1)
			list := crowd(3)
			theirs := hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": list[1].id, "firstname": "Theirs"}}
			theirs.ID, theirs.Action = must(t, w.portal, theirs).ID, "update"
			w.people(list)
			m.hush(w)
			w.ends(m)
			if got := w.firstname(list[1].id); got != "Theirs" {
				t.Errorf("%s, %s: an upsert made %q of what somebody had set", m.name, policy, got)
			}
			w.settled()
			theirs.Properties = map[string]string{"firstname": "By hand"}
			must(t, w.portal, theirs)
			for i := range list {
				list[i].name += " again"
				list[i].email = "new." + list[i].email
			}
			w.people(list)
			m.hush(w)
			w.ends(m)
			if got := w.firstname(list[1].id); got != "By hand" {
				t.Errorf("%s, %s: an update made %q of what somebody had set", m.name, policy, got)
			}
			w.settled()
			if got := w.firstname(list[1].id); got != "By hand" {
				t.Errorf("%s, %s: the next run made %q of what somebody had set", m.name, policy, got)
			}
			for _, p := range list {
				if r, _ := w.portal.Find("contacts", "ext_id", p.id); r.Properties["email"] != p.email {
					t.Errorf("%s, %s: %s has %v after the last run", m.name, policy, p.id, r.Properties)
				}
			}
		}
	}
}

// ends runs once. The run may stop only if no answer tells of its records.
func (w *world) ends(m mute) (report pipeline.Report) {
	w.Helper()
	report, err := w.run(massChange)
	if err != nil && m.count == 1 {
		w.Errorf("%s: the run ended with %v; log:\n%s", m.name, err, w.log)
	}
	return report
}

// silentDoubts: a record whose update got no answer isn't told to be deleted because no answer tells of it.
func silentDoubts(t *testing.T) {
	for _, m := range mutes {
		w := newWorld(t, hubspottest.Options{})
		list := crowd(1)
		w.people(list)
		w.well()
		list[0].name = "After"
		w.people(list)
		m.hush(w, hubspottest.Fault{Path: "contacts/batch/update$", Kind: "omit", Count: 1})
		w.ends(m)
		if letters := w.letters(); len(letters) > 0 {
			t.Errorf("%s: %v, though the contact is there", m.name, letters)
		}
		w.settled()
		w.has(list)
	}
}

// silentLeavers: a mirror doesn't let go of a record that no answer tells of: the same run archives it, or a later one.
func silentLeavers(t *testing.T) {
	for _, m := range mutes {
		w := newWorld(t, hubspottest.Options{})
		w.spec = strings.Replace(w.spec, "match:", "mode: mirror, match:", 1)
		w.people(crowd(5))
		w.well()
		w.people(crowd(3))
		m.hush(w)
		if r := w.ends(m); m.count == 1 && r.Archived != 2 {
			t.Errorf("%s: %+v", m.name, r)
		}
		w.faults()
		if _, err := w.run(massChange); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		w.has(crowd(3))
	}
}

// silentLooks: what is to be written to a record that no answer tells of waits for it, by whatever it is looked up, and isn't
// made a second time.
func silentLooks(t *testing.T) {
	for _, m := range mutes {
		for _, sink := range []string{"mode: update, match: ext_id", "match: [ext_id, email]"} {
			w := newWorld(t, hubspottest.Options{})
			list := crowd(2)
			for _, p := range list {
				must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": p.id, "email": p.email}})
			}
			w.spec = strings.Replace(w.spec, "match: ext_id", sink, 1)
			w.people(list)
			m.hush(w)
			r := w.ends(m)
			if told := m.count == 1 || sink != "mode: update, match: ext_id"; told && r.Written != 2 || !told && (r.Written != 0 || r.Rejected != 2) {
				t.Errorf("%s, %s: %+v; %v", m.name, sink, r, len(w.letters()))
			}
			w.settled()
			w.has(list)
			if letters := w.letters(); len(letters) > 0 {
				t.Errorf("%s, %s: dead letters are left: %v", m.name, sink, letters)
			}
		}
	}
}

// toxicRecord: HubSpot gives no usable answer to any request with one record, be it by its id or by its match value. All
// others are written and archived, and so is that one once its row has changed and HubSpot answers.
func toxicRecord(t *testing.T) {
	sinks := []string{"match: ext_id", "mode: mirror, match: ext_id", "mode: update, match: ext_id", "mode: create, match: ext_id"}
	for fault, sinks := range map[*hubspottest.Fault][]string{{Status: 500}: sinks, {Status: 500, After: true}: sinks, {Kind: "html"}: sinks[:1]} {
		for _, sink := range sinks {
			for _, known := range []bool{true, false} {
				w := newWorld(t, hubspottest.Options{})
				w.spec = strings.Replace(w.spec, "match: ext_id", sink, 1)
				list, before := crowd(50), 50
				creates, mirrors := strings.Contains(sink, "create"), strings.Contains(sink, "mirror")
				if mirrors {
					before = 54
				}
				if strings.Contains(sink, "update") {
					for _, p := range list {
						must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": p.id, "email": p.email}})
					}
				}
				if known {
					w.people(crowd(before))
					w.well()
				}
				for i := range list {
					list[i].name += " again"
				}
				toxic := &list[3]
				r, _ := w.portal.Find("contacts", "ext_id", toxic.id)
				fault.Having = `"(` + toxic.id + `|` + cmp.Or(r.ID, "none") + `)"`
				w.people(list)
				w.faults(*fault)
				report, err := w.run(massChange)
				want := int64(49)
				if known && creates {
					want = 0 // they are there
				}
				if report.Written != want || mirrors && known && report.Archived != 4 {
					t.Errorf("%v, %s, known %v: %+v, %v, %.200v", fault, sink, known, report, err, len(w.letters()))
				}
				w.faults()
				toxic.name = "Better"
				w.people(list)
				if _, err := w.run(massChange); err != nil {
					t.Errorf("%+v, %s, known %v: afterwards %v", *fault, sink, known, err)
				}
				w.settled()
				if !creates {
					w.has(list)
				} else if n := len(w.portal.Records("contacts")); n != 50 {
					t.Errorf("%+v, known %v: %d contacts, want 50", *fault, known, n)
				}
			}
		}
	}
}
