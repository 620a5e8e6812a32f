package hubspot

import (
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// TestConflictGetsAddress proves that a contact which has another unique value of a row, and not the address that the row is
// matched by, gets that as well, so that the row finds it by its address from then on.
func TestConflictGetsAddress(t *testing.T) {
	for name, switches := range worlds {
		server, _, p := simulate(t, "2026-09", switches, extID)
		other := must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1"}})
		s := open(t, p, &Config{Object: "contacts", Match: []string{"email"}, OnConflict: conflictUpdate}, schema("=ext_id", "=email", "=firstname"))
		ends := drive(t, s, people(3))
		r, _ := server.Record("contacts", other.ID)
		if ends["trace-1"] != done || r.Properties["email"] != "p1@example.com" || r.Properties["firstname"] != "Name 1" || server.Count("contacts") != 3 {
			t.Errorf("%s: %v; the contact is %v", name, ends, r.Properties)
		}
	}
}

// TestRecreatedWithAddress proves that a contact which is made again gets the address that its row is matched by, although the one
// that is gone wasn't to be given it again.
func TestRecreatedWithAddress(t *testing.T) {
	for _, match := range [][]string{{"ext_id", "email"}, {"email"}} {
		s := newStage(t, Config{OnGone: goneRecreate}, nil)
		s.sink.Match = match
		s.run()
		old, _ := s.server.Find("contacts", "ext_id", key(archivedRow))
		must(t, s.server, hubspottest.Edit{Action: "archive", Object: "contacts", ID: old.ID})
		s.source.rows[archivedRow][3] = "second"
		s.run()
		r, ok := s.server.Find("contacts", "ext_id", key(archivedRow))
		if want := fmt.Sprintf("u%d@x.io", archivedRow); !ok || r.ID == old.ID || r.Properties["email"] != want || r.Properties["firstname"] != "second" {
			t.Errorf("%v: the contact is %v", match, r.Properties)
		}
		s.again()
	}
}

// TestAddressOfAKilledRun proves that a contact has the address that its row says, although a run that was killed has given it
// another one meanwhile, which nobody was told.
func TestAddressOfAKilledRun(t *testing.T) {
	for _, match := range [][]string{{"email"}, {"ext_id", "email"}} {
		for _, policy := range []pipeline.Field{{}, sharedCity} {
			for times := 1; times <= 2; times++ {
				for _, last := range []string{"a@x.io", "c@x.io"} {
					o := newOffice(t, policy)
					o.sink.Match, o.columns = match, []string{"id", "ext_id", "email", "city"}
					o.run([]string{"1", "E-1", "a@x.io", "Oslo"})
					for range times {
						o.dies(1, []string{"1", "E-1", "b@x.io", "Oslo"})
					}
					o.run([]string{"1", "E-1", last, "Oslo"})
					if r, _ := o.server.Find("contacts", "ext_id", "E-1"); r.Properties["email"] != last {
						t.Errorf("%v, shared %v, killed %d times: the contact has %q, want %q", match, policy.Shared, times, r.Properties["email"], last)
					}
				}
			}
		}
	}
}

// TestConflictAfterConflict proves that a row is sent with its address again, after a contact that has the address couldn't be given
// the row for another contact's sake.
func TestConflictAfterConflict(t *testing.T) {
	s := newStage(t, Config{Mode: modeCreate, OnConflict: conflictUpdate}, nil)
	s.sink.Match = []string{"email"}
	must(t, s.server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": "E-1"}})
	s.source = table{columns: []string{"id", "email", "ext_id"}, rows: [][]string{{"1", strangerEmail, "E-1"}}}
	s.run()
	for _, r := range s.server.Requests() {
		if strings.HasSuffix(r.Path, "/batch/create") && strings.Contains(string(r.Body), "E-1") && !strings.Contains(string(r.Body), strangerEmail) {
			t.Errorf("sent without the address: %s", r.Body)
		}
	}
}
