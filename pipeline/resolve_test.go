package pipeline

import (
	"context"
	"strconv"
	"testing"
)

// A knownRecords is a store that knows records and nothing else.
type knownRecords struct {
	Store
	ids map[string]string
}

func (s knownRecords) Records(_ context.Context, _, _, _ string, values []string) (map[string]string, error) {
	found := map[string]string{}
	for _, v := range values {
		if id, ok := s.ids[v]; ok {
			found[v] = id
		}
	}
	return found, nil
}

// TestResolveKeepsTheIdsOfItsRows proves that no row loses its link when the table of record ids is full and forgotten:
// the ids that the same rows were found to need before must still be there.
func TestResolveKeepsTheIdsOfItsRows(t *testing.T) {
	look := &Lookup{Object: "things", Property: "id", Missing: MissingReject}
	p := &Pipeline{schema: &Schema{Fields: []Field{{Name: "to", Type: Ref, Role: Link, Lookup: look}, {Name: "too", Type: Ref, Role: Link, Lookup: look}}},
		specs: []LinkSpec{{Slot: "to", FromField: -1, ToField: 0, LabelField: -1}, {Slot: "too", FromField: -1, ToField: 1, LabelField: -1}}}
	r := &run{Pipeline: p, store: knownRecords{ids: map[string]string{"a": "1", "b": "2", "c": "3"}}, targets: targets{ids: make(map[recordKey]string, recordsKept)}}
	for i := range recordsKept - 2 {
		r.targets.ids[recordKey{"others", "id", strconv.Itoa(i)}] = "9"
	}
	r.targets.ids[recordKey{"things", "id", "a"}] = "1"
	rows := []*pending{
		{span: &span{}, row: []Value{RefValue("a"), RefValue("b")}},
		{span: &span{}, row: []Value{RefValue("b"), RefValue("c")}},
	}
	kept, err := r.resolve(t.Context(), rows)
	if err != nil || len(kept) != 2 {
		t.Fatalf("%d rows are left of 2: %v, %v", len(kept), err, r.books.notes.rejects)
	}
	for i, want := range [][2]string{{"1", "2"}, {"2", "3"}} {
		if w := kept[i].wants; w[0].To.ID != want[0] || w[1].To.ID != want[1] {
			t.Errorf("row %d is linked to %q and %q, want %q", i, w[0].To.ID, w[1].To.ID, want)
		}
	}
	if _, err := r.resolve(t.Context(), rows); err != nil || len(r.targets.ids) > 3 {
		t.Errorf("%d ids are kept: %v", len(r.targets.ids), err)
	}
}
