package hubspot

import (
	"strings"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// archivedUnheard: whatever becomes of the answers to archiving, in the end every record is archived, none was made or
// changed, and nothing is archived twice.
func archivedUnheard(t *testing.T) {
	for _, fault := range []hubspottest.Fault{
		{Kind: "reset", After: true}, {Kind: "reset"}, {Status: 502}, {Status: 503, After: true}, {Kind: "html"}, {Kind: "empty"}, {Kind: "late", Delay: 1},
	} {
		w := newWorld(t, hubspottest.Options{})
		w.people(crowd(250))
		w.well()
		before := len(w.portal.Writes())
		w.spec = strings.NewReplacer("people:\n", "leavers:\n", "match:", "mode: archive, match:").Replace(w.spec)
		fault.Path, fault.Count = "contacts/batch/archive$", 12 // longer than the wire repeats by itself
		w.faults(fault)
		for range 5 {
			if _, err := w.run(); err == nil {
				break
			}
		}
		w.settled()
		if live, archived := w.portal.Count("contacts"), len(w.portal.Archived("contacts")); live != 0 || archived != 250 {
			t.Errorf("%+v: %d contacts are live and %d archived", fault, live, archived)
		}
		for _, write := range w.portal.Writes()[before:] {
			if write.Action != "archive" {
				t.Errorf("%+v: a record was not archived, but: %s", fault, write.Action)
				break
			}
		}
	}
}
