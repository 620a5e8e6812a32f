package pipeline

import (
	"slices"
	"time"
)

// A Role says what a field of a row is for.
type Role uint8

// The roles of fields.
const (
	Column   Role = iota // read by the source, visible to every later stage under its own name
	Property             // named by map: what is sent to the destination
	Link                 // added by resolve: the id of another record, or the Ref that stands for it
)

// A Field describes one value of every row of a stage.
type Field struct {
	Name string
	Type Type // Null where a column's type is known only value by value
	Role Role

	// Clear says for a Property that a null is sent as "no value"; otherwise a null isn't sent at all.
	Clear bool

	// IfEmpty says for a Property that it is sent only to a record that has no value of it.
	IfEmpty bool

	// Shared says for a Property that others set it, too: it isn't sent to a record that has another value of it than was
	// last sent.
	Shared bool

	// Fixed are the texts of a Property that its configuration spells out; it has no others, and no null, if it is Constant.
	Fixed    []string
	Constant bool

	// Lookup says for a Link which record its values name.
	Lookup *Lookup
}

// A Lookup names records of one object by a unique property.
type Lookup struct {
	Object   string
	Property string
	Missing  Missing
	MaxAge   time.Duration // how long a parked link may wait before a dead letter tells of it; 0: for ever
}

// Missing says what becomes of a row that names a record that isn't there.
type Missing string

// What may become of a row whose link has no target.
const (
	MissingPark   Missing = "park"   // the row goes on; the link is kept until its target is there
	MissingSkip   Missing = "skip"   // the row goes on without the link
	MissingReject Missing = "reject" // the row is rejected
)

// A Schema is the list of fields that every row of a stage has, in the order of Row.Values.
// Names are unique within a role. A Schema is not changed once a stage has returned it.
type Schema struct {
	Fields []Field
}

// Index returns the place of the field with that role and name, or -1.
func (s *Schema) Index(role Role, name string) int {
	return slices.IndexFunc(s.Fields, func(f Field) bool { return f.Role == role && f.Name == name })
}

// Names returns the names of the fields with that role, in order.
func (s *Schema) Names(role Role) []string {
	var names []string
	for _, f := range s.Fields {
		if f.Role == role {
			names = append(names, f.Name)
		}
	}
	return names
}

// With returns a schema that has the fields of s and then more.
func (s *Schema) With(more ...Field) *Schema {
	return &Schema{Fields: append(slices.Clip(slices.Clone(s.Fields)), more...)}
}
