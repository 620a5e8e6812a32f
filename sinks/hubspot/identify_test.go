package hubspot

import (
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// A clerk is an office whose contacts are (id, ext_id, email, firstname).
func clerk(t *testing.T, switches hubspottest.Switches, match ...string) *office {
	t.Helper()
	o := newOffice(t, pipeline.Field{})
	o.server.SetSwitches(switches)
	o.columns, o.sink.Match = []string{"id", "ext_id", "email", "firstname"}, match
	return o
}

// secondary makes a contact with a primary and a secondary address, and returns it.
func (o *office) secondary(primary, other string) hubspottest.Record {
	o.Helper()
	a := must(o.T, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": primary}})
	b := must(o.T, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": other}})
	return must(o.T, o.server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: a.ID, Other: b.ID})
}

// TestMatchInOrder proves that the first property that a record is found by counts, that the first property is written to a
// record that was found by a later one, that new records are made with it, and that unchanged rows are looked up no more.
func TestMatchInOrder(t *testing.T) {
	for name, switches := range worlds {
		o := clerk(t, switches, "ext_id", "email")
		a := must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1", "email": "a@x.io"}})
		b := must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "b@x.io"}})
		rows := [][]string{{"1", "E-1", "new@x.io", "Ann"}, {"2", "E-2", "B@x.io", "Ben"}, {"3", "E-3", "c@x.io", "Cy"}, {"4", "E-4", "b@x.io", "Di"}}
		r := o.run(rows...)
		if r.Written != 3 || r.Rejected != 1 || o.server.Count("contacts") != 3 {
			t.Errorf("%s: %+v, %d contacts", name, r, o.server.Count("contacts"))
		}
		for id, want := range map[string]string{a.ID: "E-1 new@x.io Ann", b.ID: "E-2 b@x.io Ben"} {
			c, _ := o.server.Record("contacts", id)
			if got := fmt.Sprint(c.Properties["ext_id"], " ", c.Properties["email"], " ", c.Properties["firstname"]); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		o.rec.sent("")
		if r := o.run(rows[:3]...); r.Unchanged != 3 || len(o.rec.sent("/batch/")) != 0 {
			t.Errorf("%s, again: %+v", name, r)
		}
		rows[1][2] = "b2@x.io"
		o.run(rows...)
		if c, _ := o.server.Record("contacts", b.ID); c.Properties["email"] != "b2@x.io" {
			t.Errorf("%s: the new address isn't written: %v", name, c.Properties)
		}
	}
}

// TestMatchOfTwo proves which record counts where each property finds another one: the first's. What only the other may have
// is a conflict.
func TestMatchOfTwo(t *testing.T) {
	o := clerk(t, hubspottest.Switches{}, "ext_id", "email")
	must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1"}})
	b := must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "b@x.io"}})
	r := o.run([]string{"1", "E-1", "b@x.io", "Ann"})
	if c, _ := o.server.Record("contacts", b.ID); r.Rejected != 1 || c.Properties["firstname"] != "" {
		t.Errorf("%+v, %v", r, c.Properties)
	}
}

// TestMatchOfAnothersRecord proves that a row which leads to another row's record by a later property is told which record that
// is, and not that its first property leads there.
func TestMatchOfAnothersRecord(t *testing.T) {
	o := clerk(t, hubspottest.Switches{}, "ext_id", "email")
	o.run([]string{"1", "E-1", "a@x.io", "Ann"})
	mine, _ := o.server.Find("contacts", "ext_id", "E-1")
	if r := o.run([]string{"2", "E-2", "a@x.io", "Bob"}, []string{"1", "E-1", "new@x.io", "Ann"}); r.Rejected != 1 || r.Written != 1 {
		t.Errorf("%+v", r)
	}
	o.with(func(_ *pipeline.Pipeline, store state.Store) {
		letters, err := store.Rejects(t.Context(), state.Filter{})
		if err != nil || len(letters) != 1 {
			t.Fatal(letters, err)
		}
		if got, want := letters[0].Message, fmt.Sprintf("leads to record %s, which is that of the row with key %q", mine.ID, "1"); !strings.Contains(got, want) || strings.Contains(got, "E-2") {
			t.Errorf("%q, want %q in it, and no E-2", got, want)
		}
	})
	o.run([]string{"2", "E-2", "a@x.io", "Bob"}, []string{"1", "E-1", "new@x.io", "Ann"})
	if c, ok := o.server.Find("contacts", "ext_id", "E-2"); !ok || c.Properties["email"] != "a@x.io" {
		t.Errorf("once the address is free: %v", c.Properties)
	}
}

// TestSecondaryAddress proves that a row which names a contact by a secondary address is written to that contact, whatever
// HubSpot answers and whatever answer is lost, that no second contact is made, and that the primary address stays: by this
// run, by later ones, and by verify's repair.
func TestSecondaryAddress(t *testing.T) {
	faults := map[string][]hubspottest.Fault{
		"none":  nil,
		"reset": {{Path: "batch/(create|upsert|update)$", Kind: "reset", After: true, Count: 1}},
		"empty": {{Path: "batch/(create|upsert|update)$", Kind: "no_errors", Count: 1}},
	}
	for name, switches := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for fault, plan := range faults {
				for _, c := range []Config{
					{Mode: modeUpsert, Match: []string{"email"}},
					{Mode: modeUpdate, Match: []string{"email"}},
					{Mode: modeUpsert, Match: []string{"ext_id", "email"}},
					{Mode: modeCreate, Match: []string{"email"}, OnConflict: conflictUpdate},
				} {
					o := clerk(t, switches, c.Match...)
					o.sink.Mode, o.sink.OnConflict = c.Mode, c.OnConflict
					owner := o.secondary("first@x.io", "second@x.io")
					check := func(when, firstname string) {
						t.Helper()
						r, _ := o.server.Record("contacts", owner.ID)
						if r.Properties["email"] != "first@x.io" || r.Properties["firstname"] != firstname || o.server.Count("contacts") != 1 {
							t.Errorf("%s, %s, %s %v, %s: %d contacts, %v", name, fault, c.Mode, c.Match, when, o.server.Count("contacts"), r.Properties)
						}
					}
					o.server.SetFaults(plan...)
					o.run([]string{"1", "E-1", "Second@x.io", "Ann"})
					o.server.SetFaults()
					check("written", "Ann")
					if c.Mode == modeCreate {
						continue
					}
					o.run([]string{"1", "E-1", "Second@x.io", "Anna"})
					check("written again", "Anna")
				}
			}
		})
	}
}

// TestAddressOfAConflict proves that a contact which is in the way of a new one by a secondary address gets the row's address as
// its primary one where match doesn't name that: at once, as by any later change of the row, so that verify finds nothing.
func TestAddressOfAConflict(t *testing.T) {
	for name, switches := range worlds {
		o := clerk(t, switches, "ext_id")
		o.sink.OnConflict = conflictUpdate
		owner := o.secondary("first@x.io", "second@x.io")
		for _, firstname := range []string{"Ann", "Anna"} {
			o.run([]string{"1", "E-1", "second@x.io", firstname})
			r, _ := o.server.Record("contacts", owner.ID)
			if r.Properties["email"] != "second@x.io" || r.Properties["firstname"] != firstname || o.server.Count("contacts") != 1 {
				t.Errorf("%s, %s: %d contacts, %v", name, firstname, o.server.Count("contacts"), r.Properties)
			}
			o.with(func(p *pipeline.Pipeline, store state.Store) {
				if a, err := p.Verify(t.Context(), store, pipeline.VerifyOptions{}); err != nil || a.Drift != 0 || a.Kept != 0 {
					t.Errorf("%s, %s: %+v, %v", name, firstname, a, err)
				}
			})
		}
	}
}

// TestTwoRowsOfOneContact proves that of two rows that name one contact, by its primary and by a secondary address, the later
// one is rejected, whether both come in one run or not, that the contact ends as the other row says, and that the two don't
// overwrite each other run after run.
func TestTwoRowsOfOneContact(t *testing.T) {
	for name, switches := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := []string{"1", "E-1", "first@x.io", "Ann"}, []string{"2", "E-2", "second@x.io", "Bob"}
			for when, before := range map[string][][]string{"in one run": nil, "the primary first": {first}, "the secondary first": {second}} {
				o := clerk(t, switches, "email")
				owner := o.secondary("first@x.io", "second@x.io")
				want := "Ann"
				if len(before) > 0 {
					want = before[0][3]
					o.run(before...)
				}
				if r := o.run(first, second); r.Rejected != 1 || o.server.Count("contacts") != 1 {
					t.Errorf("%s: %+v, %d contacts", when, r, o.server.Count("contacts"))
				}
				o.run(first, second)
				o.rec.sent("")
				r := o.run(first, second)
				if c, _ := o.server.Record("contacts", owner.ID); c.Properties["firstname"] != want || r.Unchanged != 1 || len(o.rec.sent("/batch/")) > 0 {
					t.Errorf("%s, in the end: %+v, %v", when, r, c.Properties)
				}
			}
		})
	}
}

// TestExplainTwoRowsOfOneContact proves that explain tells of a row which is refused before it is written, in every mode that
// reads records first.
func TestExplainTwoRowsOfOneContact(t *testing.T) {
	for _, mode := range []string{modeUpsert, modeMirror} {
		o := clerk(t, hubspottest.Switches{}, "ext_id", "email")
		o.sink.Mode = mode
		o.secondary("first@x.io", "second@x.io")
		o.run([]string{"1", "E-1", "first@x.io", "Ann"}, []string{"2", "E-2", "second@x.io", "Bob"})
		o.with(func(p *pipeline.Pipeline, store state.Store) {
			told, err := p.Explain(t.Context(), store, "2", pipeline.ExplainOptions{})
			if err != nil || told.Decision != pipeline.ExplainRejected || !strings.Contains(told.Reason, "key_collision") {
				t.Errorf("%s: %+v, %v", mode, told, err)
			}
		})
	}
}

// TestTwoSecondaryAddresses proves that rows which name a contact by two secondary addresses, in one request, are both told
// whose row it is.
func TestTwoSecondaryAddresses(t *testing.T) {
	o := clerk(t, hubspottest.Switches{}, "email")
	owner := o.secondary("first@x.io", "second@x.io")
	third := must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "third@x.io"}})
	owner = must(t, o.server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: owner.ID, Other: third.ID})
	rows := [][]string{{"1", "E-1", "first@x.io", "Ann"}, {"2", "E-2", "second@x.io", "Bob"}, {"3", "E-3", "third@x.io", "Cy"}}
	o.run(rows[0])
	if r := o.run(rows...); r.Rejected != 2 {
		t.Errorf("%+v", r)
	}
	store, err := state.Open(t.Context(), o.state)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	letters, err := store.Rejects(t.Context(), state.Filter{})
	if err != nil || len(letters) != 2 {
		t.Fatal(letters, err)
	}
	for _, l := range letters {
		if want := fmt.Sprintf("leads to record %s, which is that of the row with key %q", owner.ID, "1"); !strings.Contains(l.Message, want) {
			t.Errorf("%s: %q, want %q in it", l.Key, l.Message, want)
		}
	}
}

// TestSilentLookup proves that nothing is decided on a row whose record no answer tells of: it is neither taken for archived,
// nor said to be missing. Only where its unique values keep a second record from being made it is left to be upserted.
func TestSilentLookup(t *testing.T) {
	for _, c := range []Config{
		{Mode: modeArchive, Match: []string{"ext_id"}}, {Mode: modeUpdate, Match: []string{"ext_id"}}, {Mode: modeUpsert, Match: []string{"ext_id", "email"}},
	} {
		server, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
		made := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-0", "email": "p0@example.com"}})
		c.Object = "contacts"
		s := open(t, p, &c, schema("=ext_id", "=email", "=firstname"))
		for _, count := range []int{0, 1} {
			server.SetFaults(hubspottest.Fault{Path: "contacts/batch/read$", Kind: "silent", Count: count})
			rows := people(1)
			outcomes, err := s.Prepare(t.Context(), rows)
			switch {
			case err != nil:
				t.Fatal(err)
			case count == 1 && (len(outcomes) > 0 || rows[0].ID != made.ID):
				t.Errorf("%s, silent once: %+v, id %q", c.Mode, outcomes, rows[0].ID)
			case count == 0 && c.Mode == modeUpsert:
				if len(outcomes) > 0 || rows[0].ID != "" || rows[0].Action != pipeline.Upsert {
					t.Errorf("%s, always silent: %+v, %+v", c.Mode, outcomes, rows[0])
				}
			case count == 0 && (len(outcomes) != 1 || code(outcomes[0]) != "unread" || !outcomes[0].Passing):
				t.Errorf("%s, always silent: %+v", c.Mode, outcomes)
			}
		}
	}
}

// TestForgottenAddress proves that the primary address of a record stays where the ledger no longer knows what was sent to it:
// after verify's repair has given the row the record that its own was merged into, and after a reconciliation of a record that
// differs. An address of the row that the record doesn't have is written nevertheless.
func TestForgottenAddress(t *testing.T) {
	forget := map[string]func(*office){
		"repaired": func(o *office) {
			o.with(func(p *pipeline.Pipeline, store state.Store) {
				if a, err := p.Verify(t.Context(), store, pipeline.VerifyOptions{Repair: true}); err != nil || a.Merged != 1 || a.Repaired != 1 {
					t.Errorf("%+v, %v", a, err)
				}
			})
		},
		"reconciled": func(o *office) {
			o.state = newState(t, t.TempDir())
			o.with(func(p *pipeline.Pipeline, store state.Store) {
				if a, err := p.Reconcile(t.Context(), store, pipeline.ReconcileOptions{}); err != nil || a.Differs != 1 {
					t.Errorf("%+v, %v", a, err)
				}
			})
		},
	}
	for name, switches := range worlds {
		for how, forget := range forget {
			for _, match := range [][]string{{"ext_id", "email"}, {"email", "ext_id"}} {
				o := clerk(t, switches, match...)
				o.run([]string{"1", "E-1", "row@x.io", "Ann"})
				mine, _ := o.server.Find("contacts", "ext_id", "E-1")
				theirs := must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"email": "theirs@x.io", "firstname": "Bob"}})
				kept := must(t, o.server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: theirs.ID, Other: mine.ID})
				must(t, o.server, hubspottest.Edit{Action: "update", Object: "contacts", ID: kept.ID, Properties: map[string]string{"firstname": "Bob"}})
				forget(o)
				check := func(email, firstname string) {
					t.Helper()
					c, _ := o.server.Record("contacts", kept.ID)
					if c.Properties["email"] != email || c.Properties["firstname"] != firstname || o.server.Count("contacts") != 1 {
						t.Errorf("%s, %s, %v: %d contacts, %v", name, how, match, o.server.Count("contacts"), c.Properties)
					}
				}
				o.run([]string{"1", "E-1", "row@x.io", "Ann"})
				check("theirs@x.io", "Ann")
				o.run([]string{"1", "E-1", "new@x.io", "Ann"})
				check("new@x.io", "Ann")
			}
		}
	}
}
