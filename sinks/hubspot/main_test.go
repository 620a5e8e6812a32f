package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/pipeline"
	"sluice/pipeline/state"
	"sluice/sinks/hubspot/internal/crm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// emptyState is the file of a state that has its tables and nothing else. To make them takes longer than many a test does.
var emptyState = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "state.db")
	store, err := state.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	_, _, err = store.Migrate(context.Background())
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path) // which is all of it, once it is closed
})

// newState returns the DSN of a new state with its tables, in a folder.
func newState(t *testing.T, dir string) string {
	t.Helper()
	data, err := emptyState()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "state.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// A request is one that a server has got.
type request struct {
	method, path string
	body         []byte
}

// A recorder passes requests on and keeps them.
type recorder struct {
	url      string
	handler  http.Handler
	mu       sync.Mutex
	requests []request
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.requests = append(r.requests, request{req.Method, req.URL.Path, body})
	r.mu.Unlock()
	req.Body = io.NopCloser(bytes.NewReader(body))
	r.handler.ServeHTTP(w, req)
}

// sent returns the requests whose path contains part, and forgets all.
func (r *recorder) sent(part string) []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []request
	for _, q := range r.requests {
		if strings.Contains(q.path, part) {
			found = append(found, q)
		}
	}
	r.requests = nil
	return found
}

// listen serves a handler over HTTP and returns a connection to it that doesn't wait long.
func listen(t *testing.T, handler http.Handler, version string) (*recorder, *portal) {
	t.Helper()
	rec := &recorder{handler: handler}
	server := httptest.NewServer(rec)
	t.Cleanup(server.Close)
	rec.url = server.URL
	return rec, connect(t, server.URL, version)
}

// connect returns a connection that doesn't wait long.
func connect(t *testing.T, url, version string) *portal {
	t.Helper()
	client, err := crm.New(crm.Config{
		BaseURL: url, Version: version, AccessToken: "token",
		Retry: crm.Retry{Attempts: 2, Backoff: time.Millisecond, MaxBackoff: time.Millisecond, Lock: time.Millisecond, Patience: 100 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return &portal{Client: client, landing: time.Second}
}

// scripted serves the answers of one path each; other paths are 404.
func scripted(answer func(path string, body []byte) (status int, text string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status, text := answer(r.URL.Path, body)
		if strings.HasPrefix(text, "<") {
			w.Header().Set("Content-Type", "text/html")
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	})
}

// contacts returns a sink of contacts that was opened without reading the account.
func contacts(p *portal, mode, match string, names ...string) *Sink {
	s := &Sink{
		portal: p, log: quiet(), mode: mode, object: "contacts", path: "contacts", match: -1,
		paths: map[string]string{"contacts": "contacts", "companies": "companies"}, kinds: map[lookupKey]kind{},
	}
	for i, name := range names {
		s.props = append(s.props, property{name: name})
		if name == match {
			s.match = i
		}
	}
	s.limits = s.newLimits(&Config{})
	return s
}

// env is what Open gets, with one connection called crm.
func env(p *portal) pipeline.Env {
	return pipeline.Env{Pipeline: "test", Log: quiet(), Connection: func(context.Context, string) (io.Closer, error) { return p, nil }}
}

// change returns a change with texts as values.
func change(key string, values ...string) pipeline.Change {
	c := pipeline.Change{Key: key, TraceID: "trace-" + key, Version: 1}
	for _, v := range values {
		c.Values = append(c.Values, pipeline.StringValue(v))
	}
	return c
}

// write prepares and writes changes, and returns the outcomes by trace id.
func write(t *testing.T, s *Sink, changes ...pipeline.Change) (map[string]pipeline.Outcome, error) {
	t.Helper()
	prepared, err := s.Prepare(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	all := byTrace(t, prepared)
	groups := map[pipeline.Action][]pipeline.Change{}
	for _, c := range changes {
		if _, decided := all[c.TraceID]; !decided {
			groups[c.Action] = append(groups[c.Action], c)
		}
	}
	for _, group := range groups {
		outcomes, err := s.Write(t.Context(), group)
		for trace, o := range byTrace(t, outcomes) {
			all[trace] = o
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func byTrace(t *testing.T, outcomes []pipeline.Outcome) map[string]pipeline.Outcome {
	t.Helper()
	all := map[string]pipeline.Outcome{}
	for _, o := range outcomes {
		if _, twice := all[o.TraceID]; twice {
			t.Errorf("two outcomes of %s", o.TraceID)
		}
		all[o.TraceID] = o
	}
	maps.DeleteFunc(all, func(_ string, o pipeline.Outcome) bool { return o.Verdict == pipeline.InDoubt }) // as without an outcome
	return all
}

// code returns the code of a refusal.
func code(o pipeline.Outcome) string {
	if e, ok := o.Err.(*pipeline.RowError); ok {
		return e.Code
	}
	return ""
}

func jsonEqual(t *testing.T, got []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(got, &v); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	return v
}
