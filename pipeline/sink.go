package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// An Action is what a Change does to a record. Its rune is the symbol that plans show.
type Action rune

// The actions.
const (
	Create  Action = '+' // make a record, and fail if one with the same unique value exists
	Upsert  Action = '±' // make a record, or update the one that has the match value
	Update  Action = '~' // update the record with the given id
	Archive Action = '-' // put the record with the given id into the recycle bin
)

// String returns the action's verb.
func (a Action) String() string {
	switch a {
	case Create:
		return "create"
	case Upsert:
		return "upsert"
	case Update:
		return "update"
	case Archive:
		return "archive"
	}
	return string(rune(a))
}

// makes tells whether the action may make a record.
func (a Action) makes() bool { return a == Create || a == Upsert }

// A Change is one write of one record.
type Change struct {
	Action  Action
	Key     string // the row's key
	TraceID string // names the logical write (key and version): the same on every attempt, unique within a request
	Version int64  // counts the logical writes of the key
	Hash    Hash   // of the row's content
	ID      string // the record's id where it is known: always for Update and Archive
	Match   string // the value of the match property, folded as the destination compares it; "" if there is none
	Place   Place
	Values  []Value      // of the fields with role Property, in schema order; owned by the change
	Links   []LinkChange // only for a Create: links to records whose ids are known, written inline

	// Known is the match value that the ledger's record was last written with; "" if it knows none.
	Known string

	// Torn says that the record may hold something else than what was last sent to it: what an attempt has left whose end nobody was
	// told, or what another row has.
	Torn bool

	// For a Keeper. Tried are shared properties as attempts may have left them whose end nobody was told.
	Was   Sent   // the properties as they were last sent to the record
	Tried []Sent // what counts as sent beside that
	Kept  []Kept // the properties that are left out, set by Keep; Write may add to them, and nothing else of a change

	// Sent is when an earlier attempt that may still land was sent, by this process's clock; zero if there is none.
	Sent time.Time

	// Begun is when the intent of the first attempt that may have made the record was written down, be it an earlier
	// process's, by this process's clock; zero if there is none. A record that is younger was made by one of the attempts.
	Begun time.Time
}

// A Verdict says what became of a change.
type Verdict uint8

// The verdicts. A change without an Outcome is in doubt, as one whose Outcome says so: it may or may not have been made.
const (
	InDoubt   Verdict = iota // Answer, if there is one, is what came instead of a usable answer
	Done                     // positively found in the answer, or read back
	Refused                  // named by an error; Err says why
	Unwritten                // certainly not made, and nothing is wrong with the row: it may be sent again
	Absent                   // Settle only: the record isn't there
	Found                    // Settle only: the record is there, but not known to hold this change
	Gone                     // an Update's record was archived or deleted in the destination: Limits.OnGone says what becomes of it
)

// An Outcome is what became of one change.
type Outcome struct {
	TraceID string
	Verdict Verdict
	ID      string // of the record that was written or found: another one than the Change's where that was merged away
	Err     error  // for Refused: a *RowError
	NoOp    bool   // Done, and nothing had to be written (as with the archiving of a record that is gone)
	Purged  bool   // Gone, and for good: a record that was deleted for privacy is never made again
	Passing bool   // Refused, or Unwritten by Keep, for a reason that lies outside the row: the next run tries again without being asked
	Taken   bool   // Refused, because another record has a value that only one can have: it may let go of it when all rows are written
	Same    bool   // NoOp, because the record holds the change already: it counts as sent, but for what is kept
	Stays   bool   // NoOp of an Archive: the record is there, and isn't taken away
	Made    bool   // Done or Found, and an attempt at this change has made the record
	Answer  Answer // that told; zero where nothing was asked

	// Links are the links that a Create wrote inline, for Done.
	Links []LinkState
}

// ReadBack ends the text of an Answer that wasn't given to the write, but to a later reading of the record.
const ReadBack = ", read back"

// An Answer is what the destination has last said of a row. It is kept for people: nothing is decided by it.
type Answer struct {
	Request string `json:"request,omitempty"` // the destination's own name of the request, such as a correlation id
	Text    string `json:"answer,omitempty"`  // such as "200", "207 VALIDATION_ERROR" or "200, read back"
}

// A Sink writes changes to the destination. Its methods may be called concurrently, but for Close.
type Sink interface {
	// Limits tells how to feed the sink.
	Limits() Limits

	// Account returns the name of the account that is written to, such as "hubspot portal 62515". State is bound to it.
	Account(ctx context.Context) (string, error)

	// Prepare sets Action, ID and Match of changes before they are grouped, and returns an outcome for each
	// that needs no write or can't be written. It is given the ids that the ledger knows, and may read. What archives the
	// record of a row that has left the source (Limits.Mirror) has an ID, but no Values, and isn't prepared: see Keeper.
	Prepare(ctx context.Context, changes []Change) ([]Outcome, error)

	// Write makes changes that all have the same Action and reports what became of them, in any order, matched by
	// TraceID. Changes without an outcome are in doubt. An error means that the run must stop (see ErrPaused);
	// outcomes returned beside it still hold. The outcomes of a batch that certainly had no effect are Unwritten.
	Write(ctx context.Context, changes []Change) ([]Outcome, error)

	// Settle reads back what became of changes in doubt: Done where that can be told, Found or Absent otherwise,
	// nothing for changes that it can't look up.
	Settle(ctx context.Context, changes []Change) ([]Outcome, error)

	// Close is called once, after all other calls have returned. It leaves shared connections open.
	Close() error
}

// Limits are what the engine must know of a sink.
type Limits struct {
	Object     string        // the object that is written; "" where rows are links
	Match      string        // its property that Change.Match is a value of; "" if there is none
	Rows       int           // changes in one Write
	Bytes      int           // bytes of values in one Write, roughly
	Writes     int           // Writes at one time
	Links      int           // links in one call of Link
	Landing    time.Duration // after this long a request that was sent can no longer take effect
	OnGone     OnGone        // what becomes of an update whose record is gone
	MaxRejects float64       // the share of the last 1,000 rows that may be rejected before the run stops; 0 means no limit
	LinksOnly  bool          // rows are links: no record is written
	Mirror     bool          // what has left the source is taken back: links, or the records that this pipeline has made
	MaxArchive *Quota        // how many rows may be taken back by one run; nil means no limit
	MaxChange  *Quota        // how many rows may be written by one run, but for the first unless it archives; nil means no limit
	Unkeyed    bool          // a Create in doubt can't be looked up: it is held for review
	CreateOnly bool          // a key that the ledger knows is never written again
	Archives   bool          // rows stand for records that are to be archived
	Inline     bool          // a Create carries links
	Attached   bool          // Inline, and the destination may refuse a record that comes without a link
}

// A Quota is how many of the rows that a pipeline has written may change by one run: a share of them or a number, whichever
// is more.
type Quota struct {
	Share float64 // from 0 to 1
	Count int64
}

// of returns how many of n the quota allows.
func (q *Quota) of(n int64) int64 { return max(int64(q.Share*float64(n)), q.Count) }

// String returns the quota as it is configured, such as "10%" or "10% or 10".
func (q *Quota) String() string {
	share, number := fmt.Sprintf("%g%%", math.Round(q.Share*1e6)/1e4), fmt.Sprint(q.Count)
	switch {
	case q.Share == 0:
		return number
	case q.Count == 0:
		return share
	}
	return share + ", or " + number + " if that is more"
}

// OnGone says what becomes of an update whose record was archived or deleted in the destination.
type OnGone uint8

// What becomes of updates of records that are gone.
const (
	RejectGone   OnGone = iota // the row is rejected with code "gone"
	RecreateGone               // the record is made again, under a new id, unless it was purged
	IgnoreGone                 // the record stays gone: the row counts as unchanged until it changes again
)

// ignores tells whether a record that was written is left as it is where the destination has it no longer.
func (l *Limits) ignores(p Presence) bool {
	return l.OnGone == IgnoreGone && (p == Archived || p == Nowhere)
}

// recordOf says that a record has a match value, no record if id is ""; nil where the table of records holds nothing of
// that: rows that have no match value, and those that name their record by its id.
func (l *Limits) recordOf(match, id string) *RecordID {
	if match == "" || l.Match == recordID {
		return nil
	}
	return &RecordID{Object: l.Object, Property: l.Match, Value: match, ID: id}
}

// A Throttle is a Sink whose requests are limited over time, and which can carry the recent past over a restart.
type Throttle interface {
	SaveThrottle() []byte
	RestoreThrottle(saved []byte, age time.Duration)
	Requests() int64 // sent since the sink was opened
	Budget() float64 // how much of the rate limit is in use, from 0 to 1; 0 where there is none
}

// ErrPaused says that the destination accepts nothing for longer than a run should wait; the run can be resumed.
var ErrPaused = errors.New("paused")
