package torture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// newRowWithin is how soon after a restart the first row that isn't in doubt has to be written.
const newRowWithin = 5 * time.Second

// allRowsWithin is how soon after a restart all rows have to be written: the default timeout and landing, 40 seconds, is how
// long those in doubt wait, and there is some work to do.
const allRowsWithin = 50 * time.Second

// TestRestart proves that a run which was killed with as many requests on their way as it sends at once, which is more than eight, writes the first row that isn't in doubt
// within five seconds of its restart, though those that are wait for as long as the default timeout and landing say.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := newStage(t, setups["postgres"])
	const flying = 32
	s.write("pipelines.yaml", []byte(wideProject))
	const rows = flying*100 + 1000
	s.write("wide.csv", wideRows(rows))
	c := &crowd{stage: s, most: flying, rows: rows, doubt: map[string]bool{}, full: make(chan struct{})}
	s.intercept(c.serve)
	p := s.start(launch{})
	select {
	case <-c.full:
	case <-p.ended:
		t.Fatalf("it never had %d requests on their way\n%s", flying, s.story())
	}
	p.signal(os.Kill)
	r := p.wait()
	s.ended(&r)
	s.measure(c)
	if twice := s.portal.Duplicates("companies", "firm_id"); len(twice) > 0 {
		t.Errorf("I1: %v", twice)
	}
	if list := s.audit.faults; len(list) > 0 {
		t.Error(list)
	}
}

// measure starts a process, and takes the time until it has written a row that wasn't on its way before.
func (s *stage) measure(c *crowd) {
	s.t.Helper()
	written := make(chan time.Time, 1)
	s.intercept(func(w http.ResponseWriter, r *http.Request) {
		fresh := writing(r) != "" && !c.knows(traces(r))
		s.portal.ServeHTTP(w, r)
		if fresh {
			select {
			case written <- time.Now():
			default:
			}
		}
	})
	p := s.start(launch{})
	select {
	case at := <-written:
		took := at.Sub(p.began)
		programme.note("first new row after a kill with %d requests on their way: %v", c.most, took.Round(time.Millisecond))
		if took > newRowWithin {
			s.t.Errorf("the first new row was written %v after the restart, want %v at most", took, newRowWithin)
		}
	case <-p.ended:
		s.t.Errorf("nothing new was written\n%s", s.story())
	}
	if *size == "test" {
		p.signal(os.Kill) // the rows in doubt are settled only much later
		p.wait()
		return
	}
	r := p.wait()
	programme.note("all rows after a kill with %d requests on their way: %v", c.most, r.took.Round(time.Millisecond))
	if r.took > allRowsWithin || r.code != exitDone || s.portal.Count("companies") != c.rows {
		s.t.Errorf("%v, with %d of %d rows written; want all of them within %v", &r, s.portal.Count("companies"), c.rows, allRowsWithin)
	}
}

// A crowd holds writes until there are as many as wanted, and then lets none of them be carried out.
type crowd struct {
	stage *stage
	most  int
	rows  int           // of the source
	full  chan struct{} // closed when there are as many

	mu    sync.Mutex
	held  int
	doubt map[string]bool // trace ids that were on their way
}

func (c *crowd) serve(w http.ResponseWriter, r *http.Request) {
	if writing(r) == "" {
		c.stage.portal.ServeHTTP(w, r)
		return
	}
	c.mu.Lock()
	for _, trace := range traces(r) {
		c.doubt[trace] = true
	}
	if c.held++; c.held == c.most {
		close(c.full)
	}
	c.mu.Unlock()
	<-r.Context().Done() // the sender is gone
	panic(http.ErrAbortHandler)
}

// knows tells whether all of the trace ids were on their way when the process was killed.
func (c *crowd) knows(ids []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if !c.doubt[id] {
			return false
		}
	}
	return true
}

// traces returns the trace ids of a request's inputs.
func traces(r *http.Request) (ids []string) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var w wire
	_ = json.Unmarshal(body, &w)
	for _, in := range w.Inputs {
		ids = append(ids, in.Trace)
	}
	return ids
}

func wideRows(n int) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "firm_id,name")
	for i := range n {
		fmt.Fprintf(&b, "w%05d,Wide %d\n", i, i)
	}
	return b.Bytes()
}

// wideProject is a project with one object, and with the timeout and landing that HubSpot is given by default.
const wideProject = `version: 1
state: ${SLUICE_STATE_URL}
connections:
  crm:
    hubspot: { access_token: "${HUBSPOT_ACCESS_TOKEN}", base_url: "${HUBSPOT_BASE_URL}" }
pipelines:
  wide:
    source:
      csv: { path: wide.csv }
    key: firm_id
    transforms:
      - map: { firm_id: firm_id, name: name }
    sink:
      hubspot: { connection: crm, object: companies, match: firm_id }
`
