package hubspot

import (
	"testing"

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
