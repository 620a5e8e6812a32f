// Package model is the contract of pipeline.Store in memory, for tests that play thousands of histories. It says what a
// store means in the fewest words; the state package's state machine compares it with the real stores.
package model

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sluice/pipeline"
)

// The times of leases; see pipeline/state.
const (
	TTL    = 60 * time.Second // a lease ends this long after it was granted or renewed
	Margin = 10 * time.Second // the holder stops this long before the lease ends
	Fresh  = 15 * time.Second // a holder that renewed within this time is alive
)

// ErrKilled is what the calls of a process return that has been killed: nothing of it reaches the state any more.
var ErrKilled = errors.New("killed")

// A Store holds the state of one pipeline. It outlives runs, as a database outlives processes. Its methods may be called
// concurrently; none of them waits, and its contexts are ignored.
type Store struct {
	mu          sync.Mutex
	account     string
	fingerprint string
	epoch       int64
	holder      string
	granted     time.Time
	renewed     time.Time
	held        bool // and not released; whether it has ended is another question
	dead        bool
	position    pipeline.Position
	reread      bool
	full        time.Time // when the last run began that has read everything
	ledger      map[string]*pipeline.Entry
	answers     map[string]pipeline.Answer // by key
	groups      []*group                   // open ones, oldest first
	waiting     map[string][]pipeline.LinkChange
	records     map[pipeline.RecordID]string // by what is unique of a record
	letters     []*Letter
	done        int64 // the last run that was done
	throttle    []byte
	throttled   time.Time
}

// A group is one that was intended and isn't closed yet.
type group struct {
	id      string
	began   time.Time
	intents []pipeline.Intent
}

// New returns an empty state.
func New() *Store {
	return &Store{ledger: map[string]*pipeline.Entry{}, answers: map[string]pipeline.Answer{}, waiting: map[string][]pipeline.LinkChange{}, records: map[pipeline.RecordID]string{}}
}

// Start takes the lease; see pipeline.Store. It never waits for a holder that may be dead.
func (s *Store) Start(_ context.Context, b pipeline.Begin) (pipeline.Resume, error) {
	r, _, err := s.Take(b, "a test")
	return r, err
}

// Take is Start by a named holder. Beside a *pipeline.HeldError it returns how long ago the other holder renewed its lease.
func (s *Store) Take(b pipeline.Begin, holder string) (r pipeline.Resume, idle time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account == "" {
		s.account = b.Account
	}
	if b.Account != "" && b.Account != s.account {
		return r, 0, &pipeline.AccountError{Bound: s.account, Given: b.Account}
	}
	if s.held && time.Since(s.renewed) < TTL {
		return r, time.Since(s.renewed), &pipeline.HeldError{Pipeline: b.Pipeline, Holder: s.holder, Since: s.granted}
	}
	s.epoch++
	s.held, s.dead, s.holder, s.granted, s.renewed = true, false, holder, time.Now(), time.Now()
	if s.stale(&b) {
		s.position, s.reread, s.fingerprint = nil, false, b.Fingerprint
	}
	r = s.resume()
	r.Epoch, r.Run = s.epoch, s.epoch
	return r, 0, nil
}

// Peek returns what Start would, and takes no lease; see pipeline.Auditor.
func (s *Store) Peek(_ context.Context, b pipeline.Begin) (r pipeline.Resume, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account != "" && s.account != b.Account {
		return r, &pipeline.AccountError{Bound: s.account, Given: b.Account}
	}
	r = s.resume()
	if s.stale(&b) {
		r.Position = nil
	}
	return r, nil
}

// stale tells whether a run drops the checkpoint; the caller holds mu.
func (s *Store) stale(b *pipeline.Begin) bool {
	due := b.FullEvery > 0 && (s.full.IsZero() || time.Since(s.full) >= b.FullEvery)
	return b.Full || due || s.reread || b.Fingerprint != s.fingerprint
}

// resume returns what a run starts from; the caller holds mu.
func (s *Store) resume() pipeline.Resume {
	r := pipeline.Resume{Position: slices.Clone(s.position), Throttle: s.throttle}
	if s.throttle != nil {
		r.ThrottleAge = time.Since(s.throttled)
	}
	r.Doubtful = s.doubts()
	return r
}

// doubts returns the intents of open groups, oldest first; the caller holds mu.
func (s *Store) doubts() (open []pipeline.Doubt) {
	for _, g := range s.groups {
		for _, in := range g.intents {
			e := s.ledger[in.Key]
			open = append(open, pipeline.Doubt{Intent: in, Group: g.id, Age: time.Since(g.began), Decided: e != nil && e.Version >= in.Version})
		}
	}
	return open
}

// Renew lets the lease of an epoch last longer, and tells whether it could.
func (s *Store) Renew(epoch int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch != s.epoch || !s.held || time.Since(s.renewed) >= TTL {
		return false
	}
	s.renewed = time.Now()
	return true
}

// Release ends the lease of an epoch as the end of its process does: nothing is recorded.
func (s *Store) Release(epoch int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch == s.epoch {
		s.held = false
	}
}

// Kill ends the process that has the lease: what it asks for from now on is refused with ErrKilled.
func (s *Store) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held, s.dead = false, true
}

// lock returns with mu held if the epoch may write (I7).
func (s *Store) lock(epoch int64) error {
	s.mu.Lock()
	switch {
	case s.dead:
		s.mu.Unlock()
		return ErrKilled
	case epoch != s.epoch:
		s.mu.Unlock()
		return pipeline.ErrFenced
	}
	return nil
}

// Intend writes a group's intents down; see pipeline.Store.
func (s *Store) Intend(_ context.Context, g pipeline.Group) error {
	if err := s.lock(g.Epoch); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.saveThrottle(g.Throttle)
	if !slices.ContainsFunc(s.groups, func(have *group) bool { return have.id == g.ID }) {
		s.groups = append(s.groups, &group{id: g.ID, began: time.Now(), intents: slices.Clone(g.Intents)})
	}
	return nil
}

// Finish ends the run; see pipeline.Store.
func (s *Store) Finish(_ context.Context, f pipeline.Finish) error {
	if err := s.lock(f.Epoch); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.held = false
	if f.Whole {
		s.closeUnseen(f.Run)
		s.full = s.granted
	}
	if f.Parked {
		s.closeParked(f.Run)
	}
	if f.Complete && !f.Keep {
		s.position = nil
	}
	if f.Status == pipeline.StatusDone {
		s.done = f.Run
	}
	s.saveThrottle(f.Throttle)
	return nil
}

// saveThrottle keeps the sink's recent past; the caller holds mu.
func (s *Store) saveThrottle(state []byte) {
	if state != nil {
		s.throttle, s.throttled = state, time.Now()
	}
}

// Epoch returns the epoch that was granted last.
func (s *Store) Epoch() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// Position returns the checkpoint.
func (s *Store) Position() pipeline.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.position)
}

// Forget drops the checkpoint.
func (s *Store) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position = nil
}

// Open returns the groups that aren't closed, oldest first.
func (s *Store) Open() []pipeline.Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]pipeline.Group, len(s.groups))
	for i, g := range s.groups {
		list[i] = pipeline.Group{ID: g.id, Intents: g.intents}
	}
	return list
}
