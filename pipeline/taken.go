package pipeline

import "context"

// A value that only one record can have, such as an address, may be handed from one row to another. If the row that gets it
// is written first, the destination refuses it. It is sent once more when all rows are written, and what has left is archived.

// waits puts a change off that was refused for such a value, and tells whether it did: the first time, and again as long as
// others were written since it was last refused. Where many wait already it isn't the value, and the refusal stands. The caller
// holds mu.
func (r *run) waits(p *pending) bool {
	if p.refused > r.answers.heard || len(r.doubts.taken) >= max(1, r.limits.Rows) {
		return false
	}
	p.refused = r.answers.heard + 1
	r.flights.busy[p.Key].left = true
	return true
}

// contend sends the changes once more that wait for values of others, and returns when they are decided.
func (r *run) contend(ctx context.Context) error {
	for r.recontend() {
		if err := r.quiet(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recontend puts the changes that wait for values of others on the list of what is to be sent again, and tells whether there
// are any.
func (r *run) recontend() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.doubts.taken
	r.doubts.taken = nil
	for _, d := range waiting {
		r.flights.busy[d.p.Key].left = false
	}
	r.doubts.open = append(r.doubts.open, waiting...)
	return len(waiting) > 0
}
