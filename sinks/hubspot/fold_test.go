package hubspot

import "testing"

// TestFold says which values stand for the same record: folded too little, one record gets two rows; folded too far, two
// rows share a record and overwrite each other for ever.
func TestFold(t *testing.T) {
	s := &Sink{}
	for _, c := range []struct {
		object, property, a, b string
		same                   bool
	}{
		{"contacts", "email", "Ada@Example.org", "ada@example.org ", true},
		{"contacts", "email", "ada@example.org", "adam@example.org", false},
		{"companies", "email", "Ada@Example.org", "ada@example.org", false}, // any property may have that name
		{"contacts", "ext_id", " C-7", "C-7 ", true},
		{"contacts", "ext_id", "C-7", "c-7", false}, // whether HubSpot tells them apart isn't known (API.md section 16)
	} {
		a, b := s.Fold(c.object, c.property, c.a), s.Fold(c.object, c.property, c.b)
		if (a == b) != c.same {
			t.Errorf("%s of %s: %q is folded to %q, and %q to %q", c.property, c.object, c.a, a, c.b, b)
		}
	}
}
