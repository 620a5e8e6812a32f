package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
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

	_ "github.com/jackc/pgx/v5/stdlib" // as "pgx"; "sqlite" comes with the program

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

// search reports secrets, and personal values but those that may be there.
func (c *cage) search(where, text string, may []string) {
	c.Helper()
	for name, secret := range secrets {
		for _, spelling := range spellings(secret) {
			if strings.Contains(text, spelling) {
				c.Errorf("%s: %s is there, as %q:\n%.3000s", where, name, spelling, text)
				break
			}
		}
	}
	for _, hit := range personal.FindAllString(text, -1) {
		if !slices.Contains(may, strings.ToLower(hit)) {
			c.Errorf("%s: the personal value %s is there:\n%.3000s", where, hit, text)
			return
		}
	}
}

// inspect runs every command that only looks, and searches what is left: the folder, the state, what the server saw.
func (c *cage) inspect(letters []string) {
	c.Helper()
	for _, args := range []string{"status", "status --json", "migrate"} {
		c.call(nil, args)
	}
	for _, args := range []string{"list --all", "list --json --all", "export --all", "export --all --format jsonl", "show 1 2 3 4 5 6 7 8"} {
		c.call(letters, "rejects "+args)
	}
	c.mu.Lock()
	seen := c.seen.String()
	c.mu.Unlock()
	c.search("what the server saw", seen, nil)
	c.search("the state", c.state(), letters)
	c.files(letters)
}

// files searches all files of the folder but the source's and those that a person has put a secret into. Of a state in SQLite
// only secrets are looked for in the file: what its tables hold of rows, state tells.
func (c *cage) files(letters []string) {
	c.Helper()
	err := filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || slices.Contains([]string{"people.csv", "pipelines.yaml", "token"}, entry.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		text := string(data)
		if strings.HasPrefix(entry.Name(), "state.db") {
			text = personal.ReplaceAllString(text, "")
		}
		c.search(path, text, letters)
		return err
	})
	if err != nil {
		c.Error(err)
	}
}

var byteaText = regexp.MustCompile(`\\\\*x[0-9a-f]+`)

// kept are the columns of the ledger that hold the properties as they were sent: nothing else of the state may.
var kept = []string{"sent", "tried"}

// state returns the text of all tables of the state, and what its byte strings hold, but for what the ledger keeps of rows.
func (c *cage) state() string {
	c.Helper()
	dsn := c.lookup("SLUICE_STATE_URL")
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return c.tables("sqlite", path, "", "select name as name from sqlite_master where type = 'table'")
	}
	return c.tables("pgx", dsn, "sluice.", "select tablename as name from pg_tables where schemaname = 'sluice'")
}

// tables returns the text of the tables that a query names.
func (c *cage) tables(driver, dsn, schema, names string) string {
	c.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		c.Fatal(err)
	}
	defer db.Close()
	if db.PingContext(c.Context()) != nil {
		return "" // there is none
	}
	var all strings.Builder
	for _, name := range c.rows(db, names) {
		for _, cell := range c.rows(db, "select * from "+schema+`"`+name[len("name="):]+`"`) {
			column, value, _ := strings.Cut(cell, "=")
			if strings.HasSuffix(name, "=ledger") && slices.Contains(kept, column) {
				continue
			}
			all.WriteString(value + "\n")
			for _, bytea := range byteaText.FindAllString(value, -1) {
				data, _ := hex.DecodeString(bytea[strings.IndexByte(bytea, 'x')+1:])
				all.Write(data)
			}
		}
	}
	return all.String()
}

// rows returns the cells of a query's rows, each as column=value.
func (c *cage) rows(db *sql.DB, query string) (cells []string) {
	c.Helper()
	rows, err := db.QueryContext(c.Context(), query)
	if err != nil {
		c.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	for rows.Next() && err == nil {
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		err = rows.Scan(dest...)
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			cells = append(cells, fmt.Sprintf("%s=%v", columns[i], v))
		}
	}
	if err = errors.Join(err, rows.Err()); err != nil {
		c.Fatal(err)
	}
	return cells
}
