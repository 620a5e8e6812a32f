package pipeline

import "testing"

// TestMadeAgain proves which links are made only once a removal of the same page is through: those that it would take away, of the
// same row, slot and records.
func TestMadeAgain(t *testing.T) {
	change := func(key, slot string, remove bool, to string) LinkChange {
		return LinkChange{Key: key, Slot: slot, Remove: remove, From: LinkEnd{ID: "1"}, To: LinkEnd{ID: to}, Was: &LinkState{Slot: slot, FromID: "1", ToID: to}}
	}
	made := change("k", "s", false, "2")
	for name, test := range map[string]struct {
		other LinkChange
		again bool
	}{
		"its own removal":      {change("k", "s", true, "2"), true},
		"of another record":    {change("k", "s", true, "3"), false},
		"of another slot":      {change("k", "t", true, "2"), false},
		"of another row":       {change("l", "s", true, "2"), false},
		"made, not taken back": {change("l", "s", false, "2"), false},
	} {
		first, again := madeAgain([]LinkChange{made, test.other})
		switch {
		case !test.again && (len(first) != 2 || len(again) != 0):
			t.Errorf("%s: %d first, %d again; want both first", name, len(first), len(again))
		case test.again && (len(first) != 1 || !first[0].Remove || len(again) != 1 || again[0].Remove):
			t.Errorf("%s: first %+v, again %+v; want the removal first", name, first, again)
		case test.again && again[0].Was != nil:
			t.Errorf("%s: %+v counts as there, and was taken back", name, again[0].Was)
		}
	}
}
