package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/plantest"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
	"sluice/sinks/hubspot/internal/crm"
)

// An office is a portal, a state, and a source of contacts (id, ext_id, firstname, city) of which others may set the city.
type office struct {
	*testing.T
	server  *hubspottest.Server
	rec     *recorder
	portal  *portal
	state   string
	sink    Config
	policy  pipeline.Field // of the city
	columns []string
	rows    [][]string
}

func newOffice(t *testing.T, policy pipeline.Field) *office {
	t.Helper()
	server, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	p.landing = 10 * time.Millisecond
	return &office{T: t, server: server, rec: rec, portal: p, policy: policy, state: newState(t, t.TempDir()),
		columns: []string{"id", "ext_id", "firstname", "city"}, sink: Config{Connection: "crm", Object: "contacts", Match: []string{"ext_id"}}}
}

// Open is the transform that sends every column but the key as the property of its name, by the city's policy.
func (o *office) Open(ctx context.Context, env pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	opened, err := (&promote{}).Open(ctx, env, in)
	if err != nil {
		return nil, err
	}
	fields := opened.Schema().Fields
	for i := range fields {
		if f := &fields[i]; f.Role == pipeline.Property && f.Name == "city" {
			f.IfEmpty, f.Shared, f.Clear = o.policy.IfEmpty, o.policy.Shared, o.policy.Clear
		}
	}
	return opened, nil
}

var errDied = errors.New("the process has died")

// A mortal is the store of a process that dies when it is about to make a commit, the n-th from here: nothing is recorded
// from then on.
type mortal struct {
	state.Store
	commits int
}

func (m *mortal) Commit(ctx context.Context, c pipeline.Commit) error {
	if len(c.Decisions) > 0 {
		m.commits--
	}
	if m.commits <= 0 {
		return errDied
	}
	return m.Store.Commit(ctx, c)
}

func (m *mortal) Finish(ctx context.Context, f pipeline.Finish) error {
	if m.commits <= 0 {
		return errDied
	}
	return m.Store.Finish(ctx, f)
}

// with calls f with the pipeline and its store.
func (o *office) with(f func(*pipeline.Pipeline, state.Store)) {
	o.Helper()
	store, err := state.Open(o.Context(), o.state)
	if err != nil {
		o.Fatal(err)
	}
	defer store.Close()
	p, err := pipeline.Open(o.Context(), pipeline.Definition{Name: "people", Key: []string{"id"}, Transforms: []pipeline.TransformConfig{o}, Sink: &o.sink,
		Source: &table{columns: o.columns, rows: o.rows}}, env(o.portal))
	if err != nil {
		o.Fatal(err)
	}
	defer p.Close()
	f(p, store)
}

// run runs the pipeline over rows.
func (o *office) run(rows ...[]string) (report pipeline.Report) {
	o.Helper()
	o.rows = rows
	o.with(func(p *pipeline.Pipeline, store state.Store) {
		o.Helper()
		var err error
		if report, err = p.Run(o.Context(), store, pipeline.Options{}); err != nil {
			o.Fatal(err)
		}
	})
	return report
}

// dies runs the pipeline in a process that dies before its n-th commit of a decision.
func (o *office) dies(n int, rows ...[]string) {
	o.Helper()
	o.rows = rows
	o.with(func(p *pipeline.Pipeline, store state.Store) {
		o.Helper()
		if _, err := p.Run(o.Context(), &mortal{store, n}, pipeline.Options{}); !errors.Is(err, errDied) {
			o.Fatalf("the run ended with %v before it died", err)
		}
	})
}

// edit is what a person does to the contact of row 1.
func (o *office) edit(city string) {
	o.Helper()
	r, _ := o.server.Find("contacts", "ext_id", "E-1")
	must(o.T, o.server, hubspottest.Edit{Action: "update", Object: "contacts", ID: r.ID, Properties: map[string]string{"city": city}})
}

// has compares the contact of row 1.
func (o *office) has(firstname, city string) {
	o.Helper()
	r, _ := o.server.Find("contacts", "ext_id", "E-1")
	if r.Properties["firstname"] != firstname || r.Properties["city"] != city {
		o.Errorf("the contact has %q, %q; want %q, %q", r.Properties["firstname"], r.Properties["city"], firstname, city)
	}
}

func row(firstname, city string) []string { return []string{"1", "E-1", firstname, city} }

var (
	sharedCity = pipeline.Field{Shared: true}
	emptyCity  = pipeline.Field{IfEmpty: true}
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
