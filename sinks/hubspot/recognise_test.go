package hubspot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// unheard returns a world of mode create in which the contact of the row p000 was made by a create whose answer nobody has heard,
// not even afterwards, and that of p001 as usual.
func unheard(t *testing.T, policy string) (w *world, list []person, made hubspottest.Record) {
	t.Helper()
	w = newWorld(t, hubspottest.Options{})
	w.spec = strings.Replace(peopleFile, "match:", "mode: create, on_conflict: "+policy+", match:", 1)
	list = crowd(2)
	w.people(list[1:])
	w.well()
	w.people(list)
	w.faults(hubspottest.Fault{Path: "batch/create$", Kind: "reset", After: true, Count: 100}, hubspottest.Fault{Path: "batch/read$", Status: 500, Count: 100})
	w.stops(nil, "stays in doubt")
	w.faults()
	made, ok := w.portal.Find("contacts", "ext_id", list[0].id)
	if !ok {
		t.Fatal("nothing was made")
	}
	return w, list, made
}

// TestRecognisedByItsID proves that a row whose create got no answer, and that has the match value of another row's record by now,
// doesn't write to that: its own record is the one that the ledger has, which is the one that a refusal names.
func TestRecognisedByItsID(t *testing.T) {
	for _, policy := range []string{conflictReject, conflictUpdate} {
		bubbled(t, policy, func(t *testing.T) {
			w, list, made := unheard(t, policy)
			w.write("people.csv", []byte("id,name,email,ref\np000,Another,another@example.com,p001\np001,"+list[1].name+","+list[1].email+",p001\n"))
			w.spec = strings.Replace(w.spec, "ext_id: id", "ext_id: ref", 1)
			w.well()
			w.settled()
			other, _ := w.portal.Find("contacts", "ext_id", "p001")
			if got := other.Properties["firstname"]; got != list[1].name || other.ID == made.ID {
				t.Errorf("the other row's record has the name %q", got)
			}
			letters := w.refusals()
			if len(letters) != 1 || letters[0].Key != "p000" || letters[0].Code != "conflict" || policy == conflictReject && !strings.Contains(letters[0].Message, "record "+made.ID) {
				t.Errorf("%+v is refused", letters)
			}
		})
	}
}

// TestRecognisedAfterAMerge proves that such a row isn't refused once people have merged its record into another one, which is its own
// from then on; and that it writes nothing to one that is another row's.
func TestRecognisedAfterAMerge(t *testing.T) {
	for _, policy := range []string{conflictReject, conflictUpdate} {
		for _, rival := range []bool{false, true} {
			bubbled(t, fmt.Sprint(policy, ", another row's ", rival), func(t *testing.T) {
				w, list, made := unheard(t, policy)
				into, _ := w.portal.Find("contacts", "ext_id", list[1].id)
				if !rival {
					into = must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"firstname": "Stranger"}})
				}
				list[0].name = "another name"
				w.people(list)
				w.well()
				must(t, w.portal, hubspottest.Edit{Action: "merge", Object: "contacts", ID: into.ID, Other: made.ID})
				w.retryAll()
				w.well()
				w.settled()
				left, _ := w.portal.Record("contacts", into.ID)
				if got, want := left.Properties["firstname"], into.Properties["firstname"]; got != want && (rival || policy == conflictReject) {
					t.Errorf("the record that is left has the name %q, want %q", got, want)
				}
				if letters := w.letters(); len(letters) > 0 && !rival {
					t.Errorf("%v is refused", letters)
				}
			})
		}
	}
}

// bubbled runs a test in a bubble of its own.
func bubbled(t *testing.T, name string, play func(*testing.T)) {
	t.Run(name, func(t *testing.T) { inBubble(t, play) })
}

// refusals returns the open dead letters.
func (w *world) refusals() (list []pipeline.DeadLetter) {
	for _, letters := range (&campaign{world: w}).deadLetters() {
		list = append(list, letters...)
	}
	slices.SortFunc(list, func(a, b pipeline.DeadLetter) int { return strings.Compare(a.Key, b.Key) })
	return list
}
