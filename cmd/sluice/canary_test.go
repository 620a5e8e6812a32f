package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/pipeline/state/pgtest"
	"sluice/sinks/hubspot/hubspottest"
)

// secrets are what no output, file, table or URL may hold, in any spelling or in parts.
var secrets = map[string]string{
	"the access token":            canary,
	"the oauth client secret":     "c11e57-canary-secret-9f3",
	"the oauth refresh token":     "ref7e5h-canary-token-2ab",
	"the oauth access token":      "CJcanary4access5token6",
	"the state's password":        "st@te/pa55 w%rd:Z+q'x",
	"the source's password":       "w@rehou5e/pa55 w%rd:K+p",
	"the proxy's password":        "pr0xy-canary-pa55w0rd",
	"a token written in the file": "pat-eu1-l1teral-canary-77aa",
}

// spellings returns the ways in which a secret may get into a text: as it is, escaped, encoded, or a telling part of it.
func spellings(secret string) []string {
	list := []string{url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("u", secret).String()[2:], strconv.Quote(secret)[1 : len(secret)+1],
		hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))}
	const part = 10
	for i := 0; i+part <= len(secret); i++ {
		list = append(list, secret[i:i+part])
	}
	return list
}

// A cage is a folder with a pipeline, a HubSpot that watches its callers, and all that the program has said.
type cage struct {
	*testing.T
	portal *hubspottest.Server
	url    string
	dir    string
	env    []string
	meddle func(http.ResponseWriter, *http.Request) bool // answers a request instead of the portal, if it likes

	mu   sync.Mutex
	seen strings.Builder // of requests: URLs and headers, but for the one that the token belongs into
	now  *flight
}

// A flight is one process that runs the program.
type flight struct {
	process *os.Process
	began   chan struct{} // closed when process is set
	died    chan struct{} // closed when it is gone
}

// flight returns the process that runs now, once it is known.
func (c *cage) flight() *flight {
	c.mu.Lock()
	f := c.now
	c.mu.Unlock()
	<-f.began
	return f
}

func newCage(t *testing.T, store string) *cage {
	c := &cage{T: t, portal: hubspottest.New(hubspottest.Options{Seed: 1, BodyLog: -1}), dir: t.TempDir()}
	t.Cleanup(c.portal.Close)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	for name, kind := range map[string]string{"person_id": "unique", "born": "date", "score": "number"} {
		definition := map[string]any{"name": name, "label": name, "groupName": "contactinformation", "type": kind, "fieldType": "date"}
		if kind != "date" {
			definition["type"], definition["fieldType"] = map[string]string{"unique": "string", "number": "number"}[kind], map[string]string{"unique": "text", "number": "number"}[kind]
		}
		definition["hasUniqueValue"] = kind == "unique"
		if err := ask(c.url, canary, "POST", "/crm/v3/properties/contacts", definition, nil); err != nil {
			t.Fatal(err)
		}
	}
	c.setenv("HOME", filepath.Join(c.dir, "home"))
	state := "sqlite:" + filepath.Join(c.dir, ".sluice", "state.db")
	if store == "postgres" {
		state = withPassword(t, pgtest.Database(t), secrets["the state's password"])
	}
	c.setenv("GORACE", quickExit)
	c.setenv("HUBSPOT_ACCESS_TOKEN", canary)
	c.setenv("HUBSPOT_BASE_URL", c.url)
	c.setenv("SLUICE_STATE_URL", state)
	c.write("pipelines.yaml", canaryPipeline)
	c.write("people.csv", persons())
	return c
}

// withPassword returns a DSN with a password that the cluster doesn't ask for.
func withPassword(t *testing.T, dsn, password string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("password", password)
	u.RawQuery = query.Encode()
	return u.String()
}

func (c *cage) setenv(name, value string) { c.env = append(c.env, name+"="+value) }

func (c *cage) lookup(name string) (value string) {
	for _, pair := range c.env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

func (c *cage) write(name, text string) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

// edit replaces what must be in pipelines.yaml.
func (c *cage) edit(old, with string) {
	c.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "pipelines.yaml"))
	if err != nil || !bytes.Contains(text, []byte(old)) {
		c.Fatalf("%q isn't in the file: %v", old, err)
	}
	c.write("pipelines.yaml", strings.Replace(string(text), old, with, 1))
}

// calm lets the portal answer all requests.
func (c *cage) calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.meddle = nil
}

// ServeHTTP is the HubSpot that the program talks to.
func (c *cage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := r.Header.Clone()
	header.Del("Authorization")
	c.mu.Lock()
	fmt.Fprintf(&c.seen, "%s %s %v\n", r.Method, r.URL, header)
	meddle := c.meddle
	c.mu.Unlock()
	if meddle == nil || !meddle(w, r) {
		c.portal.ServeHTTP(w, r)
	}
}

// run runs the program, and checks that what it says holds no secret, and no personal value but those that may be there.
func (c *cage) run(may []string, program string, args ...string) (output string, code int) {
	c.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		c.Fatal(err)
	}
	cmd := exec.CommandContext(c.Context(), path, args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.dir, c.env, &out, &out, 10*time.Second
	f := &flight{began: make(chan struct{}), died: make(chan struct{})}
	c.mu.Lock()
	c.now = f
	c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	f.process = cmd.Process
	close(f.began)
	err = cmd.Wait()
	close(f.died)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		c.Fatal(err)
	}
	c.search("the output of "+strings.Join(args, " "), out.String(), may)
	return out.String(), code
}

// call is run without a process of its own, for what looks at nothing but the file and the state.
func (c *cage) call(may []string, args string) (output string, code int) {
	c.Helper()
	var out lockedBuffer
	lookup := func(name string) (string, bool) {
		return c.lookup(name), slices.ContainsFunc(c.env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	}
	code = Main(append(strings.Fields(args), "-f", filepath.Join(c.dir, "pipelines.yaml")), &out, &out, lookup, nil)
	c.search("the output of "+args, out.String(), may)
	return out.String(), code
}

// A lockedBuffer is a buffer that several goroutines may write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var byteaText = regexp.MustCompile(`\\\\*x[0-9a-f]+`)

// kept are the columns of the ledger that hold the properties as they were sent: nothing else of the state may.
var kept = []string{"sent", "tried"}
