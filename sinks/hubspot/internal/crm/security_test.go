package crm

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// TestBaseURL proves that a token goes out encrypted or not at all, but to this machine: what a base URL may be.
func TestBaseURL(t *testing.T) {
	for _, tc := range []struct{ url, want string }{ // want is the base, or "" where it is refused
		{"https://api.hubapi.com", "https://api.hubapi.com"},
		{"https://api.hubapi.com/", "https://api.hubapi.com"},
		{"https://api.hubapi.com///", "https://api.hubapi.com"},
		{"HTTPS://api.hubapi.com", "https://api.hubapi.com"},
		{"https://api-eu1.hubapi.com", "https://api-eu1.hubapi.com"},
		{"https://api.hubapi.com:8443/prefix/", "https://api.hubapi.com:8443/prefix"},
		{"https://api.hubapi.com.", "https://api.hubapi.com."},
		{"https://10.0.0.1", "https://10.0.0.1"},
		{"https://[2001:db8::1]:443", "https://[2001:db8::1]:443"},
		{"https://xn--pi-7ja.example", "https://xn--pi-7ja.example"},
		{"http://localhost", "http://localhost"},
		{"http://localhost:8080/prefix/", "http://localhost:8080/prefix"},
		{"http://127.0.0.1:1", "http://127.0.0.1:1"},
		{"http://127.255.255.254", "http://127.255.255.254"},
		{"http://[::1]:80", "http://[::1]:80"},
		{"http://[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]"},

		{"http://api.hubapi.com", ""},
		{"http://127.0.0.1.evil.example", ""},
		{"http://localhost.evil.example", ""},
		{"http://evil.example/127.0.0.1", ""},
		{"http://localhost.", ""},
		{"http://0.0.0.0", ""},
		{"http://[::]", ""},
		{"http://[::1%25lo]", ""},
		{"http://2130706433", ""},
		{"http://0x7f000001", ""},
		{"http://0177.0.0.1", ""},
		{"http://127.1", ""},
		{"http://10.0.0.1", ""},
		{"http://192.168.1.2:8080", ""},
		{"http://169.254.169.254", ""},
		{"http://[fe80::1]", ""},
		{"http://host.docker.internal", ""},
		{"http://ⓛocalhost", ""},
		{"http://localhost\\@evil.example", ""},
		{"http://localhost:80@evil.example", ""},
		{"https://token@api.hubapi.com", ""},
		{"https://user:secret-canary@api.hubapi.com", ""},
		{"https://user:secret-canary@x:y:z%", ""},
		{"https://api.hubapi.com?hapikey=secret-canary", ""},
		{"https://api.hubapi.com?", ""},
		{"https://api.hubapi.com/#secret-canary", ""},
		{"http://127.0.0.1#@evil.example", ""},
		{"https://", ""},
		{"https:api.hubapi.com", ""},
		{"//api.hubapi.com", ""},
		{"api.hubapi.com", ""},
		{"ftp://127.0.0.1", ""},
		{"file:///etc/passwd", ""},
		{"unix:///run/x.sock", ""},
		{"https://a b", ""},
		{"https://api.hubapi.com\nHost: evil.example", ""},
		{"https://[::1", ""},
		{" https://api.hubapi.com", ""},
	} {
		got, err := BaseURL(tc.url)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q: %q, %v; want %q", tc.url, got, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the error tells what may be a secret: %v", tc.url, err)
		}
	}
}

// TestRedirectsAreRefused proves that no status and no method takes a request to another server, and that the error says
// where it would have gone and what to set.
func TestRedirectsAreRefused(t *testing.T) {
	var strayed atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer other.Close()
	host := strings.TrimPrefix(other.URL, "http://")
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		s := &script{steps: []http.HandlerFunc{answerWith(status, "", "Location", other.URL+"/steal?token="+testToken)}}
		c := serve(t, s.ServeHTTP)
		for method, call := range map[string]func() error{
			"POST write": func() error { _, err := c.BatchCreate(t.Context(), "contacts", oneInput); return err },
			"POST read": func() error {
				_, err := c.BatchRead(t.Context(), "contacts", "", nil, []string{"1"}, false)
				return err
			},
			"GET": func() error { _, err := c.Account(t.Context()); return err },
			"PUT": func() error {
				_, err := c.AssociateDefault(t.Context(), "contacts", "companies", []Pair{{"1", "2"}})
				return err
			},
		} {
			err := call()
			e := asError(t, err)
			if e.Status != status || !strings.Contains(e.Error(), host) || !strings.Contains(e.Error(), "base_url") {
				t.Errorf("%s, %d: %v", method, status, err)
			}
			if strings.Contains(e.Error(), testToken) {
				t.Errorf("%s, %d: the error holds the token: %v", method, status, err)
			}
		}
	}
	token := serve(t, answerWith(307, "", "Location", other.URL), oauth)
	if _, err := token.BatchCreate(t.Context(), "contacts", oneInput); asError(t, err).Status != 307 {
		t.Errorf("a redirect of the token's endpoint: %v", err)
	}
	if n := strayed.Load(); n != 0 {
		t.Errorf("%d requests went to the other server", n)
	}
}

// TestRequests proves what every request looks like on the wire: the token only in its header and nothing in the query
// that anybody has written, HTTP/1.1, and nothing by which net/http would take a write to be repeatable.
func TestRequests(t *testing.T) {
	var seen atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		if strings.Contains(r.URL.String(), testToken) || strings.Contains(r.URL.String(), "Oslo") {
			t.Errorf("the URL is %s", r.URL)
		}
		if r.ProtoMajor != 1 || r.Header.Get("Authorization") != "Bearer "+testToken {
			t.Errorf("%s %s: %v", r.Method, r.Proto, r.Header)
		}
		for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key", "Referer", "Cookie"} {
			if _, set := r.Header[name]; set {
				t.Errorf("%s has the header %s", r.URL.Path, name)
			}
		}
		w.Header().Set("Set-Cookie", "session=1")
		answerWith(200, good)(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	c := newClient(t, Config{BaseURL: server.URL, AccessToken: testToken, Retry: quick})
	trust(c, server)
	for range 2 {
		if _, err := c.BatchUpdate(t.Context(), "contacts", oneInput); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = c.BatchRead(t.Context(), "contacts", "city", []string{"city"}, []string{"Oslo"}, false)
	_, _ = c.Account(t.Context())
	if seen.Load() < 4 {
		t.Errorf("only %d requests arrived", seen.Load())
	}
	req, err := c.request(t.Context(), &call{method: "POST", path: "/x", body: []byte("{}")}, testToken)
	if err != nil || req.GetBody != nil {
		t.Errorf("net/http could send the body again: %v", err)
	}
}

// TestNoProxyInTheClear proves that a proxy of the environment is used for https only, through which it sees a CONNECT,
// and that it is never given the token.
func TestNoProxyInTheClear(t *testing.T) {
	for _, base := range []string{"http://127.0.0.1:1", "http://localhost", "http://[::1]", "http://[::ffff:127.0.0.1]"} {
		if c := newClient(t, Config{BaseURL: base, AccessToken: testToken}); c.transport.Proxy != nil {
			t.Errorf("%s: requests may go through a proxy in the clear", base)
		}
	}
	var heard strings.Builder
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.WriteString(r.Method + " " + r.RequestURI + "\n")
		_ = r.Header.Write(&heard)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	c := newClient(t, Config{BaseURL: "https://api.hubapi.example", AccessToken: testToken, Retry: quick})
	if c.transport.Proxy == nil {
		t.Fatal("the environment's proxy is ignored")
	}
	c.transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); e.Effect != NoEffect {
		t.Errorf("%v: %v", e.Effect, err)
	}
	if !strings.HasPrefix(heard.String(), "CONNECT api.hubapi.example:443") || strings.Contains(heard.String(), testToken) {
		t.Errorf("the proxy heard:\n%s", heard.String())
	}
}

// TestErrorsForLogs proves that an error's log value, and an error without values, hold nothing of what HubSpot quotes.
func TestErrorsForLogs(t *testing.T) {
	body := `{"status":"error","category":"VALIDATION_ERROR","message":"\"Ann@Example.com\" is taken","errors":[{"message":"ann@example.com: no","code":"X"}]}`
	c := serve(t, answerWith(400, body))
	_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
	e := asError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Warn("refused", "error", err, "item", &ItemError{Category: "C", Message: "ann@example.com"})
	if strings.Contains(strings.ToLower(log.String()), "ann@") || !strings.Contains(log.String(), `"category":"VALIDATION_ERROR"`) {
		t.Errorf("logged: %s", &log)
	}
	without := e.Without([]string{"ann@example.com", "is"})
	if without.Message != `"…" is taken` || without.Details[0].Message != "…: no" || e.Details[0].Message != "ann@example.com: no" {
		t.Errorf("without the values: %q, %q; before: %q", without.Message, without.Details[0].Message, e.Details[0].Message)
	}
}

// trust lets a client take the certificate of a test's server.
func trust(c *Client, server *httptest.Server) {
	c.transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	c.transport.TLSClientConfig.NextProtos = nil
}

// TestClientsAreNotShown proves that formatting a client shows no token.
func TestClientsAreNotShown(t *testing.T) {
	c := newClient(t, Config{AccessToken: testToken})
	for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, c); strings.Contains(text, testToken) || !strings.Contains(text, "hubapi") {
			t.Errorf("%s: %s", verb, text)
		}
	}
}

// TestMessagesAreCut proves that a message of HubSpot's that quotes a value of any length and any characters is a short line.
func TestMessagesAreCut(t *testing.T) {
	long := "is \x1b[2J\nno " + strings.Repeat("x", 1<<16)
	for _, err := range []error{&Error{Message: long}, &ItemError{Message: long}, &DetailError{Message: long}} {
		if text := err.Error(); len([]rune(text)) > 420 || strings.ContainsAny(text, "\x1b\n") {
			t.Errorf("%T: %d characters: %.30q", err, len([]rune(text)), text)
		}
	}
}
