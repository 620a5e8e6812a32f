package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/pipeline/state/pgtest"
	"sluice/sinks/hubspot/hubspottest"
)

// A kill ends a run at one of its requests: with a signal, before HubSpot sees the request or after it has carried it out.
type kill struct {
	signal  syscall.Signal
	request int64 // of those that write or settle, counted from 1 in each process
	after   bool
	twice   bool // the signal, so that it aborts: the request is never answered
}

func (k kill) String() string {
	when := "before"
	if k.after {
		when = "after"
	}
	return fmt.Sprintf("%v %s request %d", k.signal, when, k.request)
}

// TestKilled proves that a run that is killed anywhere, again and again, ends as one clean run does (I1, I10): companies
// with their parents, each once, linked once. It is a process of its own that is killed, at its first requests that count.
func TestKilled(t *testing.T) {
	for _, store := range []string{"sqlite", "postgres"} {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
			t.Run(store+"/"+signal.String(), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, store)
				kills := 0
				for i := range 9 {
					if s.run(t, kill{signal: signal, request: 1 + int64(i/2)%3, after: i%2 == 1}) != exitDone {
						kills++
					}
				}
				least := 2
				if signal == syscall.SIGINT {
					least = 1 // what is in flight is finished, so that the second run may come to the end
				}
				if kills < least {
					t.Errorf("only %d runs were ended", kills)
				}
				if code := s.run(t, kill{}); code != exitDone {
					t.Errorf("the last run: exit code %d\n%s", code, s.output.String())
				}
				s.check(t)
				writes := len(s.portal.Writes())
				if code := s.run(t, kill{}); code != exitDone || len(s.portal.Writes()) != writes {
					t.Errorf("one more run: exit code %d, %d writes", code, len(s.portal.Writes())-writes)
				}
			})
		}
	}
}

// TestKilledRunOfAPlan proves the same of a run of a saved plan, which is started again until it is carried out.
func TestKilledRunOfAPlan(t *testing.T) {
	for _, store := range []string{"sqlite", "postgres"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, store)
			path, err := exec.LookPath("sluice")
			if err != nil {
				t.Fatal(err)
			}
			plan := exec.CommandContext(t.Context(), path, "plan", "--out", "p.plan")
			plan.Dir, plan.Env = s.dir, s.env
			s.now.Store(&attempt{})
			if out, err := plan.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			kills := 0
			for i := range 6 {
				if s.run(t, kill{signal: syscall.SIGKILL, request: 1 + int64(i/2)%3, after: i%2 == 1}, "--plan", "p.plan") != exitDone {
					kills++
				}
			}
			if code := s.run(t, kill{}, "--plan", "p.plan"); code != exitDone || kills < 2 {
				t.Errorf("after %d kills: exit code %d\n%s", kills, code, s.output.String())
			}
			s.check(t)
			writes := len(s.portal.Writes())
			for _, flags := range [][]string{{"--plan", "p.plan"}, nil} {
				if code := s.run(t, kill{}, flags...); code != exitDone || len(s.portal.Writes()) != writes {
					t.Errorf("one more run %v: exit code %d, %d writes", flags, code, len(s.portal.Writes())-writes)
				}
			}
		})
	}
}

// A stage is a HubSpot whose callers are killed, and a folder with a pipeline for it.
type stage struct {
	portal *hubspottest.Server
	dir    string
	env    []string
	output bytes.Buffer // of the last run

	now atomic.Pointer[attempt]
}

// An attempt is one process that runs the pipeline, and how it is to end.
type attempt struct {
	kill
	seen    atomic.Int64
	process *os.Process
	began   chan struct{} // closed when process is set
	died    chan struct{}
}

// nodes is how many companies there are; all but the first of each ten have a parent, most of them on a later line.
const nodes = 2000

// insist repeats the signal until the process has ended: two signals at once may be taken for one.
func (a *attempt) insist() {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			_ = a.process.Signal(a.signal)
		case <-a.died:
			return
		}
	}
}

func newStage(t *testing.T, store string) *stage {
	s := &stage{portal: hubspottest.New(hubspottest.Options{Seed: 1, BodyLog: -1}), dir: t.TempDir()}
	t.Cleanup(s.portal.Close)
	server := httptest.NewServer(s.portal)
	t.Cleanup(server.Close)
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorLog = log.New(io.Discard, "", 0) // callers that are gone are the point here
	proxy := httptest.NewServer(s.between(forward))
	t.Cleanup(proxy.Close)
	sim := &simulator{t: t, url: server.URL}
	property := map[string]any{"name": "node", "label": "Node", "groupName": "companyinformation", "type": "string", "fieldType": "text", "hasUniqueValue": true}
	if err := sim.call("POST", "/crm/v3/properties/companies", property, nil); err != nil {
		t.Fatal(err)
	}
	state := "sqlite:state.db"
	if store == "postgres" {
		state = pgtest.Database(t)
	}
	s.env = []string{"GORACE=" + quickExit, "HUBSPOT_ACCESS_TOKEN=" + canary, "HUBSPOT_BASE_URL=" + proxy.URL, "SLUICE_STATE_URL=" + state}
	s.write(t, "pipelines.yaml", killedPipeline)
	var rows bytes.Buffer
	w := csv.NewWriter(&rows)
	_ = w.Write([]string{"node", "name", "parent", "padding"})
	padding := strings.Repeat("x", 1000) // so that the source has several batches, between which a run can stop
	for i := range nodes {
		_ = w.Write([]string{"n" + strconv.Itoa(i), "Node " + strconv.Itoa(i), parentOf(i), padding})
	}
	w.Flush()
	s.write(t, "nodes.csv", rows.String())
	return s
}

func parentOf(i int) string {
	if i%10 == 0 {
		return ""
	}
	return "n" + strconv.Itoa((i/10+7)*10%nodes)
}

const killedPipeline = `version: 1
state: ${SLUICE_STATE_URL}
connections:
  crm:
    hubspot: { access_token: "${HUBSPOT_ACCESS_TOKEN}", base_url: "${HUBSPOT_BASE_URL}", timeout: 400ms, landing: 50ms }
pipelines:
  nodes:
    source:
      csv: { path: nodes.csv }
    key: node
    transforms:
      - map: { node: node, name: name }
      - resolve:
          parent: { object: companies, by: { node: parent } }
    sink:
      hubspot: { connection: crm, object: companies, match: node, associations: [{ to: companies, id: parent, type: 14 }] }
`

func (s *stage) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// between kills the process that sends requests, when its time has come. After SIGKILL the request's fate is settled
// only once the process is gone: as it is when a machine loses its power.
func (s *stage) between(hubspot http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := s.now.Load()
		mine := strings.Contains(r.URL.Path, "/batch/") && a.seen.Add(1) == a.request
		if mine && a.after {
			hubspot.ServeHTTP(httptest.NewRecorder(), r)
		}
		if mine {
			<-a.began
			_ = a.process.Signal(a.signal)
			if a.twice {
				a.insist()
				return
			}
			if a.signal == syscall.SIGKILL {
				<-a.died
				return
			}
		}
		if !mine || !a.after {
			hubspot.ServeHTTP(w, r)
		} else {
			panic(http.ErrAbortHandler) // the answer is lost as well
		}
	})
}

// run runs the pipeline in a process of its own, which k ends, and returns its exit code; -1 if it was killed. It takes
// over at once from one that was killed: the pipeline is never held.
func (s *stage) run(t *testing.T, k kill, flags ...string) int {
	t.Helper()
	a := &attempt{kill: k, began: make(chan struct{}), died: make(chan struct{})}
	s.now.Store(a)
	s.output.Reset()
	path, err := exec.LookPath("sluice") // the test itself, which testscript.Main has put there
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"run", "--json"}, flags...)...)
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.Stdout = s.dir, s.env, &s.output, &s.output
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a.process = cmd.Process
	close(a.began)
	err = cmd.Wait()
	close(a.died)
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return exitDone
	case failed && exit.ExitCode() == exitInterrupted && k.signal == syscall.SIGINT:
	case failed && exit.ExitCode() == -1 && k.signal == syscall.SIGKILL:
	default:
		t.Fatalf("%v: %v\n%s", k, err, s.output.String())
	}
	if strings.Contains(s.output.String(), canary) {
		t.Errorf("the output holds the access token")
	}
	return exit.ExitCode()
}

// check compares HubSpot with what one clean run makes of it.
func (s *stage) check(t *testing.T) {
	t.Helper()
	byID, parents := map[string]string{}, map[string]string{}
	for _, r := range s.portal.Records("companies") {
		byID[r.ID] = r.Properties["node"]
		if r.Properties["name"] != "Node "+strings.TrimPrefix(r.Properties["node"], "n") {
			t.Errorf("%s is named %q", r.Properties["node"], r.Properties["name"])
		}
	}
	if len(byID) != nodes || len(s.portal.Duplicates("companies", "node")) > 0 {
		t.Errorf("%d companies, want %d; more than once: %v", len(byID), nodes, s.portal.Duplicates("companies", "node"))
	}
	for _, l := range s.portal.Links("companies", "companies") {
		for _, name := range l.Types {
			if name == "HUBSPOT_DEFINED/14" {
				parents[byID[l.From]] = strings.TrimPrefix(cmp.Or(parents[byID[l.From]]+"+"+byID[l.To], ""), "+")
			}
		}
	}
	for i := range nodes {
		if got, want := parents["n"+strconv.Itoa(i)], parentOf(i); got != want {
			t.Errorf("the parent of n%d is %q, want %q", i, got, want)
		}
	}
}
