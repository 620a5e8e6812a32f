package pipeline

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/sourcegraph/conc/panics"
	"github.com/sourcegraph/conc/stream"
)

// A group is what one Write takes: changes of one action, no key twice.
type group struct {
	id      string
	changes []*pending
	bytes   int
}

// notes are decisions and rejects that need no write. The next commit records them.
type notes struct {
	decisions []Decision
	keys      []string // of the decisions: busy until they are committed
	rejects   []Reject
	seen      []string
	closed    []string
	landing   []landing // of keys whose doubt has ended
}

func (n *notes) len() int { return len(n.decisions) + len(n.rejects) + len(n.seen) + len(n.closed) }

// pack lets the sink choose the action of each change and puts changes into groups. A group goes on its way when it is
// full; the rest when the source ends, or when too many batches have gone by.
func (r *run) pack(ctx context.Context, changes []*pending) {
	changes = r.prepare(ctx, changes)
	for _, p := range changes {
		r.add(ctx, p)
	}
}

// add puts one change into the open group of its action.
func (r *run) add(ctx context.Context, p *pending) {
	size := changeOverhead
	for _, v := range p.Values {
		size += len(v.text) + valueOverhead
	}
	g := r.open[p.Action]
	if g != nil && (len(g.changes) >= r.limits.Rows || r.limits.Bytes > 0 && g.bytes+size > r.limits.Bytes) {
		r.send(ctx, g)
		g = nil
	}
	if g == nil {
		g = &group{id: rand.Text()}
		r.open[p.Action] = g
	}
	g.changes = append(g.changes, p)
	g.bytes += size
	r.mu.Lock()
	r.busy[p.Key] = &flight{hash: p.Hash}
	if p.Match != "" {
		r.matches[p.Match] = p.Key
	}
	r.mu.Unlock()
	if len(g.changes) >= r.limits.Rows {
		r.send(ctx, g)
		delete(r.open, p.Action)
	}
}

// Rough sizes of a change and of a value in a request, beside their text.
const (
	changeOverhead = 100
	valueOverhead  = 40
)

// send puts a group on its way; it blocks while as many groups are on their way as the sink writes at one time.
func (r *run) send(ctx context.Context, g *group) {
	if len(g.changes) == 0 && r.failed() != nil {
		return
	}
	r.mu.Lock()
	r.flying++
	r.mu.Unlock()
	r.writes.Go(func() stream.Callback {
		var outcomes []Outcome
		var err error
		if caught := panics.Try(func() { outcomes, err = r.write(ctx, g) }); caught != nil {
			err = caught.AsError() // conc would run later callbacks all the same: the run has to know
		}
		return func() {
			if caught := panics.Try(func() { r.commit(ctx, g, outcomes, err) }); caught != nil {
				r.committed(g, notes{}, caught.AsError())
			}
		}
	})
}

// flush sends the groups that aren't full, and what is noted.
func (r *run) flush(ctx context.Context) {
	for action, g := range r.open {
		delete(r.open, action)
		r.send(ctx, g)
	}
	r.mu.Lock()
	noted := r.notes.len()
	r.mu.Unlock()
	if noted > 0 || r.batchNo > 0 {
		r.batchNo = 0
		r.send(ctx, &group{})
	}
}

// write writes down the group's intents (I5) and then lets the sink send it. If the run has failed meanwhile, nothing
// is sent.
func (r *run) write(ctx context.Context, g *group) ([]Outcome, error) {
	if len(g.changes) == 0 {
		return nil, nil
	}
	intents := make([]Intent, len(g.changes))
	changes := make([]Change, len(g.changes))
	unwritten := make([]Outcome, len(g.changes))
	for i, p := range g.changes {
		changes[i] = p.Change
		intents[i] = Intent{Key: p.Key, Version: p.Version, Hash: p.Hash, Action: p.Action, TraceID: p.TraceID, ID: p.ID, Match: p.Match}
		unwritten[i] = Outcome{TraceID: p.TraceID, Verdict: Unwritten}
	}
	if err := r.failed(); err != nil {
		return unwritten, err
	}
	err := r.store.Intend(ctx, Group{ID: g.id, Pipeline: r.Name, Epoch: r.resume.Epoch, Intents: intents, Throttle: r.throttle()})
	if err != nil {
		return unwritten, fmt.Errorf("write down what is about to be sent: %w", err)
	}
	r.mu.Lock()
	for _, p := range g.changes {
		p.groups = append(p.groups, g.id)
	}
	r.intents[g.id] = len(g.changes)
	r.mu.Unlock()
	return r.Sink.Write(ctx, changes)
}
