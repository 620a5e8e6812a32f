package pipeline

import (
	"context"
	"time"
)

// A Rememberer is a Store that can tell all that it knows of one key.
type Rememberer interface {
	Auditor

	// Remember returns what the store knows of a key, all of it as of one moment.
	Remember(ctx context.Context, pipeline, key string) (Memory, error)
}

// A Memory is what a store knows of one key.
type Memory struct {
	Entry
	Answer             // by which the version was decided
	Decided  time.Time // when it was; zero where that isn't known
	Wanted   []LinkChange
	Since    time.Time    // when those links began to wait
	Rejects  []DeadLetter // that aren't closed, newest first
	Attempts []Doubt      // that may have been sent and aren't closed, oldest first
}

// A DeadLetter says why a row isn't in the destination as its source has it. It holds no values but those that its
// message quotes.
type DeadLetter struct {
	ID       int64     `json:"id"`
	Pipeline string    `json:"pipeline"`
	Key      string    `json:"key"` // "" where the row couldn't be read far enough to know it
	Place    string    `json:"place"`
	Stage    string    `json:"stage"`
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	State    string    `json:"state"` // "open", "held" (waits for a person) or "closed"
	Run      int64     `json:"run"`   // that refused it first
	LastRun  int64     `json:"last_run"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Retried  time.Time `json:"retried,omitzero"`
	Closed   time.Time `json:"closed,omitzero"`
	Follows  int64     `json:"follows,omitempty"` // the dead letter that was retried, where the row was refused again for another reason
	Answer
}
