package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/sinks/hubspot/hubspottest"
)

type simKey struct{}

// A simulator is the HubSpot of one script: hubspotsim, with its flags, its admin endpoints and its API.
type simulator struct {
	t    testing.TB
	url  string
	stop func()

	before stats // at the last mark

	held  <-chan struct{} // closed when a request is held; see hold
	letGo func()
}

// A stats is what the simulator counts.
type stats struct {
	Faulted int64
	Writes  map[string]int64
}

func simOf(ts *testscript.TestScript) *simulator {
	s := ts.Value(simKey{}).(*simulator)
	if s.url == "" {
		ts.Fatalf("no simulator: start one with sim")
	}
	return s
}

// sim [FLAGS] starts hubspotsim with the flags, and puts its URL into $HUBSPOT_BASE_URL. It ends with the script.
func startSim(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(simKey{}).(*simulator)
	if s.stop != nil {
		ts.Fatalf("the simulator runs already")
	}
	s.start(ts.MkAbs, args)
	ts.Setenv("HUBSPOT_BASE_URL", s.url)
	ts.Defer(s.end)
}

func (s *simulator) start(abs func(string) string, args []string) {
	for i, arg := range args {
		if arg == "-state" || arg == "-fault" {
			args[i+1] = abs(args[i+1])
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	said, says := io.Pipe()
	var complaint bytes.Buffer
	go func() {
		ended <- hubspottest.Serve(ctx, args, says, &complaint)
		says.Close()
	}()
	var url string
	if _, err := fmt.Fscanf(said, "listening on %s\n", &url); err != nil {
		cancel()
		s.t.Fatalf("hubspotsim: exit code %d: %s", <-ended, complaint.String())
	}
	s.url, s.before = url, stats{}
	s.stop = func() {
		cancel()
		if code := <-ended; code != 0 {
			s.t.Errorf("hubspotsim: exit code %d: %s", code, complaint.String())
		}
	}
}

func (s *simulator) end() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// simstop ends the simulator, which writes its state.
func stopSim(ts *testscript.TestScript, _ bool, _ []string) { simOf(ts).end() }

// simtls FILE puts a server that speaks TLS before the simulator, its URL into $HUBSPOT_BASE_URL, and the certificate of the
// authority that has signed the server's own into the file.
func serveTLS(ts *testscript.TestScript, _ bool, args []string) {
	behind, err := url.Parse(simOf(ts).url)
	ts.Check(err)
	server := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(behind))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the point
	server.StartTLS()
	ts.Defer(server.Close)
	ts.Setenv("HUBSPOT_BASE_URL", server.URL)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), authority, 0o600))
}

// call sends a request to the simulator, and decodes the answer into out unless that is nil.
func (s *simulator) call(method, path string, in, out any) error {
	return ask(s.url, canary, method, path, in, out)
}

// ask sends a request to a simulator with a token, and decodes the answer into out unless that is nil.
func ask(url, token, method, path string, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, url+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode > 299 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	return err
}

func (s *simulator) records(object string) ([]hubspottest.Record, error) {
	var doc struct {
		Results []hubspottest.Record `json:"results"`
	}
	err := s.call("GET", "/_admin/records/"+object, nil, &doc)
	return doc.Results, err
}

func (s *simulator) stats() (now stats, err error) {
	err = s.call("GET", "/_admin/stats", nil, &now)
	return now, err
}

// records OBJECT N checks how many live records there are.
func countRecords(ts *testscript.TestScript, _ bool, args []string) {
	list, err := simOf(ts).records(args[0])
	ts.Check(err)
	if got := strconv.Itoa(len(list)); got != args[1] {
		ts.Fatalf("%s %s, want %s", got, args[0], args[1])
	}
}

// links FROM TO N checks how many pairs of records are linked.
func countLinks(ts *testscript.TestScript, _ bool, args []string) {
	list, err := simOf(ts).links(args[0], args[1])
	ts.Check(err)
	if got := strconv.Itoa(len(list)); got != args[2] {
		ts.Fatalf("%s links, want %s", got, args[2])
	}
}

func (s *simulator) links(from, to string) ([]hubspottest.Link, error) {
	var doc struct {
		Results []hubspottest.Link `json:"results"`
	}
	err := s.call("GET", "/_admin/links/"+from+"/"+to, nil, &doc)
	return doc.Results, err
}
