package pipeline

import (
	"cmp"
	"context"
	"time"
)

// A LinkSpec says which links a row of the schema stands for.
type LinkSpec struct {
	Slot       string // names the spec within its pipeline, stable under reordering
	FromObject string // the row's own object, or the first end's
	FromField  int    // LinksOnly: place of the first end's Link field in the schema; -1 where the row's own record is the first end
	ToObject   string
	ToField    int    // place of the other end's Link field in the schema
	LabelField int    // place of the field that holds the label; -1 if none
	Label      string // a fixed label or type, opaque to the engine; "" for the default type
}

// A LinkEnd names one record: by id, or by a unique property where the id isn't known.
type LinkEnd struct {
	Object   string
	ID       string
	Property string
	Value    string
	Survivor Survivor // into which the record was merged, as the Linker has told of this change; none where it hasn't
}

// Name returns what an end is known by: its value, or its id if it has none. It stays the same when the id of an end with a
// value becomes known.
func (e *LinkEnd) Name() string { return cmp.Or(e.Value, e.ID) }

// A Survivor is a record that others were merged into.
type Survivor struct {
	ID     string   // "" for none
	Former []string // the ids of those that were merged into it, as far as the destination tells
}

// A LinkChange makes, relabels or removes one link.
type LinkChange struct {
	Key      string // of the row that the link belongs to
	Slot     string
	Remove   bool
	From, To LinkEnd
	Label    string     // what the row asks for, opaque to the engine; "" for the default type
	Since    time.Time  // of a waiting link: when it began to wait, by the store's clock; zero if that isn't known
	Was      *LinkState // what this pipeline has, or may have, written of the same slot and ends before, if anything

	// Shared is what the ledgers show of other links between records with these two ids, whichever way round: of other rows and
	// slots, and of other pipelines of the same state. Records of other objects may have the same ids, which the sink tells
	// apart. Links that the same call changes are left out. What one of these stands for must not be taken away.
	Shared []LinkState
}

// Compare puts the links of one row into the order in which Store.Waiting returns them. It returns 0 for links that differ in
// nothing but their labels.
func (l LinkChange) Compare(other LinkChange) int {
	order := func(remove bool) int {
		if remove {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(l.Slot, other.Slot), order(l.Remove)-order(other.Remove),
		cmp.Compare(l.From.Name(), other.From.Name()), cmp.Compare(l.To.Name(), other.To.Name()))
}

// LinkState is what a pipeline has written of one link: kept in the ledger, so that it can be changed or taken back.
type LinkState struct {
	Slot   string `json:"slot"`
	FromID string `json:"from"`
	ToID   string `json:"to"`
	From   string `json:"from_object"`
	To     string `json:"to_object"`
	Label  string `json:"label,omitempty"` // as the row asked for it
	Types  string `json:"types"`           // the types that were written, in the sink's own spelling
	Made   bool   `json:"made"`            // the pair didn't exist before, or was made by a link that shares it

	// FromWas and ToWas are the ids by which the row asked for the link, where the destination had merged these records into
	// FromID and ToID; "" for a record that wasn't. Other pipelines may go on to know such a record by its former id.
	FromWas string `json:"from_was,omitempty"`
	ToWas   string `json:"to_was,omitempty"`

	// Intended says that the link was about to be written, and that no answer has told whether it was: it may be there.
	Intended bool `json:"intended,omitempty"`
}

// A LinkOutcome is what became of one link change, matched by Key, Slot and ends.
type LinkOutcome struct {
	Change  *LinkChange // the element of the slice passed to Link
	Verdict Verdict     // Done, Refused, or Found: see Merged; no outcome means that it may be repeated
	State   *LinkState  // for Done: what is there now by this pipeline; nil after a removal. For Refused and Found: what may be there
	NoOp    bool        // Done, and nothing had to be written
	Answer  Answer      // that told; zero where nothing was written
	Err     error

	// Merged tells, for Found, which records the two ends of the change were merged into: it is to be carried out on these
	// instead, by another call.
	Merged [2]Survivor
}

// A Linker is a Sink that writes links between records. Link is safe to repeat, and isn't called concurrently for one
// sink.
type Linker interface {
	Specs() []LinkSpec
	// Link writes links. Before the first byte of a request that makes or relabels links goes out, it calls intend with
	// outcomes that hold the State which will be there, so that what this pipeline has made can be told from what others
	// have, even if the answer is lost; after an error of intend nothing is sent.
	Link(ctx context.Context, links []LinkChange, intend func(context.Context, []LinkOutcome) error) ([]LinkOutcome, error)
}

// A Finder is a Sink that can tell record ids from a unique property. What isn't in the map isn't there.
// Values are compared as the destination does; the map's keys are the values as given.
type Finder interface {
	Find(ctx context.Context, object, property string, values []string) (map[string]string, error)
	// Fold returns value as the destination compares it.
	Fold(object, property, value string) string
}
