package hubspot

import (
	"context"
	"errors"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
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
