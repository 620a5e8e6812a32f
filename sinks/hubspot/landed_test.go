package hubspot

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// TestLanded proves that a create which is repeated, and meets its own earlier attempt, is done; that one which was never
// sent before is a conflict; and that neither a conflict about another property nor a record that has the match value, but
// not the other values, is taken for its own.
func TestLanded(t *testing.T) {
	for name, switches := range worlds {
		server, _, p := simulate(t, "2026-09", switches, extID)
		make := func(values map[string]string) hubspottest.Record {
			return must(t, server, hubspottest.Edit{Action: "create", Object: "contacts", Properties: values})
		}
		own := make(map[string]string{"ext_id": "E-0", "email": "p0@example.com", "firstname": "Name 0"})
		make(map[string]string{"ext_id": "E-9", "email": "p1@example.com"})
		make(map[string]string{"ext_id": "E-2", "email": "p2@example.com", "firstname": "Somebody else"})
		s := open(t, p, &Config{Object: "contacts", Mode: modeCreate, Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
		for row, want := range map[int]struct{ sent, fresh string }{0: {done, "conflict"}, 1: {"conflict", "conflict"}, 2: {"conflict", "conflict"}} {
			for _, sent := range []time.Time{{}, time.Now()} {
				c := people(3)[row]
				c.Sent = sent
				outcomes, err := write(t, s, c)
				if err != nil {
					t.Fatal(err)
				}
				o, wanted := outcomes[c.TraceID], want.fresh
				if !sent.IsZero() {
					wanted = want.sent
				}
				got := code(o)
				if o.Verdict == pipeline.Done {
					if got = done; o.ID != own.ID {
						t.Errorf("%s: record %s, want %s", name, o.ID, own.ID)
					}
				}
				blind := switches.ConflictWithoutID && !sent.IsZero() && row == 1
				if got != wanted && !(blind && got == "") {
					t.Errorf("%s: row %d, sent before %v: %q, want %q", name, row, !sent.IsZero(), got, wanted)
				}
			}
		}
		if n := server.Count("contacts"); n != 3 {
			t.Errorf("%s: %d contacts", name, n)
		}
	}
}

// TestThrottle proves that the sink carries the connection's recent requests, and counts its own.
func TestThrottle(t *testing.T) {
	_, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	s := open(t, p, &Config{Object: "contacts", Match: []string{"ext_id"}}, schema("=ext_id", "=email", "=firstname"))
	before := s.Requests()
	drive(t, s, people(3))
	if n := s.Requests() - before; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	s.RestoreThrottle(s.SaveThrottle(), time.Second)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFieldsNamed proves which columns the configuration says it reads, and which fields hold labels.
func TestFieldsNamed(t *testing.T) {
	c := &Config{Associate: &Associate{From: map[string]string{"contacts": "person"}, To: map[string]string{"companies": "company"}}}
	if err := c.Associate.Label.SetShorthand("Chair"); err != nil || c.Associate.Label.Name != "Chair" {
		t.Errorf("label %+v, %v", c.Associate.Label, err)
	}
	c.Associate.Label = Label{From: "role"}
	names, ok := c.Columns()
	if diff := cmp.Diff([]string{"person", "company", "role"}, names); diff != "" || !ok {
		t.Error(diff)
	}
	if diff := cmp.Diff([]LabelSource{{"contacts", "companies", "role"}}, c.LabelField()); diff != "" {
		t.Error(diff)
	}
}

// TestOAuth proves that OAuth credentials are asked for as a whole, and never beside a token.
func TestOAuth(t *testing.T) {
	c := ConnectionKind.New().(*Connection)
	c.OAuth = &OAuth{ClientID: "id", ClientSecret: "very secret"}
	got := fieldErrors(connectError(c))
	if len(got) != 1 || got[0] != "oauth.refresh_token: missing" {
		t.Errorf("got %q", got)
	}
	c.OAuth.RefreshToken, c.AccessToken = "refresh", "token"
	got = fieldErrors(connectError(c))
	if len(got) != 1 || !strings.HasPrefix(got[0], "oauth: give access_token or oauth") {
		t.Errorf("got %q", got)
	}
	c.AccessToken = ""
	if err := connectError(c); err != nil {
		t.Error(err)
	}
}
