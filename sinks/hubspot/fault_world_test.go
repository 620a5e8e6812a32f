package hubspot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/hubspottest"
	"sluice/sinks/hubspot/internal/crm"
	"sluice/sources/csv"
	"sluice/transforms/mapping"
	"sluice/transforms/resolve"
)

// compiled are the kinds that scenarios use.
var compiled = pipeline.Kinds{
	Connections: []pipeline.Kind[pipeline.ConnectionConfig]{ConnectionKind},
	Sources:     []pipeline.Kind[pipeline.SourceConfig]{csv.Kind},
	Transforms:  []pipeline.Kind[pipeline.TransformConfig]{mapping.Kind, resolve.Kind},
	Sinks:       []pipeline.Kind[pipeline.SinkConfig]{Kind},
}

// A world is all that outlives a run: a HubSpot, a state and sources. It lives in a testing/synctest bubble, so that what
// takes hours takes no time; only the state is a real one, in files.
type world struct {
	*testing.T
	portal *hubspottest.Server
	server *http.Server // that the portal answers behind
	dir    string
	state  string // its DSN
	spec   string // pipelines.yaml
	wires  *wires
	log    *logbook                               // of all runs
	jitter func(most time.Duration) time.Duration // of the client's waits; nil is by chance

	mu     sync.Mutex
	before func(*http.Request)                                        // called with each request before HubSpot sees it; may be nil
	spoil  func(http.ResponseWriter, *httptest.ResponseRecorder) bool // puts another answer in the place of one; false: it doesn't
}

// newWorld returns a world whose HubSpot has unique properties ext_id of contacts and companies, and whose source holds
// people.
func newWorld(t *testing.T, o hubspottest.Options) *world {
	t.Helper()
	o.Seed = 1
	dir := t.TempDir()
	w := &world{T: t, portal: hubspottest.New(o), dir: dir, state: newState(t, dir), spec: peopleFile, wires: newWires(), log: &logbook{}}
	w.server = &http.Server{Handler: w, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.server.Serve(w.wires) })
	t.Cleanup(func() {
		w.server.Close()
		wg.Wait()
		w.portal.Close()
	})
	for object, group := range map[string]string{"contacts": "contactinformation", "companies": "companyinformation"} {
		w.define(object, fmt.Sprintf(`{"name":"ext_id","label":"Ext","groupName":%q,"type":"string","fieldType":"text","hasUniqueValue":true}`, group))
	}
	return w
}

// define makes a property.
func (w *world) define(object, body string) {
	w.Helper()
	if code, text := w.ask("POST", "/crm/v3/properties/"+object, body); code > 299 {
		w.Fatalf("make a property: %d %s", code, text)
	}
}

// ask makes a request past the network, as another app with every right.
func (w *world) ask(method, path, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer token")
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.portal.ServeHTTP(rec, r)
	return rec.Code, rec.Body.String()
}

// ServeHTTP lets HubSpot answer.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	before, spoil := w.before, w.spoil
	w.mu.Unlock()
	if before != nil {
		before(r)
	}
	if spoil == nil || !strings.Contains(r.URL.Path, "/batch/") || strings.HasSuffix(r.URL.Path, "/read") {
		w.portal.ServeHTTP(rw, r)
		return
	}
	rec := httptest.NewRecorder()
	w.portal.ServeHTTP(rec, r)
	if !spoil(rw, rec) {
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write(rec.Body.Bytes()) // who isn't there any more doesn't need it
	}
}

// spoils puts other answers in the place of those to the next n writes.
func (w *world) spoils(n int, how func(http.ResponseWriter, *httptest.ResponseRecorder)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spoil = func(rw http.ResponseWriter, rec *httptest.ResponseRecorder) bool {
		w.mu.Lock()
		n--
		hit := n >= 0
		w.mu.Unlock()
		if hit {
			how(rw, rec)
		}
		return hit
	}
}

// at calls do once, before HubSpot sees the n-th request from now on whose path contains part.
func (w *world) at(n int, part string, do func()) {
	var seen atomic.Int64
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = func(r *http.Request) {
		if strings.Contains(r.URL.Path, part) && seen.Add(1) == int64(n) {
			do()
		}
	}
}

// faults replaces the fault plan.
func (w *world) faults(plan ...hubspottest.Fault) { w.portal.SetFaults(plan...) }

// run runs the first pipeline of the project once, as a process of its own does: nothing is left of it but the state.
func (w *world) run(change ...func(*pipeline.Options)) (pipeline.Report, error) {
	w.Helper()
	return w.runNamed("", change...)
}

// runNamed runs one pipeline.
func (w *world) runNamed(name string, change ...func(*pipeline.Options)) (pipeline.Report, error) {
	w.Helper()
	opts := pipeline.Options{}
	for _, f := range change {
		f(&opts)
	}
	report, err := w.runAs(w.Context(), name, opts, func(_ *pipeline.Definition, s state.Store) pipeline.Store { return s })
	if balance := report.Balance(); balance != nil {
		w.Errorf("%v (the run ended with %v)", balance, err)
	}
	return report, err
}

// runAs runs one pipeline once adapt has had its way with the definition and the store.
func (w *world) runAs(ctx context.Context, name string, opts pipeline.Options, adapt func(*pipeline.Definition, state.Store) pipeline.Store) (pipeline.Report, error) {
	w.Helper()
	text := strings.ReplaceAll(w.spec, "csv: ", "csv: "+w.dir+"/")
	spec, problems := config.Parse("pipelines.yaml", []byte(text), compiled, nil)
	if len(problems) > 0 {
		w.Fatal(problems)
	}
	at := max(0, slices.IndexFunc(spec.Pipelines, func(p config.Pipeline) bool { return p.Name == name }))
	store, err := state.Open(ctx, w.state)
	if err != nil {
		w.Fatal(err)
	}
	defer store.Close()
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	conn := spec.Connections[0].Config.(*Connection)
	conn.BaseURL = "http://127.0.0.1"
	client, err := conn.open(crm.Config{Log: log, Dial: w.wires.dial, Jitter: w.jitter})
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	env := pipeline.Env{Log: log, Connection: func(context.Context, string) (io.Closer, error) { return client, nil }}
	definition := spec.Pipelines[at].Definition()
	kept := adapt(&definition, store)
	p, err := pipeline.Open(ctx, definition, env)
	if err != nil {
		return pipeline.Report{}, err
	}
	defer p.Close()
	opts.Log = log
	return p.Run(ctx, kept, opts)
}

// well runs and expects no error.
func (w *world) well() pipeline.Report {
	w.Helper()
	report, err := w.run()
	if err != nil {
		w.Errorf("the run ended with %v; log:\n%s", err, w.log)
	}
	return report
}

// stops runs and expects an error that is want, if that isn't nil, and says each of the texts.
func (w *world) stops(want error, texts ...string) pipeline.Report {
	w.Helper()
	report, err := w.run()
	if err == nil || want != nil && !errors.Is(err, want) {
		w.Errorf("the run ended with %v, want %v; log:\n%s", err, want, w.log)
		return report
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			w.Errorf("the run ended with %q, which doesn't say %q", err, text)
		}
	}
	return report
}

// has compares HubSpot's contacts with people, each of which must be there once, with its values; but for those left out.
func (w *world) has(list []person, without ...int) {
	w.Helper()
	want := map[string]person{}
	for _, p := range list {
		want[strings.ToLower(p.id)] = p
	}
	for _, i := range without {
		delete(want, strings.ToLower(list[i].id))
	}
	for _, r := range w.portal.Records("contacts") {
		id := r.Properties["ext_id"]
		p, ok := want[strings.ToLower(id)]
		if !ok {
			w.Errorf("contact %q is there, %v: it is none of the source's, or twice", id, r.Properties)
			continue
		}
		delete(want, strings.ToLower(id))
		if r.Properties["firstname"] != p.name || r.Properties["email"] != p.email {
			w.Errorf("contact %s has %q, %q; want %q, %q", id, r.Properties["firstname"], r.Properties["email"], p.name, p.email)
		}
	}
	for id := range want {
		w.Errorf("contact %q isn't there", id)
	}
}

// settled expects that the next run ends well and has nothing left to do: all of it is there, and nothing is written again.
func (w *world) settled() {
	w.Helper()
	w.faults()
	w.at(0, "", nil)
	w.wires.refuse(false)
	w.well()
	writes := len(w.portal.Writes())
	if r := w.well(); r.Written != 0 || len(w.portal.Writes()) != writes {
		w.Errorf("one more run: %+v, %d writes", r, len(w.portal.Writes())-writes)
	}
}

// withState calls f with the state.
func (w *world) withState(f func(state.Store)) {
	w.Helper()
	store, err := state.Open(w.Context(), w.state)
	if err != nil {
		w.Fatal(err)
	}
	defer store.Close()
	f(store)
}

// letters returns the open dead letters as "key code".
func (w *world) letters() (list []string) {
	w.Helper()
	w.withState(func(store state.Store) {
		w.Helper()
		letters, err := store.Rejects(w.Context(), state.Filter{})
		if err != nil {
			w.Fatal(err)
		}
		for _, l := range letters {
			list = append(list, l.Key+" "+l.Code)
		}
	})
	return list
}

// retryAll asks for all that was refused to be tried again.
func (w *world) retryAll() {
	w.Helper()
	w.withState(func(store state.Store) {
		w.Helper()
		if _, _, err := store.Retry(w.Context(), state.Filter{Pipeline: "people"}); err != nil {
			w.Fatal(err)
		}
	})
}

// requests returns how many requests HubSpot has got whose path contains part.
func (w *world) requests(part string) (n int) {
	for _, r := range w.portal.Requests() {
		if strings.Contains(r.Path, part) {
			n++
		}
	}
	return n
}

// doubtful returns how many rows the state has in doubt.
func (w *world) doubtful() (n int64) {
	w.Helper()
	w.withState(func(store state.Store) {
		w.Helper()
		list, err := store.Status(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, p := range list {
			n += int64(p.Doubtful)
		}
	})
	return n
}
