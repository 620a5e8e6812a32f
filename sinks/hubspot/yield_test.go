package hubspot

import (
	"slices"
	"strings"
	"testing"

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
