package pipeline

import "context"

// A Reader is a Sink that can tell what the destination has. Neither method writes anything; both may be called
// concurrently.
type Reader interface {
	// Read reads the records of changes, by ID, or by the match value where that isn't known, and compares their content
	// with Values; of a change without Values only the record's existence is read. It sets Match of changes as Prepare
	// does. The readings are in the order of the changes.
	Read(ctx context.Context, changes []Change) ([]Reading, error)

	// ReadLinks tells of each link, in their order, whether the destination has it as it is asked for: There, Nowhere, or
	// Unsure. Both ends must have ids.
	ReadLinks(ctx context.Context, links []LinkChange) ([]Presence, error)
}

// A Presence tells whether something is in the destination.
type Presence uint8

// What may be known of a record or link.
const (
	Unsure   Presence = iota // the destination's answer doesn't say
	There                    // it is there
	Nowhere                  // it isn't there, and can't be brought back
	Archived                 // it is in the recycle bin
)

// A Reading is what the destination has of one record.
type Reading struct {
	Presence    Presence
	ID          string       // of the record that is there: another one than the change's where that was merged into it
	Differences []Difference // between the change and the record
	Twin        string       // the id of another record that has the change's match value; "" if there is none
	Err         error        // why the change's values can't be compared: they no longer fit the destination
}

// A Difference is a property that has another value than a row asks for. Both values are as the destination spells them.
type Difference struct {
	Property string `json:"property"`
	Want     string `json:"want"`
	Got      string `json:"got"`

	// Kept says why it would not be written, if others own it.
	Kept KeptCause `json:"kept,omitempty"`
}

// String returns the presence as a word.
func (p Presence) String() string {
	return [...]string{"unsure", "there", "nowhere", "archived"}[p]
}
