package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Store keeps what must survive a crash. Every method that writes is one transaction and is fenced by the epoch
// that Start returned: after a later epoch was granted it changes nothing and returns ErrFenced (I7).
// Methods may be called concurrently.
type Store interface {
	// Start takes the pipeline's lease, raises its epoch and begins a run. It returns a *HeldError while another
	// live process holds the lease, and an *AccountError if the state belongs to another account. The lease outlives ctx.
	Start(ctx context.Context, b Begin) (Resume, error)

	// Known returns the ledger's entries for keys, in their order; the zero Entry for a key never seen.
	Known(ctx context.Context, pipeline string, keys []string) ([]Entry, error)

	// Ledger returns up to limit entries whose key is greater than after, by key.
	Ledger(ctx context.Context, pipeline, after string, limit int) ([]KeyedEntry, error)

	// Keys returns up to limit keys of the ledger that are greater than after, by key. It is much cheaper than Ledger.
	Keys(ctx context.Context, pipeline, after string, limit int) ([]string, error)

	// Holdings returns what keys stand for in the destination, in any order and without those that the ledger doesn't have.
	// It is cheaper than Known.
	Holdings(ctx context.Context, pipeline string, keys []string) ([]Holding, error)

	// CountHoldings returns how many keys of the ledger stand for a record, or for links. It may read all of the ledger.
	CountHoldings(ctx context.Context, pipeline string) (int64, error)

	Digester

	// Intend writes down what is about to be sent, before the first byte goes out (I5). When it returns nil the
	// intents are durable; an unknown commit has been looked up by the group's id.
	Intend(ctx context.Context, g Group) error

	// Commit records decisions, links, rejects and the checkpoint: all of it or nothing.
	Commit(ctx context.Context, c Commit) error

	// Waiting returns up to limit links of the pipeline that are waiting to be written, after the given one in a
	// stable order (nil: from the first). Ends that were given by a unique property have their id filled in where any
	// pipeline of the same account has written such a record. Was is filled in from the ledger. Since stays what it was
	// for a link that the row goes on to ask for when it is written again.
	Waiting(ctx context.Context, pipeline string, after *LinkChange, limit int) ([]LinkChange, error)

	// Records returns the ids of the account's records of object whose property has one of the (folded) values, as far
	// as any pipeline has written them.
	Records(ctx context.Context, account, object, property string, values []string) (map[string]string, error)

	// Owners returns the keys of the pipeline's ledger entries whose record id is one of ids. Where several have the same, it is
	// one whose record wasn't merged into another's, if there is one; of others, one that has no open reject, then one whose
	// content the destination has, and else the first of them.
	Owners(ctx context.Context, pipeline string, ids []string) (map[string]string, error)

	// Sharers returns what the ledgers of all pipelines show of links between two records, for pairs of record ids, whichever
	// of the two comes first. It is what Commit was told last.
	Sharers(ctx context.Context, pipeline string, pairs [][2]string) ([]SharedLink, error)

	// Earlier counts the open dead letters of the runs before this one, since the last that was StatusDone: nobody has told of them
	// yet. Where the run has read the whole source, they are those that are held, since Finish closes the others. Those of links
	// that have waited too long (see ParkedTooLong) aren't among them: each run tells of all of these.
	Earlier(ctx context.Context, pipeline string, run int64, whole bool) (int64, error)

	// Finish ends the run and releases the lease. From its call on OnLost isn't called: it returns ErrFenced itself.
	Finish(ctx context.Context, f Finish) error
}

// Begin asks for a run.
type Begin struct {
	Pipeline    string
	Account     string        // see Sink.Account
	Fingerprint string        // of the source's config and key: a checkpoint of another fingerprint is dropped
	Full        bool          // drop the checkpoint
	FullEvery   time.Duration // drop it, too, if the last run that ended Whole began longer ago than this; 0: no matter when
	Target      string        // the object that is written: the ledger's ids are of its records; "" where rows are links
	// OnLost is called once, from another goroutine, when the lease is lost or may have ended before it could be renewed.
	OnLost func(error)
}

// Resume is what a run starts from.
type Resume struct {
	Epoch       int64
	Run         int64
	Position    Position // nil: from the start
	Doubtful    []Doubt  // every intent of the groups that earlier runs left open, oldest group first
	Throttle    []byte   // as last saved by any pipeline of the account
	ThrottleAge time.Duration
	// Permit returns an error, which is ErrFenced, from some time before the lease may end without having been renewed.
	// It is asked before each request: see Permitted. nil stands for a lease that can't end.
	Permit func() error
}

// A Doubt is an intent that may have been sent, and whose outcome isn't known; or is known by now, but from a later
// attempt, while the first may still take effect.
type Doubt struct {
	Intent
	Group   string
	Age     time.Duration // since the intent was written, by the store's clock; not less
	Decided bool          // the ledger's version of the key is not lower than the intent's
}

// An Entry is what the ledger knows of one key.
type Entry struct {
	Version   int64 // of the last decided write; 0: never written
	Hash      Hash  // of the content that the destination has
	Rejected  Hash  // of the content that was rejected, while that reject is open
	ID        string
	Match     string      // the folded match value that the record was last written with; "" where that is the key
	MatchedBy string      // the property of that value by which this row has made Records tell ID; "" where it hasn't
	Merged    string      // the former id, where the destination has merged the record into ID
	Held      bool        // a create whose outcome nobody can tell: waits for a person
	Waiting   bool        // links of this row are waiting to be written
	Links     []LinkState // that the destination has by this pipeline
	Sent      Sent        // the properties of the record as they were last sent
	Tried     []Sent      // shared properties as attempts may have left them whose end nobody was told
	Made      bool        // this pipeline has made the record
}

// A KeyedEntry is an Entry with its key.
type KeyedEntry struct {
	Key string
	Entry
}

// A Holding is what the ledger shows that a key stands for in the destination.
type Holding struct {
	Key    string
	Record bool // its entry has a record
	Made   bool // which this pipeline has made
	Linked bool // its entry has links, or waits for some
}

// A SharedLink is what a ledger shows of a link.
type SharedLink struct {
	Key string // of its row; "" where that is another pipeline's
	LinkState
}

// A Group is what one Write is about to send.
type Group struct {
	ID       string // unique, made by the engine
	Pipeline string
	Epoch    int64
	Intents  []Intent
	Throttle []byte
}

// An Intent is one change about to be sent.
type Intent struct {
	Key     string
	Version int64
	Attempt int64 // counts the times that the version was sent, from 1
	Hash    Hash
	Action  Action
	TraceID string
	ID      string
	Match   string
	Sent    Sent // of the shared properties only: see Field.Shared
}

// A Commit records what has been decided.
type Commit struct {
	Pipeline  string
	Account   string
	Epoch     int64
	Run       int64
	Decisions []Decision
	Links     []LinkDecision
	Rejects   []Reject // of rows that never became a change
	Seen      []string // keys of which it is still true what the sink has refused, of the row or a link of it
	Closed    []string // ids of groups that have no undecided intent left
	Position  Position // new checkpoint, if not nil
	Reread    bool     // the next run drops the checkpoint, and reads from the first row
	Report    Report   // so far, for status
	Throttle  []byte
}

// A Decision is the end of one logical write.
type Decision struct {
	Key     string
	Version int64
	Hash    Hash
	ID      string       // keep the known id if ""; links of an earlier id are gone with that record, unless it was merged or Stays
	Merged  string       // the id that the record had before it was merged into ID; what the ledger shows of its links goes with it
	Verdict Verdict      // Done: Hash is there now; Refused: Hash is rejected, see Reject; Found: the record is ID, its content unknown, and Hash rejected if there is a Reject
	Held    bool         // the outcome can't be told: hold the key for review
	Reject  *Reject      // for Refused and for Held; for Found, if nobody can tell whether the record holds what is rejected
	Record  *RecordID    // for the table of record ids that all pipelines share; what the key's entry shows of it isn't written again
	Links   []LinkChange // wanted by the row; they replace what the key was waiting for. An end without id and
	// value in From is the row's own record.
	Sent  Sent   // for Done: what was sent, beside what was sent to the same record before
	Tried []Sent // adds to what the ledger shows of that; Done takes away what it shows of the properties in Sent
	Made  bool   // for Done and Found: this write has made the record
	Gone  bool   // for Done: the record isn't the key's any more; what the ledger shows of it goes, but not that the key was written
	Stays bool   // a record that isn't the key's any more is there, and may have its links: the ledger goes on showing these

	// Before is the key's entry, as this run has read it, for Done; nil if it may have changed since. A key that is on its way
	// is changed by nothing else, so that a store need not read it again.
	Before *Entry

	Answer Answer // by which it was decided; zero where nothing was asked

	// For who shows decisions; no store keeps them.
	Action Action // that was carried out; 0 where nothing had to be written
	Place  Place  // of the row
}

// Waits returns the decision's links as Store.Waiting returns them: with its key, and with the row's own record, which has the
// id, as the end that names none. Of links that differ in nothing but their labels, the last counts.
func (d *Decision) Waits(id string) []LinkChange {
	list := slices.Clone(d.Links)
	for i := range list {
		list[i].Key = d.Key
		if from := &list[i].From; from.Name() == "" {
			from.ID = id
		}
	}
	slices.SortStableFunc(list, LinkChange.Compare)
	kept := list[:0]
	for i, l := range list {
		if i+1 == len(list) || l.Compare(list[i+1]) != 0 {
			kept = append(kept, l)
		}
	}
	return kept
}

// A RecordID says which record of an object has a (folded) value of a unique property; none has it if ID is "".
type RecordID struct {
	Object, Property, Value, ID string
}

// A LinkDecision is the end of one waiting link, found by Key, Slot, Remove and the ids of its ends; or, if it is
// Intended, what is about to be written of it.
type LinkDecision struct {
	Key      string
	Slot     string
	Remove   bool
	From, To string     // record ids of the ends
	State    *LinkState // now; nil where nothing of the link is there by this pipeline any more
	Reject   *Reject    // for a refusal: the row's content counts as rejected
	Intended bool       // the link goes on waiting, but State may be there from now on
	Answer   Answer     // by which it was decided; the ledger keeps it for rows that have no record
}

// StatusDone is the status of a run that has ended well: it has told of all that it rejected.
const StatusDone = "done"

// Finish is the end of a run.
type Finish struct {
	Pipeline string
	Epoch    int64
	Run      int64
	Status   string // StatusDone, "failed", "paused", "interrupted"
	Message  string // why it didn't end "done"
	Report   Report
	Complete bool // the source was read to its end: the checkpoint is deleted, unless Keep is set
	Keep     bool
	Whole    bool // this run has read all of it, from the first row on: open rejects that weren't seen are closed, and Begin.FullEvery counts from its start
	// Parked says that all links that wait were looked at, and Commit was told of those that have waited too long: dead
	// letters of that kind (see ParkedTooLong) that this run didn't open are closed.
	Parked   bool
	Throttle []byte
}

// ErrFenced says that a later run has taken the pipeline over.
var ErrFenced = errors.New("another run has taken this pipeline over")

// A HeldError says that another process is running the pipeline.
type HeldError struct {
	Pipeline string
	Holder   string // host and process id
	Since    time.Time
}

// Error names the pipeline, the holder and since when it has been running.
func (e *HeldError) Error() string {
	return fmt.Sprintf("pipeline %q is being run by %s since %s", e.Pipeline, e.Holder, e.Since.Format(time.RFC3339))
}

// A TargetError says that the ledger of a pipeline holds records of another object than the one that would be written.
type TargetError struct{ Pipeline, Bound, Given string }

// Error names the pipeline and both objects.
func (e *TargetError) Error() string {
	return fmt.Sprintf("pipeline %q has written %s so far, and the ids that it knows are theirs, but it would write %s now: give the pipeline another name, or its old object back",
		e.Pipeline, e.Bound, e.Given)
}

// An AccountError says that the state remembers another account than the one that would be written to.
type AccountError struct{ Bound, Given string }

// Error names both accounts.
func (e *AccountError) Error() string {
	return fmt.Sprintf("the state belongs to %s, but the connection writes to %s: use a token of the first, or another state", e.Bound, e.Given)
}
