package hubspot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// TestWrittenOnceTheRecordIsGone proves that a row which was rejected because another row has its record is written by the run that
// learns that this record is gone, if nobody asks for it back; and by none while it is there.
func TestWrittenOnceTheRecordIsGone(t *testing.T) {
	const head, first, second = "id,name,email,ref\n", "a,One,one@example.com,x\n", "b,Two,two@example.com,x\n"
	changed := strings.Replace(first, "One", "Uno", 1)
	for name, test := range map[string]struct {
		policy string
		action string
		rows   string
		want   string // name of the record with x
		open   []string
	}{
		"after it":               {goneReject, "archive", changed + second, "Two", []string{"a gone"}},
		"before it":              {goneReject, "archive", second + changed, "Two", []string{"a gone"}},
		"deleted":                {goneReject, "delete", changed + second, "Two", []string{"a gone"}},
		"ignored":                {goneIgnore, "archive", second + changed, "Two", nil},
		"asked for":              {goneRecreate, "archive", second + changed, "Uno", []string{"b key_collision"}},
		"there":                  {goneReject, "", second + changed, "Uno", []string{"b key_collision"}},
		"a later row of its key": {goneReject, "archive", second + changed + strings.Replace(second, "Two", "Due", 1), "Due", []string{"a gone"}},
	} {
		bubbled(t, name, func(t *testing.T) {
			w := newWorld(t, hubspottest.Options{})
			w.spec = strings.NewReplacer("ext_id: id", "ext_id: ref", "match:", "on_gone: "+test.policy+", match:").Replace(peopleFile)
			w.write("people.csv", []byte(head+first+second))
			if r := w.well(); r.Written != 1 || r.Rejected != 1 {
				t.Fatalf("%+v", r)
			}
			if test.action != "" {
				w.edit(test.action, "x", "")
			}
			w.write("people.csv", []byte(head+test.rows))
			report := w.well()
			record, ok := w.portal.Find("contacts", "ext_id", "x")
			if got := record.Properties["firstname"]; !ok || record.Archived || got != test.want {
				t.Errorf("%v: the record has the name %q, want %q; %+v", ok, got, test.want, report)
			}
			letters := w.letters()
			if slices.Sort(letters); !slices.Equal(letters, test.open) || report.Rejected != int64(len(test.open)) {
				t.Errorf("%v is refused, want %v: %+v", letters, test.open, report)
			}
			w.settled()
		})
	}
}

// TestLaterRowIsRefused proves that an older row of a key isn't written any more once a later one was refused for another reason, which
// would end that reject.
func TestLaterRowIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const head, first, second = "id,name,email,ref\n", "a,One,one@example.com,x\n", "b,Two,two@example.com,x\n"
		w := newWorld(t, hubspottest.Options{})
		w.spec = strings.NewReplacer("ext_id: id", "ext_id: ref", "email: email", "email: { from: email, null: reject }").Replace(peopleFile)
		w.write("people.csv", []byte(head+first+second))
		w.well()
		w.edit("archive", "x", "")
		var between strings.Builder // so that the two rows of b come in different batches
		for i := range 2 * pipeline.BatchRows {
			fmt.Fprintf(&between, "p%d,P,p%d@example.com,p%d\n", i, i, i)
		}
		w.write("people.csv", []byte(head+strings.Replace(first, "One", "Uno", 1)+second+between.String()+"b,Two,,x\n"))
		w.well()
		if letters := w.letters(); !slices.Contains(letters, "b required_missing") {
			t.Errorf("%v is refused", letters)
		}
	})
}

// TestTakenBackIsJudgedOnce proves that rows which were rejected, and are looked at once more, count once among those for which
// max_rejects stops a run.
func TestTakenBackIsJudgedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const lost = 30
		w := newWorld(t, hubspottest.Options{})
		w.spec = strings.NewReplacer("ext_id: id", "ext_id: ref", "match:", "max_rejects: 10%, match:").Replace(peopleFile)
		rows := func(key, name string, n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "%s%d,%s,%s%d@example.com,x%d\n", key, i, name, key, i, i)
			}
			return b.String()
		}
		others := "id,name,email,ref\n" + strings.ReplaceAll(rows("p", "P", 900), ",x", ",p")
		w.write("people.csv", []byte(others+rows("a", "One", lost)))
		w.well()
		for i := range lost {
			w.edit("archive", fmt.Sprintf("x%d", i), "")
		}
		w.write("people.csv", []byte(others+rows("a", "Uno", lost)+rows("b", "Two", lost)+rows("c", "Three", lost)))
		if r := w.well(); r.Written != lost || r.Rejected != 2*lost { // of two that ask for a record the first gets it
			t.Errorf("%+v", r)
		}
	})
}
