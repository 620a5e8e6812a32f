package hubspottest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script drives a portal through most kinds of change.
func script(p *testPortal) string {
	raw := p.post(contactsBatch+"create", threeContacts).Raw
	raw += p.post(contactsBatch+"upsert", inputs(`"idProperty":"ext_id","id":"E","properties":{"lastname":"x"}`)).Raw
	co := p.company("x")
	for _, r := range p.Records("contacts") {
		raw += p.post(linksDated+"batch/associate/default", inputs(pairInput(r.ID, co))).Raw
	}
	list := p.Records("contacts")
	raw += p.post("/crm/objects/2026-03/contacts/merge", fmt.Sprintf(`{"primaryObjectId":%q,"objectIdToMerge":%q}`, list[0].ID, list[1].ID)).Raw
	raw += p.send("DELETE", "/crm/objects/2026-03/contacts/"+list[2].ID, "").Raw
	raw += p.post(linksDated+"labels", `{"name":"chair","label":"Chair"}`).Raw
	return raw + p.post("/crm-object-schemas/v3/schemas", `{"name":"boat","primaryDisplayProperty":"n","properties":[{"name":"n","label":"N","type":"string","fieldType":"text"}]}`).Raw
}

// Section 13, Determinism: equal seeds give equal answers, others don't.
func TestDeterminism(t *testing.T) {
	a, b, c := script(open(t, Options{Seed: 7})), script(open(t, Options{Seed: 7})), script(open(t, Options{Seed: 8}))
	equal(t, "same seed", a == b, true)
	equal(t, "other seed", a == c, false)
}

// Section 13, Determinism: the log tells what arrived and what took effect.
func TestJournal(t *testing.T) {
	p := open(t, Options{})
	p.post(contactsBatch+"create", goodAndBad).want(t, 207)
	r := p.Requests()[0]
	equal(t, "traces", r.Traces, []string{"1", "2", "3"})
	equal(t, "request", fmt.Sprintf("%d %s %s %d %v", r.Seq, r.Method, r.Path, r.Status, string(r.Body) == goodAndBad), "1 POST /crm/objects/2026-03/contacts/batch/create 207 true")
	if strings.Contains(fmt.Sprint(r), "token") || r.Token != tokenHash("token") {
		t.Error("the token is in the log")
	}
	w := p.Writes()
	equal(t, "writes", len(w), 2)
	equal(t, "write", fmt.Sprintf("%s %s %s %d %v", w[1].Action, w[1].Object, w[1].Trace, w[1].Request, w[1].Properties), "create contacts 3 1 map[email:c@x.io]")
}

// Logs are bounded; counters go on.
func TestJournalBounds(t *testing.T) {
	p := open(t, Options{RequestLog: 3, BodyLog: 25, WriteLog: 2})
	for range 5 {
		p.contact(`"lastname":"x"`) // 31 bytes
		p.send("GET", "/crm/objects/2026-03/contacts", "0123456789")
	}
	r := p.Requests()
	equal(t, "requests", []int64{r[0].Seq, r[1].Seq, r[2].Seq}, []int64{8, 9, 10})
	equal(t, "bodies", []int{len(r[0].Body), len(r[1].Body), len(r[2].Body)}, []int{10, 0, 10})
	equal(t, "writes", []int64{p.Writes()[0].Seq, p.Writes()[1].Seq}, []int64{4, 5})
	equal(t, "counted", p.Stats().Requests, int64(10))
	equal(t, "counted writes", p.Stats().Writes["contacts create"], int64(5))
	p = open(t, Options{RequestLog: -1, WriteLog: -1})
	p.contact(`"lastname":"x"`)
	equal(t, "off", len(p.Requests())+len(p.Writes()), 0)
	equal(t, "still counted", p.Stats().Statuses[201], int64(1))
}

// A saved portal comes back as it was, and goes on as it would have.
func TestSaveAndLoad(t *testing.T) {
	p := open(t, Options{Seed: 7})
	script(p)
	var first, second bytes.Buffer
	if err := p.Save(&first); err != nil {
		t.Fatal(err)
	}
	q := open(t, Options{Seed: 99})
	if err := q.Load(bytes.NewReader(first.Bytes())); err != nil {
		t.Fatal(err)
	}
	if err := q.Save(&second); err != nil {
		t.Fatal(err)
	}
	equal(t, "saved again", second.String() == first.String(), true)
	equal(t, "records", q.Records("contacts"), p.Records("contacts"))
	equal(t, "links", q.Links("companies", "contacts"), p.Links("companies", "contacts"))
	next := func(p *testPortal) string {
		return p.post(contactsBatch+"upsert", inputs(`"idProperty":"ext_id","id":"e","properties":{"city":"x"}`, `"idProperty":"ext_id","id":"F","properties":{"lastname":"x"}`)).want(t, 200).Raw
	}
	equal(t, "next answer", next(q), next(p))
	p.post("/crm/objects/2026-03/p_boat", `{"properties":{"n":"x"}}`).want(t, 201)
	if err := open(t, Options{Portal: 5}).Load(bytes.NewReader(first.Bytes())); err == nil {
		t.Error("another portal's file is accepted")
	}
	for _, bad := range []string{"", "{}", `{"version":1,"portal":62515,"types":[{"id":"0-1","records":[{"id":1,"v":{"nope":"x"}}]}]}`} {
		if err := q.Load(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	equal(t, "unharmed", len(q.Records("contacts")) > 0, true)
}

// What a person does in HubSpot's pages, through the admin endpoints.
func TestAdmin(t *testing.T) {
	p := open(t, Options{})
	a := p.post("/_admin/records", `{"action":"create","object":"contacts","properties":{"email":"A@x.io","hs_lead_status":"NEW"}}`).want(t, 200)
	id := a.answered.ID
	p.post("/_admin/records", `{"action":"update","object":"contacts","id":"`+id+`","properties":{"city":"Oslo","hubspotscore":"5"}}`).want(t, 200)
	p.post("/_admin/records", `{"action":"archive","object":"contacts","id":"`+id+`"}`).want(t, 200)
	p.post("/_admin/records", `{"action":"restore","object":"contacts","id":"`+id+`"}`).want(t, 200)
	r := must(p.Record("contacts", id))
	equal(t, "record", r.Properties["email"]+r.Properties["city"]+r.Properties["hubspotscore"], "a@x.ioOslo5")
	for _, bad := range []string{`{"action":"fly","object":"contacts","id":"` + id + `"}`, `{"action":"archive","object":"contacts","id":"1"}`, `{"object":"x"}`, `{"action":"create","object":"contacts","properties":{"email":"x"}}`} {
		p.post("/_admin/records", bad).want(t, 400)
	}
	p.post("/_admin/labels", `{"from":"contacts","to":"companies","label":"Chair"}`).want(t, 200)
	p.post("/_admin/labels", `{"from":"contacts","to":"companies","label":"Chair"}`).want(t, 400)
	p.post("/_admin/switches", `{"no_trace_echo":true,"search_lag":"0s","association_cap":7}`).want(t, 200)
	equal(t, "switches", p.Switches().NoTraceEcho && p.Switches().AssociationCap == 7, true)
	p.post("/_admin/switches", `{"no_such_switch":true}`).want(t, 400)
	p.post("/_admin/faults", `[{"kind":"status","status":503,"count":1}]`).want(t, 200)
	equal(t, "plan", len(p.Faults()), 1)
	p.send("GET", "/crm/objects/2026-03/contacts", "").want(t, 503)
	p.send("DELETE", "/_admin/faults", "").want(t, 200)
	p.post("/_admin/switches", p.send("GET", "/_admin/switches", "").Raw).want(t, 200)
	for _, path := range []string{"log", "stats", "records/contacts", "links/contacts/companies", "faults", "switches"} {
		p.send("GET", "/_admin/"+path, "").want(t, 200)
	}
	p.post("/_admin/reset", "").want(t, 200)
	equal(t, "reset", p.Count("contacts"), 0)
	p.send("GET", "/_admin/nonsense", "").want(t, 404)
	w := serve(p.Server, "GET", "/_admin/stats", "") // httptest's requests come from 192.0.2.1
	equal(t, "other machines", w.Code, http.StatusForbidden)
}

// Every switch can be set by its name, and nonsense is refused.
func TestSwitches(t *testing.T) {
	var w Switches
	for _, name := range SwitchNames() {
		value := "true"
		if c := choices(name); c != nil {
			value = c[len(c)-1]
		} else if strings.HasSuffix(name, "_lag") {
			value = "3s"
		} else if name == "max_body" || name == "association_cap" || name == "token_requests" {
			value = "3"
		}
		if err := w.Set(name, value); err != nil {
			t.Error(err)
		}
		if name == "lack_scopes" { // any text is a scope
			continue
		}
		if err := w.Set(name, "nonsense"); err == nil {
			t.Errorf("%s accepts nonsense", name)
		}
	}
}

// A line that tells when it is written.
type firstLine chan string

func (f firstLine) Write(b []byte) (int, error) {
	f <- string(b)
	return len(b), nil
}

// The process serves, keeps its state in a file, and refuses addresses that others can reach.
func TestServe(t *testing.T) {
	state := filepath.Join(t.TempDir(), "portal.json")
	for run := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		out, done := make(firstLine, 1), make(chan int, 1)
		go func() {
			done <- Serve(ctx, []string{"-state", state, "-set", "no_trace_echo=true", "-token", "secret"}, out, os.Stderr)
		}()
		url := strings.TrimSpace(strings.TrimPrefix(<-out, "listening on "))
		p := &testPortal{t: t, url: url, client: &http.Client{Transport: &http.Transport{}}}
		p.send("GET", "/crm/v3/objects/contacts", "").want(t, 401)
		a := p.send("POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@x.io"}}`, "Authorization", "Bearer secret")
		a.want(t, []int{201, 409}[run])
		p.client.CloseIdleConnections()
		stop()
		equal(t, "exit", <-done, 0)
	}
	for _, args := range [][]string{{"-addr", "0.0.0.0:0"}, {"-addr", ":0"}, {"-addr", "x"}, {"-set", "no=1"}, {"-zone", "Mars"}, {"-fault", "/nonexistent"}, {"extra"}, {"-nope"}} {
		var errs bytes.Buffer
		if code := Serve(t.Context(), args, &errs, &errs); code != 2 || errs.Len() == 0 {
			t.Errorf("%v: exit %d: %s", args, code, &errs)
		}
	}
}

// BenchmarkUpsert measures what the portal costs a benchmark of the sink: rows a second, 100 a request.
func BenchmarkUpsert(b *testing.B) {
	s := New(Options{RequestLog: -1, WriteLog: -1, Switches: Switches{SearchLag: -1}})
	t := s.portal.resolve("contacts")
	c := &call{s: s, now: time.Now(), route: route{version: "2026-03"}}
	if _, err := s.addProperty(c, t, []byte(newProp(`,"hasUniqueValue":true`))); err != nil {
		b.Fatal(err.Message)
	}
	var bodies []string
	for n := range 200 {
		var list []string
		for i := range 100 {
			list = append(list, fmt.Sprintf(`"objectWriteTraceId":"trace-%d-%d","idProperty":"p1","id":"key-%d","properties":{"p1":"key-%d","email":"someone%d@example.com","firstname":"First","lastname":"Last","city":"Oslo","phone":"+47 12345678"}`, n, i, n*100+i, n*100+i, n*100+i))
		}
		bodies = append(bodies, inputs(list...))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; b.Loop(); n++ {
		if w := serve(s, "POST", contactsBatch+"upsert", bodies[n%len(bodies)]); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "rows/s")
}
