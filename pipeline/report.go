package pipeline

import "fmt"

// A Report counts what became of the rows of a run. Field names don't change once released.
type Report struct {
	Name       string  `json:"name"`
	Status     string  `json:"status"`
	Read       int64   `json:"read"`
	Written    int64   `json:"written"`
	Unchanged  int64   `json:"unchanged"`
	Filtered   int64   `json:"filtered"`
	Superseded int64   `json:"superseded"`
	Rejected   int64   `json:"rejected"`
	Held       int64   `json:"held"`
	Linked     int64   `json:"linked"`
	Unlinked   int64   `json:"unlinked"`
	Parked     int64   `json:"parked"`
	Archived   int64   `json:"archived"` // records of rows that have left the source: not among those read
	Review     int64   `json:"review"`   // held for a person: nobody can tell what became of it
	Overdue    int64   `json:"overdue"`  // rows with links that have been parked too long: they stay in the counter in which they are
	Earlier    int64   `json:"earlier"`  // rejected or held for review, of runs before that ended early, and of rows that this one hasn't read
	Requests   int64   `json:"requests"`
	Seconds    float64 `json:"seconds"`

	// Repeated counts the rows of Rejected that were rejected before with the same content, and weren't looked at again.
	Repeated int64 `json:"-"`

	// Budget is how much of the destination's rate limit is in use at the moment, from 0 to 1.
	Budget float64 `json:"-"`
}

// Balance returns an error unless every row read is accounted for (I3).
func (r *Report) Balance() error {
	missing := r.undecided()
	if missing == 0 {
		return nil
	}
	return fmt.Errorf("the books don't balance: read %d, but written %d + unchanged %d + filtered %d + superseded %d + rejected %d + held %d = %d",
		r.Read, r.Written, r.Unchanged, r.Filtered, r.Superseded, r.Rejected, r.Held, r.Read-missing)
}

// undecided counts the rows that were read but whose end isn't known: a run that didn't end well leaves them to the next.
func (r *Report) undecided() int64 {
	return r.Read - (r.Written + r.Unchanged + r.Filtered + r.Superseded + r.Rejected + r.Held)
}
