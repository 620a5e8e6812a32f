package pipeline

import (
	"maps"
	"slices"
)

// A FieldChange is a property that would get another value. Values are as the destination is sent them; "" clears.
type FieldChange struct {
	Property string  `json:"property"`
	Old      *string `json:"old"` // null if it was never sent, or isn't known
	New      string  `json:"new"`
}

// Changes returns the properties that get another value if next is sent after s, by name. A property that was never sent has
// no old value.
func (s Sent) Changes(next Sent) []FieldChange {
	var list []FieldChange
	for _, name := range slices.Sorted(maps.Keys(next)) {
		old, sent := s[name]
		switch {
		case !sent:
			list = append(list, FieldChange{Property: name, New: next[name]})
		case old != next[name]:
			list = append(list, FieldChange{Property: name, Old: &old, New: next[name]})
		}
	}
	return list
}
