package pipeline

// A Plan is what a run would do. Field names don't change once released.
//
// It balances as a Report does: read = write + unchanged + filtered + superseded + reject + hold. Of the rows in Write,
// those that make, update or archive a record are in Create, Update and Archive; the others are only linked. Where the
// records of rows that have left the source are archived, they are in Archive, but neither in Read nor in Write.
type Plan struct {
	Name       string `json:"name"`
	Status     string `json:"status"` // "done", or why the plan ends early: as of Report
	Read       int64  `json:"read"`
	Write      int64  `json:"write"`
	Create     int64  `json:"create"` // records of which nothing is known: an upsert updates one that has the match value
	Update     int64  `json:"update"`
	Archive    int64  `json:"archive"`
	Unchanged  int64  `json:"unchanged"`
	Filtered   int64  `json:"filtered"`
	Superseded int64  `json:"superseded"`
	Reject     int64  `json:"reject"`
	Hold       int64  `json:"hold"`
	Link       int64  `json:"link"` // links that would be made or relabelled
	Unlink     int64  `json:"unlink"`
	Park       int64  `json:"park"` // links that would go on waiting for a record that isn't there

	// Drift counts the rows that a run leaves alone, but whose records are no longer as they were written: people, or others,
	// have changed them. Only a plan that asks the destination knows.
	Drift int64 `json:"drift"`

	// Doubtful counts the rows that an earlier run has sent without learning what became of them. A run settles that
	// before it writes them; the plan takes them for not written.
	Doubtful int64 `json:"doubtful"`

	// RejectedBefore counts the rows of Reject that were rejected before with the same content: a run doesn't send them, and
	// what is said of them is in their dead letters, not in Changes.
	RejectedBefore int64 `json:"rejected_before"`

	Requests int64   `json:"requests"` // that a run sends if nothing goes wrong, reading included
	Seconds  float64 `json:"seconds"`  // that a run takes at least: reading, and the destination's rate limit

	Account string       `json:"account"`         // that is written to
	Daily   *DailyBudget `json:"daily,omitempty"` // of the account, where the destination tells

	Changes []PlannedChange `json:"changes"` // as many as were asked for
	Omitted int64           `json:"omitted"` // more of them
}

// A DailyBudget is how many requests an account's apps have together in a day. Field names don't change once released.
type DailyBudget struct {
	Limit int64 `json:"limit"`
	Left  int64 `json:"left"` // when the plan was made
}

// Empty tells whether a run would write nothing.
func (p *Plan) Empty() bool {
	return p.Create+p.Update+p.Archive+p.Link+p.Unlink == 0
}

// take takes over what a rehearsed run reports.
func (p *Plan) take(r *Report) {
	p.Status, p.Read, p.Write, p.Unchanged, p.Filtered, p.Superseded = r.Status, r.Read, r.Written, r.Unchanged, r.Filtered, r.Superseded
	p.Reject, p.Hold, p.Link, p.Unlink, p.Park = r.Rejected, r.Held, r.Linked, r.Unlinked, r.Parked
	p.RejectedBefore = r.Repeated
}

// A PlannedChange is what would become of one row that isn't unchanged.
type PlannedChange struct {
	Action string `json:"action"` // PlanCreate, …
	Key    string `json:"key"`    // "" for a reject that couldn't be read far enough
	Place  string `json:"place,omitempty"`
	Object string `json:"object,omitempty"` // "" where rows are links
	ID     string `json:"record,omitempty"` // where it is known

	// Unknown says that what was last sent isn't known, so that all values that would be sent are in Fields: the row was
	// written by a version of the program that kept only hashes, or by something that was read back.
	Unknown bool          `json:"unknown,omitempty"`
	Fields  []FieldChange `json:"fields,omitempty"`
	Links   []PlannedLink `json:"links,omitempty"`
	Kept    []Kept        `json:"kept,omitempty"` // properties that stay as others have set them

	Code   string `json:"code,omitempty"`   // of a reject
	Reason string `json:"reason,omitempty"` // of a reject, or why a row is written whose values are the same

	wants []LinkChange // of Links, in their order
}

// What may become of a row.
const (
	PlanCreate  = "create"
	PlanUpdate  = "update"
	PlanArchive = "archive"
	PlanLink    = "link" // only links are made or removed
	PlanKeep    = "keep" // nothing: all that changed is kept as others have set it
	PlanReject  = "reject"
	PlanDrift   = "drift" // nothing, though the record isn't as it was written: New is what was, Old what is there
)

// A PlannedLink is a link that would be made, relabelled, removed or kept waiting.
type PlannedLink struct {
	Action string     `json:"action"` // PlanLink, PlanUnlink, PlanPark or PlanReject
	From   *LinkedEnd `json:"from,omitempty"`
	To     LinkedEnd  `json:"to"`
	Label  string     `json:"label,omitempty"`
	Was    string     `json:"was,omitempty"` // the label before, where it is another one
	Reason string     `json:"reason,omitempty"`
}

// What may become of a link, beside PlanLink and PlanReject.
const (
	PlanUnlink = "unlink"
	PlanPark   = "park"
)

// A LinkedEnd is one end of a link. Name is a key that people know the record by: "" where only the id is known.
type LinkedEnd struct {
	Object string `json:"object"`
	Name   string `json:"name,omitempty"`
	ID     string `json:"record,omitempty"` // "" for a record that the plan makes
}
