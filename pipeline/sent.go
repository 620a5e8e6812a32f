package pipeline

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Sent are properties as they were sent to the destination, in the order of their names. A property that isn't among them
// was never sent. It is never changed, so that many may hold it. As JSON it is an object.
type Sent []SentValue

// A SentValue is a property and what it was sent: "" where it was cleared.
type SentValue struct{ Property, Value string }

// SentOf returns values by property.
func SentOf(values map[string]string) Sent {
	s := make(Sent, 0, len(values))
	for property, value := range values {
		s = append(s, SentValue{property, value})
	}
	s.Order()
	return s
}

// Order puts values into the order of their properties' names, before anybody else holds them, and tells whether no name is
// there twice.
func (s Sent) Order() (distinct bool) {
	slices.SortFunc(s, func(a, b SentValue) int { return cmp.Compare(a.Property, b.Property) })
	for i := 1; i < len(s); i++ {
		if s[i].Property == s[i-1].Property {
			return false
		}
	}
	return true
}

// Value returns what a property was sent, and whether it was.
func (s Sent) Value(property string) (string, bool) {
	at, ok := slices.BinarySearchFunc(s, property, func(v SentValue, name string) int { return cmp.Compare(v.Property, name) })
	if !ok {
		return "", false
	}
	return s[at].Value, true
}

// Equal tells whether the same was sent.
func (s Sent) Equal(other Sent) bool { return slices.Equal(s, other) }

// With returns what was sent of a record after next was sent too. Where that is all, it is next itself.
func (s Sent) With(next Sent) Sent {
	all := slices.Clip(next)
	for _, v := range s {
		if _, again := next.Value(v.Property); !again {
			all = append(all, v)
		}
	}
	if len(all) > len(next) {
		all.Order()
	}
	return all
}

// Without returns what s says of the properties that next says nothing of.
func (s Sent) Without(next Sent) (rest Sent) {
	for _, v := range s {
		if _, again := next.Value(v.Property); !again {
			rest = append(rest, v)
		}
	}
	return rest
}

// MarshalJSON returns an object; null for nil.
func (s Sent) MarshalJSON() ([]byte, error) {
	if s == nil {
		return []byte("null"), nil
	}
	values := make(map[string]string, len(s))
	for _, v := range s {
		values[v.Property] = v.Value
	}
	return json.Marshal(values)
}

// UnmarshalJSON reads an object of texts.
func (s *Sent) UnmarshalJSON(b []byte) error {
	var values map[string]string
	if err := json.Unmarshal(b, &values); err != nil {
		return err
	}
	if *s = nil; values != nil {
		*s = SentOf(values)
	}
	return nil
}

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
	for _, v := range next {
		old, sent := s.Value(v.Property)
		switch {
		case !sent:
			list = append(list, FieldChange{Property: v.Property, New: v.Value})
		case old != v.Value:
			list = append(list, FieldChange{Property: v.Property, Old: &old, New: v.Value})
		}
	}
	return list
}
