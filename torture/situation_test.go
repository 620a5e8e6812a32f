package torture

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// A situation brings a run to failpoints that one without faults and signals never passes.
type situation struct {
	name    string
	points  []string
	prepare func(*stage)
}

var situations = []situation{
	{"asked to stop", []string{"drain.before", "drain.after"}, (*stage).stopAtWrite},
	{"batch refused as a whole", []string{"bisect.before"}, func(s *stage) {
		s.portal.SetFaults(hubspottest.Fault{Path: "companies/batch/upsert", Status: http.StatusBadRequest, Count: 1})
	}},
	{"answer lost", []string{"settle.before", "settle.after", "resend.before"}, func(s *stage) {
		s.portal.SetFaults(hubspottest.Fault{Path: "companies/batch/upsert", Kind: "reset", Count: 1})
	}},
	{"answer to an unkeyed create lost", []string{"hold.before"}, func(s *stage) {
		s.portal.SetFaults(hubspottest.Fault{Path: "products/batch/create", Kind: "reset", After: true, Count: 1})
	}},
	{"no answer for one row", []string{"giveup.before"}, (*stage).failOne},
	{"OAuth", []string{"token.before", "token.after"}, func(s *stage) {
		oauth := "oauth: { client_id: id, client_secret: '${HUBSPOT_ACCESS_TOKEN}', refresh_token: '${HUBSPOT_ACCESS_TOKEN}' }"
		s.project(func(text string) string {
			return strings.Replace(text, "access_token: ${HUBSPOT_ACCESS_TOKEN}", oauth, 1)
		})
	}},
	{"no answer for long", []string{"lease.renew.before", "lease.renew.after"}, (*stage).neverAnswer},
}

// TestKillSituations proves of the failpoints that need a fault or a signal to be passed what the sweep proves of the others.
func TestKillSituations(t *testing.T) {
	t.Parallel()
	for _, c := range situations {
		for _, point := range c.points {
			t.Run(strings.ReplaceAll(c.name, " ", "_")+"/"+point, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, setups["postgres"])
				c.prepare(s)
				if r := s.attempt(killAt(point, 1)); r.code != exitKilled {
					t.Errorf("it never passed %s: %s", point, s.story())
				}
				s.intercept(nil)
				s.portal.SetFaults()
				s.project(func(text string) string { return text })
				s.settle()
			})
		}
	}
}

// stopAtWrite has the next process asked to stop while its first write is on its way.
func (s *stage) stopAtWrite() {
	var once atomic.Bool
	s.intercept(func(w http.ResponseWriter, r *http.Request) {
		if writing(r) != "" && !once.Swap(true) {
			s.running().signal(syscall.SIGTERM)
		}
		s.portal.ServeHTTP(w, r)
	})
}

// neverAnswer has no write answered, by a project that waits for long.
func (s *stage) neverAnswer() {
	s.project(func(text string) string { return strings.Replace(text, "timeout: 1s", "timeout: 30s", 1) })
	s.intercept(func(w http.ResponseWriter, r *http.Request) {
		if writing(r) == "" {
			s.portal.ServeHTTP(w, r)
			return
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
}

// failOne has HubSpot answer requests with one firm by a server error, and do nothing.
func (s *stage) failOne() {
	s.intercept(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || writing(r) != "" && bytes.Contains(body, []byte(`"f003"`)) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.portal.ServeHTTP(w, r)
	})
}

// TestKillMigration proves that a migration which is killed at any of its failpoints is made good by the next, in both stores.
func TestKillMigration(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"postgres", "sqlite"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			migrate := []string{"migrate"}
			reference := bareStage(t, setups[name])
			log := reference.dir + "/failpoints"
			if r := reference.start(launch{args: migrate, log: log}).wait(); r.code != exitDone {
				t.Fatalf("%v\n%s", &r, reference.story())
			}
			var all []moment
			for point, n := range passedPoints(t, log) {
				for hit := range n {
					all = append(all, moment{name, "migrate", point, hit + 1})
				}
			}
			for _, m := range spread(all, sized(6, len(all), len(all))) {
				s := bareStage(t, setups[name])
				if r := s.start(launch{args: migrate, arm: []string{m.arm()}}).wait(); r.code != exitKilled {
					t.Fatalf("%v: %v\n%s", m, &r, s.story())
				}
				programme.count("killed at " + m.point)
				s.migrate()
				s.finish()
				s.idle()
				s.check()
			}
		})
	}
}
