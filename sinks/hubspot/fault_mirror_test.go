package hubspot

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// mirrorUnheard: whatever becomes of the answers to upserts and to archiving, what a mirror has made is archived once its
// row has left the source, and what others have made before stays, though its row has left as well.
func mirrorUnheard(t *testing.T) {
	for _, fault := range []hubspottest.Fault{
		{Kind: "reset", After: true}, {Kind: "reset"}, {Status: 502}, {Status: 503, After: true}, {Kind: "html"}, {Kind: "empty"}, {Kind: "late", Delay: 1},
	} {
		w := newWorld(t, hubspottest.Options{})
		all := crowd(250)
		for _, p := range all[:5] {
			must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": p.id, "lastname": "theirs"}})
		}
		time.Sleep(time.Hour)
		w.spec = strings.Replace(w.spec, "match:", "mode: mirror, match:", 1)
		w.people(all)
		fault.Path, fault.Count = "contacts/batch/upsert$", 2
		w.faults(fault)
		w.well()
		w.has(all)

		w.people(all[50:])
		fault.Path, fault.Count = "contacts/batch/archive$", 12 // longer than the wire repeats by itself
		w.faults(fault)
		for range 5 {
			if _, err := w.run(massChange); err == nil {
				break
			}
		}
		w.settled()
		w.has(slices.Concat(all[:5], all[50:]))
		if n := len(w.portal.Archived("contacts")); n != 45 {
			t.Errorf("%+v: %d contacts are archived, want 45", fault, n)
		}
		for _, write := range w.portal.Writes() {
			if write.Action == "archive" && write.ID == "" {
				t.Errorf("%+v: %+v", fault, write)
			}
		}
		w.people(all)
		if r := w.well(); r.Written != 45 || r.Unchanged != 205 {
			t.Errorf("%+v: when they come back: %+v", fault, r)
		}
		w.has(all)
	}
}

func massChange(o *pipeline.Options) { o.AllowMassChange = true }

// archivingRefused: a record that HubSpot refuses to archive gets a dead letter, without being counted among the rows, and
// is tried again until its row is back.
func archivingRefused(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.spec = strings.Replace(w.spec, "match:", "mode: mirror, max_rejects: 1%, match:", 1)
	w.people(crowd(5))
	w.well()
	w.people(crowd(3))
	for range 2 {
		w.faults(hubspottest.Fault{Path: "contacts/batch/archive$", Status: 400, Count: 100})
		if r := w.well(); r.Archived != 0 || r.Review != 2 || r.Rejected != 0 || r.Unchanged != 3 {
			t.Errorf("the run: %+v", r)
		}
		if n := len(w.letters()); n != 2 {
			t.Errorf("%d dead letters: %v", n, w.letters())
		}
	}
	w.faults()
	w.people(crowd(4))
	if r := w.well(); r.Archived != 1 || r.Review != 0 || r.Written != 0 && r.Unchanged != 4 {
		t.Errorf("the last run: %+v", r)
	}
	if list := w.letters(); len(list) > 0 && w.portal.Count("contacts") == 4 {
		t.Errorf("dead letters are left: %v", list)
	}
}

// TestMadeByAge proves that a record which is read back is this pipeline's only if it is younger than the first intent of the
// change, by HubSpot's clock, and under the id that the change knows.
func TestMadeByAge(t *testing.T) {
	server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	made := time.Now()
	own := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-0"}})
	s := open(t, p, &Config{Object: "contacts", Mode: modeMirror, Match: []string{"ext_id"}}, schema("=ext_id", "=email"))
	for _, test := range []struct {
		name   string
		begun  time.Duration // of the intent, after the record was made
		id     string
		action pipeline.Action
		want   bool
	}{
		{"younger than the intent", -time.Minute, "", pipeline.Upsert, true},
		{"older than the intent", time.Minute, "", pipeline.Upsert, false},
		{"older than the intent, by less than clocks tell", time.Second, "", pipeline.Upsert, true},
		{"of an upsert that is an update by now", -time.Minute, own.ID, pipeline.Update, true},
		{"older than an update", time.Minute, own.ID, pipeline.Update, false},
	} {
		c := change("a", "E-0")
		c.Action, c.ID, c.Match, c.Begun = test.action, test.id, "E-0", made.Add(test.begun)
		outcomes, err := s.Settle(t.Context(), []pipeline.Change{c})
		if err != nil || len(outcomes) != 1 || outcomes[0].Verdict != pipeline.Found || outcomes[0].Made != test.want {
			t.Errorf("%s: %+v, %v; want it made: %v", test.name, outcomes, err, test.want)
		}
	}
	never := change("a", "E-0")
	never.Action, never.Match = pipeline.Upsert, "E-0"
	if outcomes, err := s.Settle(t.Context(), []pipeline.Change{never}); err != nil || outcomes[0].Made {
		t.Errorf("without an intent: %+v, %v", outcomes, err)
	}
}

// TestAMirrorDoesntWaitForEachAnswer proves that records of rows that have left are looked at, and archived, many requests at a
// time: with answers after half a second, forty requests one after the other would take twenty seconds.
func TestAMirrorDoesntWaitForEachAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, hubspottest.Options{Latency: 500 * time.Millisecond})
		w.spec = strings.Replace(w.spec, "match:", "mode: mirror, match:", 1)
		all := crowd(2100)
		w.people(all)
		w.well()
		w.people(all[2000:])
		began := time.Now()
		r, err := w.run(massChange)
		if took := time.Since(began); err != nil || r.Archived != 2000 || took > 5*time.Second {
			t.Errorf("%v: %+v after %v, want 2000 archived within 5 s", err, r, took)
		}
	})
}
