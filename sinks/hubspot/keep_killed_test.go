package hubspot

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/plantest"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
)

// TestKilledWithSharedField proves that a value which a process sent before it died isn't taken for somebody's edit, however
// many processes die one after the other: the newest version gets there (I2). What people have set is kept nevertheless,
// before and after.
func TestKilledWithSharedField(t *testing.T) {
	for _, lost := range []bool{false, true} { // whether HubSpot has seen the request
		for commits := 1; commits <= 2; commits++ {
			t.Run(fmt.Sprintf("lost %v, commit %d", lost, commits), func(t *testing.T) {
				die := func(o *office, n int, rows ...[]string) {
					t.Helper()
					if lost && n == 1 {
						o.server.SetFaults(hubspottest.Fault{Path: "batch/(update|upsert)$", Kind: "reset", Count: 2})
						defer o.server.SetFaults()
					}
					o.dies(n, rows...)
				}
				o := newOffice(t, sharedCity)
				o.run(row("Ann", "Oslo"))
				die(o, 1, row("Ann", "Bergen"))
				if commits == 2 { // what was found out about Bergen is recorded, and Molde isn't
					die(o, 2, row("Ann", "Molde"))
				}
				o.run(row("Ann", "Tromsø"))
				o.has("Ann", "Tromsø")
				o.run(row("Ann", "Bodø"))
				o.has("Ann", "Bodø")

				o.edit("Rome")
				die(o, 1, row("Anna", "Bergen"))
				if commits == 2 {
					die(o, 2, row("Anne", "Molde"))
				}
				o.run(row("Annika", "Tromsø"))
				o.has("Annika", "Rome")

				o.edit("Bodø")
				die(o, 1, row("Annika", "Bergen"))
				o.edit("Rome")
				o.run(row("Annika", "Molde"))
				o.has("Annika", "Rome")
			})
		}
	}
}

// TestFirstWriteKilled proves the same of the write that made the record, or that took over one of others, whether HubSpot
// has seen it or not.
func TestFirstWriteKilled(t *testing.T) {
	for _, others := range []bool{false, true} {
		for _, lost := range []bool{false, true} {
			o := newOffice(t, sharedCity)
			if others {
				must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1"}})
			}
			if lost {
				o.server.SetFaults(hubspottest.Fault{Path: "batch/(update|upsert)$", Kind: "reset", Count: 2})
			}
			o.dies(1, row("Ann", "Oslo"))
			o.server.SetFaults()
			o.dies(2, row("Ann", "Bergen"))
			o.run(row("Anna", "Molde"))
			o.has("Anna", "Molde")
		}
	}
}

// TestEmptyInAKilledRun proves that a property which is empty in a record of others is filled in, although a run that would
// have done so was killed before HubSpot saw its request; and that what a person sets meanwhile is kept.
func TestEmptyInAKilledRun(t *testing.T) {
	for edit, want := range map[string]string{"": "Oslo", "Rome": "Rome"} {
		o := newOffice(t, sharedCity)
		must(t, o.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1"}})
		o.server.SetFaults(hubspottest.Fault{Path: "batch/(update|upsert)$", Kind: "reset", Count: 2})
		o.dies(1, row("Ann", "Oslo"))
		o.server.SetFaults()
		o.edit(edit)
		o.run(row("Ann", "Oslo"))
		o.has("Ann", want)
	}
}

// TestMadeByAKilledRun proves that a record which a killed run has made, and the next one recognises by what it holds, holds
// what was sent, and not what somebody has set.
func TestMadeByAKilledRun(t *testing.T) {
	o := newOffice(t, sharedCity)
	o.sink.Mode = modeCreate
	o.dies(1, row("Ann", "Oslo"))
	o.run(row("Ann", "Oslo"))
	o.with(func(_ *pipeline.Pipeline, store state.Store) {
		known, err := store.Known(t.Context(), "people", []string{"1"})
		if err != nil {
			t.Fatal(err)
		}
		if city, sent := known[0].Sent.Value("city"); city != "Oslo" || !sent {
			t.Errorf("of what the record holds the ledger shows %v as sent", known[0].Sent)
		}
	})
	o.sink.Mode = modeUpsert
	o.run(row("Anna", "Bergen"))
	o.has("Anna", "Bergen")
	o.edit("Rome")
	o.run(row("Anne", "Molde"))
	o.has("Anne", "Rome")
}

// TestPlannedAfterAKilledRun proves that a plan which is made while it isn't known what became of a killed run's writes
// doesn't take what they have set for somebody else's: its run, which knows better by then, would refuse the row as changed.
func TestPlannedAfterAKilledRun(t *testing.T) {
	o := newOffice(t, sharedCity)
	o.dies(1, row("Ann", "Oslo"))
	o.rows = [][]string{row("Ann", "Bergen")}
	o.with(func(p *pipeline.Pipeline, store state.Store) {
		planned := plantest.Save(t, p, store)
		if r, err := p.Run(t.Context(), store, pipeline.Options{Plan: planned}); err != nil || r.Written != 1 {
			t.Errorf("the run of the plan: %+v, %v; want 1 row written", r, err)
		}
	})
	o.has("Ann", "Bergen")
}

// TestNothingSaidAfterAKilledRun proves that what a killed run has sent of a property stays known as ours while the row says
// nothing of the property.
func TestNothingSaidAfterAKilledRun(t *testing.T) {
	for _, firstname := range []string{"Ann", "Anna"} { // whether anything else is to be written meanwhile
		o := newOffice(t, sharedCity)
		o.dies(1, row("Ann", "Oslo"))
		o.run(row(firstname, null))
		o.run(row(firstname, "Bergen"))
		o.has(firstname, "Bergen")
	}
}

// TestKeptByAKilledRun proves that a value which a killed run has left out isn't taken for what it has sent: a person may set
// just that afterwards.
func TestKeptByAKilledRun(t *testing.T) {
	o := newOffice(t, sharedCity)
	o.run(row("Ann", "Oslo"))
	o.edit("Rome")
	o.dies(1, row("Anna", "Bergen"))
	o.edit("Bergen")
	o.run(row("Anne", "Molde"))
	o.has("Anne", "Bergen")
}

// TestLateAttempt proves that an attempt which got no answer, and lands after a later one has kept what a person had set
// meanwhile, isn't taken for that person's edit.
func TestLateAttempt(t *testing.T) {
	o := newOffice(t, sharedCity)
	o.run(row("Ann", "Oslo"))
	var once sync.Once
	hubspot := o.rec.handler
	o.rec.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/batch/update") {
			once.Do(func() {
				o.edit("Rome")
				panic(http.ErrAbortHandler)
			})
		}
		hubspot.ServeHTTP(w, r)
	})
	o.run(row("Anna", "Bergen"))
	o.has("Anna", "Rome")
	o.edit("Bergen") // the first attempt lands
	o.run(row("Anna", "Molde"))
	o.has("Anna", "Molde")
}
