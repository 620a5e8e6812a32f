package torture

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// An audit watches a state from outside: triggers note what was committed, in order, past anything that sluice deletes, and
// every write that arrives at HubSpot is compared with what was committed by then.
type audit struct {
	t      testing.TB
	db     *sql.DB
	prefix string // of the state's tables

	mu      sync.Mutex
	traces  map[string]intent      // of all groups that were ever committed, as far as read
	tried   map[string][]intent    // those of each trace id, of all attempts
	content map[string]cells       // what was sent under a trace id: the same on every attempt
	arrived map[string]int         // writes that were compared, by kind
	sent    map[string]int         // how often each trace id, or pair of records to be linked, has arrived
	doubts  map[string]int         // sent, when its process was killed with it undecided
	linked  map[string][][2]string // pairs of what the ledger says of a row's links, by its text
	faults  []violation
}

// An event is what a trigger has noted.
type event struct {
	seq      int64
	kind     string // grant, intend, close, commit, checkpoint, back
	pipeline string
	epoch    int64
	id       string        // of the group, or the run
	data     []byte        // packed intents, or a position
	at       time.Duration // since 1970, by the database's clock
}

// newAudit puts the triggers into a state whose tables are there.
func newAudit(t testing.TB, store, dsn, file string) *audit {
	t.Helper()
	a := &audit{t: t, prefix: "sluice.", traces: map[string]intent{}, content: map[string]cells{}, arrived: map[string]int{},
		sent: map[string]int{}, doubts: map[string]int{}, tried: map[string][]intent{}, linked: map[string][][2]string{}}
	var err error
	if store == "sqlite" {
		a.prefix = ""
		a.db, err = sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	} else {
		a.db, err = sql.Open("pgx", dsn+"&application_name=audit")
	}
	if err == nil {
		t.Cleanup(func() { a.db.Close() })
		a.db.SetMaxOpenConns(2)
		_, err = a.db.Exec(auditTables[store])
	}
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	return a
}

// events returns what the triggers have noted after an event.
func (a *audit) events(ctx context.Context, after int64) ([]event, error) {
	table, at := "audit.event", "(extract(epoch from at) * 1000000)::bigint"
	if a.prefix == "" {
		table, at = "audit_event", "cast((julianday(at) - 2440587.5) * 86400000000.0 as integer)"
	}
	rows, err := a.db.QueryContext(ctx, fmt.Sprintf("select seq, kind, pipeline, epoch, id, data, %s from %s where seq > %d order by seq", at, table, after))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []event
	for rows.Next() {
		var e event
		if err := rows.Scan(&e.seq, &e.kind, &e.pipeline, &e.epoch, &e.id, &e.data, &e.at); err != nil {
			return nil, err
		}
		e.at *= time.Microsecond
		list = append(list, e)
	}
	return list, rows.Err()
}

// A wire is the body of a batch request, as far as it is of interest.
type wire struct {
	Inputs []struct {
		ID         string `json:"id"`
		Trace      string `json:"objectWriteTraceId"`
		Properties cells  `json:"properties"`
		From       end    `json:"from"`
		To         ends   `json:"to"`
	} `json:"inputs"`
}

// An end is one end of a link.
type end struct {
	ID string `json:"id"`
}

// An ends is one end or a list of them.
type ends []end

// UnmarshalJSON takes both.
func (e *ends) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]end)(e))
	}
	*e = make(ends, 1)
	return json.Unmarshal(data, &(*e)[0])
}

// writing returns what kind of write a request is; "" if it is none.
func writing(r *http.Request) string {
	path := r.URL.Path
	linking := strings.Contains(path, "/associations/")
	last := path[strings.LastIndex(path, "/")+1:]
	switch {
	case r.Method != http.MethodPost || !strings.Contains(path, "/batch/") || last == "read":
		return ""
	case linking && last == "archive":
		return "unlink"
	case linking:
		return "link"
	}
	return last
}

// objectOf returns the object that a batch request is about.
func objectOf(r *http.Request) string {
	before, _, _ := strings.Cut(r.URL.Path, "/batch/")
	return before[strings.LastIndex(before, "/")+1:]
}

// arrive compares a write, before HubSpot sees it, with what was committed by then (I5), and looks for a key that is twice
// in it (I6).
func (a *audit) arrive(r *http.Request, body []byte) {
	kind := writing(r)
	if kind == "" {
		return
	}
	var w wire
	if err := json.Unmarshal(body, &w); err != nil {
		a.t.Errorf("audit: %s: %v", r.URL.Path, err)
		return
	}
	// The request may be of a process that is gone by now: it arrives all the same.
	r = r.WithContext(context.WithoutCancel(r.Context()))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.arrived[kind]++
	switch kind {
	case "link", "unlink":
		a.compareLinks(r, kind, &w)
	case "archive":
		a.compareArchives(r, &w)
	default:
		a.compareWrites(r, &w)
	}
}

func (a *audit) blame(invariant, key, format string, args ...any) {
	a.faults = append(a.faults, violation{invariant, key, fmt.Sprintf(format, args...)})
}

// compareWrites looks for the intent of every input. The caller holds mu.
func (a *audit) compareWrites(r *http.Request, w *wire) {
	twice := map[string]bool{}
	for _, in := range w.Inputs {
		a.sent[in.Trace]++
		intended := func(fits func(intent) bool) bool { return a.intended(r.Context(), in.Trace, fits) }
		if !intended(func(intent) bool { return true }) {
			a.blame("I5", in.Trace, "%s arrived before an intent with that trace id was committed: %v", r.URL.Path, in.Properties)
			continue
		}
		meant := a.traces[in.Trace]
		if twice[meant.key] {
			a.blame("I6", meant.key, "twice in one request, %s", r.URL.Path)
		}
		twice[meant.key] = true
		a.compareContent(objectOf(r), in.Trace, meant.key, in.Properties, intended)
		// One that slept may send what it intended before another one has intended something else.
		if writing(r) == "update" && !intended(func(i intent) bool { return i.action == '~' && i.id == in.ID }) {
			a.blame("I5", meant.key, "record %s is updated, but intended was %+v", in.ID, meant)
		}
	}
}

// intended tells whether an intent of a trace id that fits was committed. The caller holds mu.
func (a *audit) intended(ctx context.Context, trace string, fits func(intent) bool) bool {
	if slices.ContainsFunc(a.tried[trace], fits) {
		return true
	}
	a.learn(ctx)
	return slices.ContainsFunc(a.tried[trace], fits)
}

// learn reads all intents that were committed by now. The caller holds mu.
func (a *audit) learn(ctx context.Context) {
	// From the beginning: numbers are given before commits are made, so that a later number may be seen first.
	list, err := a.events(ctx, 0)
	clear(a.tried)
	for _, e := range list {
		if e.kind != "intend" {
			continue
		}
		intents, bad := unpack(e.data)
		err = errors.Join(err, bad)
		for _, i := range intents {
			a.traces[i.trace] = i
			a.tried[i.trace] = append(a.tried[i.trace], i)
		}
	}
	if err != nil {
		a.t.Errorf("audit: read intents: %v", err)
	}
}

// compareLinks looks for what was committed of every pair: a link that is made or changed stands in the ledger, one that is
// removed waits for it. The caller holds mu.
func (a *audit) compareLinks(r *http.Request, kind string, w *wire) {
	known, err := a.pairs(r.Context())
	if err != nil {
		a.t.Errorf("audit: read links: %v", err)
		return
	}
	twice := map[[2]string]bool{}
	for _, in := range w.Inputs {
		for _, to := range in.To {
			pair := [2]string{in.From.ID, to.ID}
			a.sent[kind+fmt.Sprint(pair)]++
			if !known[pair] {
				a.blame("I5", fmt.Sprint(pair), "%s arrived, but the state knows of no such link", r.URL.Path)
			}
			if twice[pair] && kind == "link" {
				a.blame("I6", fmt.Sprint(pair), "twice in one request, %s", r.URL.Path)
			}
			twice[pair] = true
		}
	}
}

// pairs returns the pairs of records that the state knows a link of: in the ledger, or waiting to be removed. The caller
// holds mu.
func (a *audit) pairs(ctx context.Context) (map[[2]string]bool, error) {
	rows, err := a.db.QueryContext(ctx, `select links, '', '' from `+a.prefix+`ledger where links is not null
		union all select null, from_id, to_id from `+a.prefix+`waiting where remove`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[[2]string]bool{}
	for rows.Next() {
		var links []byte
		var from, to string
		if err := rows.Scan(&links, &from, &to); err != nil {
			return nil, err
		}
		known[[2]string{from, to}] = true
		if links == nil {
			continue
		}
		list, err := a.pairsOf(string(links))
		if err != nil {
			return nil, err
		}
		for _, pair := range list {
			known[pair] = true
		}
	}
	return known, rows.Err()
}

// pairsOf reads what the ledger says of a row's links, once: all of the ledger is read before every link that is made.
func (a *audit) pairsOf(links string) ([][2]string, error) {
	if pairs, known := a.linked[links]; known {
		return pairs, nil
	}
	var list []struct{ From, To string }
	if err := json.Unmarshal([]byte(links), &list); err != nil {
		return nil, err
	}
	var pairs [][2]string
	for _, l := range list {
		pairs = append(pairs, [2]string{l.From, l.To})
	}
	a.linked[links] = pairs
	return pairs, nil
}
