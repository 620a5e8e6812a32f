package pipeline

import "time"

// An Explanation is what is known of one key, and what the next run does with it. Field names don't change once released.
type Explanation struct {
	Pipeline string `json:"pipeline"`
	Key      string `json:"key"`
	Decision string `json:"decision"`         // ExplainCreate, …
	Reason   string `json:"reason"`           // why, in words
	Advice   string `json:"advice,omitempty"` // what somebody can do about it

	Rows       []ExplainedRow `json:"rows"`                 // of the source that have the key, in its order; of very many, the last
	MoreRows   int64          `json:"more_rows,omitempty"`  // that come before them
	Read       int64          `json:"read"`                 // rows of the source, all of them
	Unreadable int64          `json:"unreadable,omitempty"` // rows of which not even the key could be read

	Payload []ExplainedValue `json:"payload"`          // as the destination gets it; a null isn't sent, "" clears
	Changes []FieldChange    `json:"changes"`          // between what was last sent and the payload
	Kept    []Kept           `json:"kept,omitempty"`   // of the payload: properties that are left as others have set them
	Hash    string           `json:"hash,omitempty"`   // of the row's content
	Links   []ExplainedLink  `json:"links"`            // that are there, that wait, and that the row asks for
	Ledger  *ExplainedEntry  `json:"ledger,omitempty"` // nil: the key was never written
	Rejects []DeadLetter     `json:"rejects"`          // that aren't closed, newest first

	Attempts []ExplainedAttempt `json:"attempts"` // that may have been sent, and whose end isn't known or may not be the last
	Live     *ExplainedRecord   `json:"live,omitempty"`
	Nearest  []string           `json:"nearest,omitempty"` // keys that may have been meant
}

// What a run does with a key.
const (
	ExplainCreate    = "create"    // its record is made, or updated if the destination has one with the match value
	ExplainUpdate    = "update"    // its record gets other values
	ExplainArchive   = "archive"   // its record is archived
	ExplainLink      = "link"      // only links are made or removed
	ExplainUnchanged = "unchanged" // the destination has it
	ExplainFiltered  = "filtered"  // a filter leaves it out
	ExplainRejected  = "rejected"  // it is rejected, or was, and has the same content still
	ExplainParked    = "parked"    // the link that it is waits for a record
	ExplainHeld      = "held"      // it waits for a person
	ExplainDoubtful  = "doubtful"  // an answer was lost: what became of that is found out first
	ExplainLeft      = "left"      // it was written, and has left the source
	ExplainUnknown   = "unknown"   // it is neither in the source nor in the ledger
)

// An ExplainedRow is a row of the source on its way through the transforms.
type ExplainedRow struct {
	Place   string           `json:"place"`
	Outcome string           `json:"outcome"` // RowCounts, …
	Columns []ExplainedValue `json:"columns"` // those that the pipeline uses
	Stages  []ExplainedStage `json:"stages"`
}

// What becomes of a row.
const (
	RowCounts     = "counts"     // it is the row that the decision is about
	RowSuperseded = "superseded" // a later row of the same key takes its place
	RowFiltered   = "filtered"
	RowRejected   = "rejected"
)

// An ExplainedStage is what a transform made of a row.
type ExplainedStage struct {
	Stage  string           `json:"stage"`  // as dead letters name it
	Result string           `json:"result"` // "kept", "filtered" or "rejected"
	Added  []ExplainedValue `json:"added,omitempty"`
	Code   string           `json:"code,omitempty"` // of a reject
	Reason string           `json:"reason,omitempty"`
}

// An ExplainedValue is a value by the name of its column, property or link.
type ExplainedValue struct {
	Name  string  `json:"name"`
	Value *string `json:"value"` // nil: there is none
}

// An ExplainedLink is a link of the row's.
type ExplainedLink struct {
	Slot  string       `json:"slot"`
	State string       `json:"state"` // LinkThere, …
	From  ExplainedEnd `json:"from"`
	To    ExplainedEnd `json:"to"`
	Label string       `json:"label,omitempty"`
	Since time.Time    `json:"since,omitzero"` // when the row's links began to wait
}

// How a link is.
const (
	LinkThere    = "there"    // this pipeline has written it
	LinkDoubtful = "doubtful" // it was about to be written, and no answer has told whether it was
	LinkWaiting  = "waiting"  // the next run writes it
	LinkParked   = "parked"   // it waits for a record that isn't there
	LinkChanging = "changing" // the next run gives it another label
	LinkLeaving  = "leaving"  // the next run removes it
)

// An ExplainedEnd is one end of a link. A record whose id isn't known is named by the value of a property.
type ExplainedEnd struct {
	Object   string `json:"object"`
	ID       string `json:"record,omitempty"`
	Property string `json:"property,omitempty"`
	Value    string `json:"value,omitempty"`
}

// An ExplainedEntry is what the ledger knows of the key.
type ExplainedEntry struct {
	Version  int64  `json:"version"`
	Hash     string `json:"hash,omitempty"`     // of the content that the destination has; "" where that isn't known
	Rejected string `json:"rejected,omitempty"` // of the content that was rejected
	ID       string `json:"record,omitempty"`
	Match    string `json:"match,omitempty"`  // the match value, where it isn't the key
	Merged   string `json:"merged,omitempty"` // the record's former id
	Made     bool   `json:"made"`             // by this pipeline
	Held     bool   `json:"held"`
	Waiting  bool   `json:"waiting"` // links of the row are waiting
	Sent     Sent   `json:"sent"`    // null where that isn't known

	// The request that decided the version: see Answer.
	Decided time.Time `json:"decided,omitzero"`
	TraceID string    `json:"trace_id,omitempty"`
	Unsent  bool      `json:"unsent,omitempty"` // there was none: the row was refused, or nothing was left to write, before that
	Answer
}

// An ExplainedAttempt is a write that was about to be sent.
type ExplainedAttempt struct {
	Action  string  `json:"action"`
	Version int64   `json:"version"`
	Attempt int64   `json:"attempt"`
	TraceID string  `json:"trace_id"`
	ID      string  `json:"record,omitempty"`
	Seconds float64 `json:"age_seconds"`
	Decided bool    `json:"decided"` // the version is, by this attempt or another
	Landing bool    `json:"landing"` // decided, but no answer to this attempt is known: it may still take effect
}

// An ExplainedRecord is the record as the destination has it now.
type ExplainedRecord struct {
	Presence    string       `json:"presence"` // "there", "archived", "nowhere" or "unsure"
	ID          string       `json:"record,omitempty"`
	Twin        string       `json:"twin,omitempty"` // another record with the same match value
	Differences []Difference `json:"differences"`    // from the payload
	Problem     string       `json:"problem,omitempty"`
}
