package hubspottest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A testPortal is a portal behind a real connection.
type testPortal struct {
	*Server
	t      *testing.T
	url    string
	client *http.Client
	now    time.Time // set to move the clock
}

// open starts a portal with a custom unique property ext_id on contacts, companies and deals.
func open(t *testing.T, o Options) *testPortal {
	t.Helper()
	p := &testPortal{t: t, now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
	o.Clock = func() time.Time { return p.now }
	p.Server = New(o)
	srv := httptest.NewServer(p.Server)
	p.url, p.client = srv.URL, srv.Client()
	t.Cleanup(func() {
		p.Server.Close()
		srv.Close()
	})
	for _, object := range []string{"contacts", "companies", "deals"} {
		p.unique(object, "ext_id")
	}
	return p
}

func (p *testPortal) unique(object, name string) {
	p.t.Helper()
	p.Server.mu.Lock()
	defer p.Server.mu.Unlock()
	t := p.portal.resolve(object)
	c := &call{s: p.Server, now: p.now, route: route{version: "2026-03"}}
	raw := fmt.Sprintf(`{"name":%q,"label":"x","type":"string","fieldType":"text","groupName":%q,"hasUniqueValue":true}`, name, t.groups[0].Name)
	if _, err := p.addProperty(c, t, json.RawMessage(raw)); err != nil {
		p.t.Fatal(err.Message)
	}
}

// An answer is what came back, in the shapes that tests look at.
type answer struct {
	HTTP    int
	Header  http.Header
	Raw     string
	Err     error
	Status  string
	Results []answered
	Errors  []struct {
		Category    string
		SubCategory string
		Message     string
		Code        string
		Context     map[string][]string
	}
	NumErrors     int
	Category      string
	SubCategory   string
	Message       string
	CorrelationID string
	Policy        string `json:"policyName"`
	Context       map[string][]string
	Total         int
	Paging        *paging
	answered
}

type answered struct {
	ID           string
	Properties   map[string]*string
	Archived     bool
	New          *bool
	Trace        string `json:"objectWriteTraceId"`
	Warnings     []warning
	From         struct{ ID string }
	To           json.RawMessage
	FromObjectID json.RawMessage
	ToObjectID   json.RawMessage
	Labels       []string
	TypeID       int
	Label        string
	Name         string
}

func (p *testPortal) send(method, path, body string, header ...string) answer {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{Err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	a := answer{HTTP: resp.StatusCode, Header: resp.Header, Raw: string(raw), Err: err}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &a); err != nil && a.Err == nil {
			a.Err = err
		}
	}
	return a
}

func (p *testPortal) post(path, body string) answer { p.t.Helper(); return p.send("POST", path, body) }

// inputs writes a batch body of inputs given as JSON without the braces.
func inputs(list ...string) string { return `{"inputs":[{` + strings.Join(list, "},{") + `}]}` }

func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.HTTP != status {
		t.Fatalf("status %d, want %d: %s (%v)", a.HTTP, status, a.Raw, a.Err)
	}
	return a
}

func (a answer) traces() []string {
	var ids []string
	for _, r := range a.Results {
		ids = append(ids, r.Trace)
	}
	slices.Sort(ids)
	return ids
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func (p *testPortal) contact(properties string) string {
	p.t.Helper()
	return p.post("/crm/objects/2026-03/contacts", `{"properties":{`+properties+`}}`).want(p.t, 201).answered.ID
}

func (p *testPortal) company(name string) string {
	p.t.Helper()
	return p.post("/crm/objects/2026-03/companies", `{"properties":{"name":"`+name+`"}}`).want(p.t, 201).answered.ID
}

// serve runs one request without a connection, for tests in a bubble.
func serve(s *Server, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer token")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
