package crm

import (
	"testing"
	"time"
)

// TestNextReset proves that a pause lasts until the account's next midnight, whatever its clocks do that night, and not a
// moment that is past.
func TestNextReset(t *testing.T) {
	for _, test := range []struct{ zone, now, want string }{
		{"", "2026-11-20T09:00:00Z", "2026-11-21T00:00:00Z"},
		{"Asia/Tokyo", "2026-11-20T09:00:00Z", "2026-11-20T15:00:00Z"},
		{"America/New_York", "2026-11-01T04:30:00Z", "2026-11-02T05:00:00Z"}, // a day of 25 hours
		{"America/New_York", "2026-03-08T05:30:00Z", "2026-03-09T04:00:00Z"}, // and of 23
		{"America/Santiago", "2026-09-06T03:59:59Z", "2026-09-06T04:00:00Z"}, // clocks skip midnight
		{"America/Santiago", "2026-09-06T03:00:00Z", "2026-09-06T04:00:00Z"},
		{"Africa/Cairo", "2026-04-23T21:30:00Z", "2026-04-23T22:00:00Z"},
	} {
		var g gate
		g.setZone(test.zone)
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.nextReset(now).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%s at %s: %s, want %s", test.zone, test.now, got, test.want)
		}
	}
}
