package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The first signal drains; the second aborts at once, and so does the end of the grace period. A run that ends in between
// is left alone.
func TestSignalsDrainAndThenAbort(t *testing.T) {
	for _, c := range []struct {
		name   string
		second time.Duration // when the second signal comes; 0: never
		ends   time.Duration // when the run ends by itself; 0: never
		aborts time.Duration // when it is aborted; 0: never
	}{
		{"the run finishes in time", 0, 10 * time.Second, 0},
		{"a second signal", 3 * time.Second, 0, 3 * time.Second},
		{"the grace period ends", 0, 0, drainGrace},
		{"a second signal after the run's end", 3 * time.Second, 2 * time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stderr bytes.Buffer
				a := &app{stderr: &stderr, drain: make(chan struct{})}
				signals := make(chan os.Signal, 2)
				run, end := context.WithCancel(t.Context())
				defer end()
				start := time.Now()
				var aborted time.Duration
				go a.listen(signals, func() { aborted = time.Since(start); end() }, run.Done())

				synctest.Wait()
				select {
				case <-a.drain:
					t.Fatal("drained without a signal")
				default:
				}
				signals <- os.Interrupt
				synctest.Wait()
				<-a.drain
				if c.second > 0 {
					time.AfterFunc(c.second, func() { signals <- os.Interrupt })
				}
				if c.ends > 0 {
					time.AfterFunc(c.ends, end)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if aborted != c.aborts {
					t.Errorf("aborted after %s, want %s", aborted, c.aborts)
				}
				if !strings.Contains(stderr.String(), "at most 25s; once more aborts") {
					t.Errorf("the user is told: %s", &stderr)
				}
			})
		})
	}
}

// An abort leaves the run interrupted, not failed, so that schedulers take it up again, and the next run settles what was
// in flight.
func TestAnAbortedRunIsResumed(t *testing.T) {
	s := newStage(t, "sqlite")
	if code := s.run(t, kill{signal: syscall.SIGINT, request: 2, twice: true}); code != exitInterrupted {
		t.Errorf("aborted: exit code %d\n%s", code, s.output.String())
	}
	if !strings.Contains(s.output.String(), `"status": "interrupted"`) {
		t.Errorf("aborted, but not reported as interrupted:\n%s", s.output.String())
	}
	if code := s.run(t, kill{}); code != exitDone {
		t.Errorf("the next run: exit code %d\n%s", code, s.output.String())
	}
	s.check(t)
}

// Nothing is in flight while pipelines are opened: a signal ends that at once, however long HubSpot asks to wait.
func TestASignalEndsTheOpening(t *testing.T) {
	asked := make(chan struct{}, 100)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(477) // the account is being moved (API.md 9.3)
		asked <- struct{}{}
	}))
	defer hub.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "pipelines.yaml")
	text := "version: 1\nstate: sqlite:" + filepath.Join(dir, "state.db") + "\nconnections: { crm: { hubspot: { access_token: x, base_url: \"" + hub.URL + "\" } } }\n" +
		"pipelines: { p: { source: { csv: " + filepath.Join(dir, "p.csv") + " }, key: id, transforms: [ map: { email: id } ], sink: { hubspot: { connection: crm, object: contacts, match: email } } } }\n"
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "p.csv"), []byte("id\na@example.com\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	go func() {
		<-asked
		signals <- os.Interrupt
	}()
	var stdout, stderr bytes.Buffer
	code := Main([]string{"run", "-f", file}, &stdout, &stderr, func(string) (string, bool) { return "", false }, signals)
	if code != exitInterrupted || strings.Contains(stderr.String(), "aborting") {
		t.Errorf("exit code %d, want %d, and no abort\n%s%s", code, exitInterrupted, &stdout, &stderr)
	}
}
