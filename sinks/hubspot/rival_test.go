package hubspot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// TestMergedTogether proves that a row isn't taken for written whose record another row has overwritten in the same request,
// because the other's record was merged into it.
func TestMergedTogether(t *testing.T) {
	for _, rows := range []int{1, 8, 100} {
		s := newStage(t, Config{}, map[string]string{"update_merged": "follow", "input_order": "true"})
		s.rows = rows
		s.run()
		s.people()
		s.fill("second")
		s.run()
		s.run()
		want := rewritten("second")
		s.holds(1, want)
		s.again()
	}
}

// TestMergedIntoAnother proves that of two rows whose records were merged into one that was neither's, one is written and the
// other refused, however they come to it: together, one after the other, or once it was read back.
func TestMergedIntoAnother(t *testing.T) {
	for _, merged := range switchValues["update_merged"] {
		for _, rows := range []int{1, 8, 100} {
			s := newStage(t, Config{}, map[string]string{"update_merged": merged, "merge_new_id": "true", "input_order": "true"})
			s.rows = rows
			s.run()
			s.people()
			s.fill("second")
			if report := s.run(); report.Rejected != 6 || report.Written != stageRows-6 {
				t.Errorf("%s, %d rows a request: %+v", merged, rows, report)
			}
			s.run()
			want := rewritten("second")
			delete(want, survivorRow)
			one := survivorRow
			if _, ok := s.server.Find("contacts", "ext_id", key(swallowedRow)); ok {
				one = swallowedRow
			}
			want[one] = "second"
			s.holds(1, want)
			s.again()
		}
	}
}

// TestSecondAddressInDoubt proves the same of rows that lead to one record by the addresses of one contact, while no answer tells.
func TestSecondAddressInDoubt(t *testing.T) {
	for _, rows := range []int{1, 8} {
		s := newStage(t, Config{}, nil)
		s.sink.Match, s.rows = []string{"email"}, rows
		merger, _ := s.server.Find("contacts", "email", mergerEmail)
		stranger, _ := s.server.Find("contacts", "email", strangerEmail)
		must(t, s.server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: merger.ID, Other: stranger.ID})
		s.source = table{columns: []string{"id", "email", "firstname"}, rows: [][]string{{"1", mergerEmail, "first"}, {"2", strangerEmail, "second"}}}
		for _, faults := range [][]hubspottest.Fault{{{Path: "batch/upsert$", Kind: "reset", After: true, Count: 2}}, nil, nil} {
			if report := s.run(faults...); report.Rejected != 1 {
				t.Errorf("%d rows a request: %+v", rows, report)
			}
		}
		s.again()
	}
}

// TestMergedBesideRefused proves that a row which is refused in that request isn't taken for written either, once it has the
// content again that it was last written with.
func TestMergedBesideRefused(t *testing.T) {
	for _, rows := range []int{1, 8, 100} {
		s := newStage(t, Config{}, map[string]string{"update_merged": "follow", "input_order": "true"})
		s.rows = rows
		s.run()
		first := s.source.rows[survivorRow]
		s.people()
		s.fill("second")
		s.source.rows[survivorRow][2] = "nobody at all"
		s.run()
		s.source.rows[survivorRow] = first
		s.run()
		want := rewritten("second")
		want[survivorRow] = "first"
		s.holds(1, want)
		s.again()
	}
}

// TestMergedOnceLeft proves that a row whose record people have merged into that of another row goes on with that record, once
// the other has left the source and the row is tried again, as its refusal advises.
func TestMergedOnceLeft(t *testing.T) {
	for _, merged := range switchValues["update_merged"] {
		s := newStage(t, Config{}, map[string]string{"update_merged": merged})
		s.run()
		s.people()
		s.fill("second")
		s.run()
		s.source.rows = slices.Delete(s.source.rows, survivorRow, survivorRow+1)
		s.run()
		s.retry(swallowedRow)
		s.run()
		s.run()
		if r, ok := s.server.Find("contacts", "ext_id", key(swallowedRow)); !ok || r.Properties["firstname"] != "second" {
			t.Errorf("%s: the row's record is %v, %v", merged, ok, r.Properties)
		}
		s.again()
	}
}

// TestSecondAddressOnceLeft proves the same of a row that leads to another one's record by a contact's second address.
func TestSecondAddressOnceLeft(t *testing.T) {
	s := newStage(t, Config{}, nil)
	s.sink.Match = []string{"email"}
	merger, _ := s.server.Find("contacts", "email", mergerEmail)
	stranger, _ := s.server.Find("contacts", "email", strangerEmail)
	must(t, s.server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: merger.ID, Other: stranger.ID})
	s.source = table{columns: []string{"id", "email", "firstname"}, rows: [][]string{{"1", mergerEmail, "first"}, {"2", strangerEmail, "second"}}}
	s.run()
	s.run()
	s.source.rows = s.source.rows[1:]
	s.run()
	s.retry(2)
	s.run()
	s.run()
	if r, _ := s.server.Record("contacts", merger.ID); r.Properties["firstname"] != "second" {
		t.Errorf("the record is %v", r.Properties)
	}
	s.again()
}

// TestTwoMergedIntoOne proves that of two rows whose records people have merged into a third the first that is written goes on
// with that, and the other doesn't overwrite it, however often it changes or is tried again.
func TestTwoMergedIntoOne(t *testing.T) {
	for _, merged := range switchValues["update_merged"] {
		for _, first := range []int{mergedRow, archivedRow} {
			t.Run(fmt.Sprint(merged, first), func(t *testing.T) {
				second := mergedRow + archivedRow - first
				s := newStage(t, Config{}, map[string]string{"update_merged": merged})
				s.run()
				merger, _ := s.server.Find("contacts", "email", mergerEmail)
				for _, row := range []int{first, second} {
					r, _ := s.server.Find("contacts", "ext_id", key(row))
					must(t, s.server, hubspottest.Edit{Action: "merge", Object: "contacts", ID: merger.ID, Other: r.ID})
				}
				s.source.rows[first][3] = "goes on"
				s.run()
				for _, content := range []string{"second", "third"} {
					s.source.rows[second][3] = content
					s.run()
					s.run()
					s.retry(second)
					s.run()
					s.run()
					if r, _ := s.server.Record("contacts", merger.ID); r.Properties["firstname"] != "goes on" {
						t.Errorf("the record is %v", r.Properties)
					}
				}
				s.again()
			})
		}
	}
}

// TestMergedBeforeItsFirstWrite proves that a row whose record was found and merged into that of another row, before the row was
// ever written, doesn't take the other's record when it is tried again.
func TestMergedBeforeItsFirstWrite(t *testing.T) {
	for _, merged := range switchValues["update_merged"] {
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, hubspottest.Options{})
			w.spec = strings.ReplaceAll(peopleFile, "match:", "mode: update, match:")
			switches := w.portal.Switches()
			if err := switches.Set("update_merged", merged); err != nil {
				t.Fatal(err)
			}
			w.portal.SetSwitches(switches)
			list := crowd(2)
			w.people(list)
			var ids []string
			for _, p := range list {
				ids = append(ids, must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": p.id}}).ID)
			}
			w.at(1, "batch/update", func() {
				must(t, w.portal, hubspottest.Edit{Action: "merge", Object: "contacts", ID: ids[0], Other: ids[1]})
			})
			w.well()
			w.at(0, "", nil)
			w.well()
			w.retryAll()
			w.well()
			w.settled()
			if letters := w.letters(); !slices.Equal(letters, []string{"p001 merged"}) {
				t.Errorf("%s: %v is refused", merged, letters)
			}
			w.has(list[:1])
		})
	}
}

// TestSecondRowOfARecord proves that of two rows with one match value the one whose record it is goes on with it, also where the other
// one stands before it, and that the other has the record once that one has left the source.
func TestSecondRowOfARecord(t *testing.T) {
	const head, first, second = "id,name,email,ref\n", "a,One,one@example.com,x\n", "b,Two,two@example.com,x\n"
	changed := strings.Replace(first, "One", "Uno", 1)
	for _, rows := range []string{second + changed, changed + second} {
		bubbled(t, rows[:1]+" first", func(t *testing.T) {
			w := newWorld(t, hubspottest.Options{})
			w.spec = strings.Replace(peopleFile, "ext_id: id", "ext_id: ref", 1)
			for _, step := range []struct {
				rows, name string
				rejected   int64
			}{{first, "One", 0}, {rows, "Uno", 1}, {rows, "Uno", 1}, {second, "Uno", 1}, {second, "Two", 0}} {
				w.write("people.csv", []byte(head+step.rows))
				r := w.well()
				record, _ := w.portal.Find("contacts", "ext_id", "x")
				if got := record.Properties["firstname"]; got != step.name || r.Rejected != step.rejected {
					t.Errorf("%q: the record has the name %q, want %q; %v is refused", step.rows, got, step.name, w.letters())
				}
			}
			w.settled()
		})
	}
}
