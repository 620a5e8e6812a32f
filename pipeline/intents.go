package pipeline

import (
	"slices"
	"time"
)

// intents are those that are written down and not closed. The run's mu guards them.
type intents struct {
	undecided map[string]int // changes that each group's intents name
	landing   []*pending     // decided, but an earlier attempt may still take effect
}

// release takes a change out of the intents that name it and returns those that no undecided change is left in. The
// caller holds mu.
func (in *intents) release(p *pending) (closed []string) {
	for _, id := range p.groups {
		if in.undecided[id]--; in.undecided[id] == 0 {
			delete(in.undecided, id)
			closed = append(closed, id)
		}
	}
	p.groups = nil
	return closed
}

// decided takes a change whose end is known out of its intents, at once or when its first attempt can no longer take
// effect. The caller holds mu.
func (in *intents) decided(p *pending) (closed []string) {
	if p.Sent.IsZero() {
		return in.release(p)
	}
	in.landing = append(in.landing, p)
	return nil
}

// closeLanded closes the intents of changes that are decided and can no longer take effect a second time. Until then
// they stay open, so that a later process knows that it must wait, too. The caller holds mu.
func (r *run) closeLanded(now time.Time) {
	r.books.notes.closed = append(r.books.notes.closed, r.intents.landed(now, r.limits.Landing)...)
}

// landed releases the decided changes whose attempts have all landed, as far as they ever will: that takes lands at most. The
// caller holds mu.
func (in *intents) landed(now time.Time, lands time.Duration) (closed []string) {
	in.landing = slices.DeleteFunc(in.landing, func(p *pending) bool {
		landed := !now.Before(p.Sent.Add(lands))
		if landed {
			closed = append(closed, in.release(p)...)
		}
		return landed
	})
	return closed
}
