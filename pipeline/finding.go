package pipeline

// A Finding is one way in which the destination isn't as the ledger says. Field names don't change once released.
type Finding struct {
	Pipeline string `json:"pipeline"`
	Kind     string `json:"kind"`            // FoundDrift, …
	Key      string `json:"key"`             // of the row
	ID       string `json:"record"`          // as the ledger has it; "" where rows are links
	Other    string `json:"other,omitempty"` // FoundMerged, FoundDuplicate, FoundUnlinked: the other record
	OtherKey string `json:"other_key,omitempty"`

	// Of FoundDrift. Both values are as the destination spells them.
	Property string `json:"property,omitempty"`
	Want     string `json:"want,omitempty"`
	Got      string `json:"got,omitempty"`

	// Kept says of FoundDrift why it is never repaired: the value is others', as the schema has it.
	Kept KeptCause `json:"kept,omitempty"`
}

// The kinds of findings.
const (
	FoundDrift     = "drift"     // a property has another value than was written
	FoundArchived  = "archived"  // the record is in the recycle bin
	FoundDeleted   = "deleted"   // the record isn't there, and can't be brought back
	FoundMerged    = "merged"    // the record was merged into Other, which is that of the row OtherKey if that is set
	FoundDuplicate = "duplicate" // Other has the row's match value too; or the row OtherKey has the same record
	FoundUnlinked  = "unlinked"  // a link that was made, to Other, isn't there
)

// An Audit counts what a verification has looked at and found. Field names don't change once released.
type Audit struct {
	Name      string  `json:"name"`
	Status    string  `json:"status"`
	Read      int64   `json:"read"`      // rows
	Checked   int64   `json:"checked"`   // records that should hold what their rows say
	Pending   int64   `json:"pending"`   // rows that aren't written as they are now, or are being written
	Unsure    int64   `json:"unsure"`    // records that the destination's answers didn't tell of
	Left      int64   `json:"left"`      // records that are there, but whose rows have left the source
	Links     int64   `json:"links"`     // that should be there
	Drift     int64   `json:"drift"`     // records with other values than were written
	Kept      int64   `json:"kept"`      // records with values of others, which are never repaired
	Gone      int64   `json:"gone"`      // archived or deleted records
	Merged    int64   `json:"merged"`    // records that were merged into others
	Duplicate int64   `json:"duplicate"` // rows with a second record, or with another row's
	Unlinked  int64   `json:"unlinked"`  // links that aren't there
	Open      int64   `json:"open"`      // rows that somebody has to look at: found, and not repaired
	Repaired  int64   `json:"repaired"`  // rows that the next run writes again
	Requests  int64   `json:"requests"`
	Seconds   float64 `json:"seconds"`
}

// Found returns the number of records and links that aren't as the ledger says.
func (a *Audit) Found() int64 { return a.Drift + a.Gone + a.Merged + a.Duplicate + a.Unlinked }

// count counts a row's findings: a record with several values that differ is one.
func (a *Audit) count(findings []Finding) {
	kinds := map[string]bool{}
	for _, f := range findings {
		kind := f.Kind
		if f.Kept != "" {
			kind = "kept"
		}
		if f.Kind != FoundUnlinked && kinds[kind] {
			continue
		}
		kinds[kind] = true
		switch f.Kind {
		case FoundDrift:
			if f.Kept != "" {
				a.Kept++
			} else {
				a.Drift++
			}
		case FoundArchived, FoundDeleted:
			a.Gone++
		case FoundMerged:
			a.Merged++
		case FoundDuplicate:
			a.Duplicate++
		case FoundUnlinked:
			a.Unlinked++
		}
	}
}
