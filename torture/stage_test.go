package torture

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/pipeline/state/pgtest"
	"sluice/sinks/hubspot/hubspottest"
)

// Secrets that must show nowhere (I12).
const (
	token    = "pat-na1-c0ffee00-canary-of-a-token"
	password = "canary-of-a-password"
)

// A setup is what scenarios differ in before anything happens.
type setup struct {
	store   string // "postgres" or "sqlite"
	mode    string // of the firms: "upsert" or "create"
	version string // of the API
	limits  hubspottest.Limits
}

// setups are the configurations of the programme, by name.
var setups = map[string]setup{
	"postgres": {store: "postgres", mode: "upsert", version: "2026-09"},
	"sqlite":   {store: "sqlite", mode: "upsert", version: "2026-09"},
	"create":   {store: "postgres", mode: "create", version: "2026-09"},
}

// A stage is all that outlives a process: a HubSpot, a state, the sources and a project folder; and what is known of the
// processes that have run on it. Processes may run at the same time; the rest is for one goroutine.
type stage struct {
	setup
	t         testing.TB
	portal    *hubspottest.Server
	server    *httptest.Server // that the portal answers behind
	url       string           // of the portal
	stateURL  string
	warehouse string // DSN of the database that holds the firms
	dir       string
	audit     *audit
	state     int               // of the sources
	hasty     bool              // the sources have left their first state before all of it was written
	floor     map[string]string // checkpoints, by pipeline, when the sources came into their state
	open      int               // groups of intents that the last process has left
	since     map[string]string // since when links have waited that did so when the last process ended, "firms f009 > f999"
	cut       bool              // the network was cut: answers may have been lost
	args      []string          // of processes that are given none
	plan      *plan             // that they carry out, or nil
	visits    int               // of people who set what others may set
	edits     map[string]cells  // what they have set, by key of people; guarded by mu

	connections atomic.Int64 // with HubSpot

	mu   sync.Mutex
	fate func(http.ResponseWriter, *http.Request) // serves requests in HubSpot's place; may be nil
	last *process                                 // that was started
	runs []result                                 // of all processes that have ended
}

// newStage makes a stage, with the sources in their first state and empty state tables.
func newStage(t testing.TB, c setup) *stage {
	t.Helper()
	s := bareStage(t, c)
	s.migrate()
	return s
}

// bareStage makes a stage whose state has no tables, and isn't audited, yet.
func bareStage(t testing.TB, c setup) *stage {
	t.Helper()
	s := &stage{setup: c, t: t, dir: t.TempDir(), args: wholeRun, edits: map[string]cells{}}
	s.openPortal()
	s.warehouse = withPassword(pgtest.Database(t))
	s.stateURL = s.warehouse
	if c.store == "sqlite" {
		s.stateURL = "sqlite:state.db"
	}
	s.project(func(text string) string { return text })
	s.use(firstState)
	return s
}

// migrate makes the state's tables, and begins to audit them.
func (s *stage) migrate() {
	s.t.Helper()
	if r := s.start(launch{args: []string{"migrate"}}).wait(); r.code != exitDone {
		s.t.Fatalf("%v\n%s", &r, s.story())
	}
	a := newAudit(s.t, s.store, s.warehouse, filepath.Join(s.dir, "state.db"))
	s.t.Cleanup(s.server.Close) // before the audit's database: requests of processes that are gone may still arrive
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit = a
}

// withPassword puts the password into a DSN. The cluster doesn't ask for it.
func withPassword(dsn string) string { return dsn + "&password=" + password }

// openPortal starts a HubSpot that has all that the pipelines need.
func (s *stage) openPortal() {
	rule := hubspottest.Rule{Object: "companies", Property: "phone", If: "city", Equals: ruledCity}
	long := time.Hour
	clock := func() time.Time { return time.Now().Add(-long) }
	s.portal = hubspottest.New(hubspottest.Options{Seed: 1, Clock: clock, Limits: s.limits, Rules: []hubspottest.Rule{rule},
		Switches: hubspottest.Switches{LooseDeals: true, NoRequired: true}})
	s.t.Cleanup(s.portal.Close)
	server := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	server.Config.ConnState = s.connected
	server.Start()
	s.t.Cleanup(server.Close)
	s.server, s.url = server, server.URL
	for object, name := range map[string]string{"companies": "firm_id", "contacts": "person_id", "deals": "deal_id", "tickets": "ticket_id"} {
		s.makeProperty(object, name)
	}
	for _, label := range []string{chair, counsel} {
		if _, err := s.portal.AddLabel(hubspottest.Label{From: "contacts", To: "companies", Label: label}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.othersMake("contacts", map[string]string{"email": takenEmail})
	for _, key := range theirTickets {
		s.othersMake("tickets", map[string]string{"ticket_id": key, "subject": theirs})
	}
	for _, key := range theirContacts {
		s.othersMake("contacts", map[string]string{"person_id": key, sharedProperty: theirs, filledProperty: theirs})
		s.noteEdit(key, sharedProperty, theirs)
		s.noteEdit(key, filledProperty, theirs)
	}
	long = 0 // ago
}

// othersMake makes a record, as a person does.
func (s *stage) othersMake(object string, properties map[string]string) {
	if _, err := s.portal.Edit(hubspottest.Edit{Action: "create", Object: object, Properties: properties}); err != nil {
		s.t.Fatal(err)
	}
}

// makeProperty makes a unique property, as a person does.
func (s *stage) makeProperty(object, name string) {
	group := map[string]string{"companies": "companyinformation", "contacts": "contactinformation", "deals": "dealinformation", "tickets": "ticketinformation"}[object]
	body := fmt.Sprintf(`{"name":%q,"label":%q,"groupName":%q,"type":"string","fieldType":"text","hasUniqueValue":true}`, name, name, group)
	r := httptest.NewRequest("POST", "/crm/v3/properties/"+object, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if s.portal.ServeHTTP(w, r); w.Code > 299 {
		s.t.Fatalf("make property %s: %d %s", name, w.Code, w.Body)
	}
}

// serve looks at a request at the moment of its arrival, and lets HubSpot answer it, unless its fate is another.
func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut off: it never arrived
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	fate, audit := s.fate, s.audit
	s.mu.Unlock()
	if audit != nil {
		audit.arrive(r, body)
		s.overwrites(r, body)
	}
	if fate == nil {
		fate = s.portal.ServeHTTP
	}
	fate(w, r)
}

// intercept has requests served by fn in HubSpot's place; nil: by HubSpot.
func (s *stage) intercept(fn http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fate = fn
}

// project writes the project's file, as edit makes it of what it usually is.
func (s *stage) project(edit func(string) string) {
	s.t.Helper()
	s.write("pipelines.yaml", []byte(edit(fmt.Sprintf(projectFile, s.mode, s.version))))
}

// use puts the sources into a state.
func (s *stage) use(state int) {
	s.t.Helper()
	s.state = state
	if s.audit != nil {
		s.peopleEdit()
		s.audit.quiet()
		var err error
		if s.floor, err = s.audit.positions(); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, sheet := range sheets(state) {
		if sheet.name == "firms" {
			pgtest.Exec(s.t, s.warehouse, sheet.sql())
			continue
		}
		s.write(sheet.name+".csv", sheet.csv())
	}
}

func (s *stage) write(name string, data []byte) {
	s.t.Helper()
	// Renamed into place: a process that is reading goes on with what it has opened.
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}
