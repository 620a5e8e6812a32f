package pipeline

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"time"
)

// A group is what one Write takes: changes of one action, no key twice.
type group struct {
	id      string
	changes []*pending
	bytes   int
	began   time.Time // when the first change was put into it
}

// A packing is the groups that are being filled. Only the reading goroutine uses it.
type packing struct {
	open    map[Action]*group // groups that still have room
	narrow  []*group          // of rows that are being isolated
	batches int               // source batches since the last commit was asked for
}

// pack lets the sink choose the action of each change, puts changes into groups, and returns those that are full. The
// rest goes on its way when the source ends, or when too many batches have gone by (see flush).
func (r *run) pack(ctx context.Context, changes []*pending) (full []*group) {
	for _, p := range r.onlyPlanned(r.prepare(ctx, changes)) {
		if g := r.add(p); g != nil {
			full = append(full, g)
		}
	}
	return full
}

// add puts one change into the open group of its action. It returns the group that had no room for it, if there is one.
func (r *run) add(p *pending) (full *group) {
	size := p.size()
	g := r.packing.open[p.Action]
	if g != nil && !r.fits(g, size) {
		g, full = nil, g
	}
	if g == nil {
		g = newGroup()
		r.packing.open[p.Action] = g
	}
	r.put(g, p, size)
	return full
}

func newGroup() *group { return &group{id: rand.Text(), began: time.Now()} }

// size returns roughly how much of a request a change takes.
func (p *pending) size() int {
	size := changeOverhead
	for _, v := range p.Values {
		size += len(v.Text()) + valueOverhead
	}
	return size
}

// fits tells whether a change of a size has room in a group.
func (r *run) fits(g *group, size int) bool {
	return len(g.changes) < r.limits.Rows && (r.limits.Bytes <= 0 || g.bytes+size <= r.limits.Bytes)
}

// put makes a change, whose key and record are busy from now on, part of a group.
func (r *run) put(g *group, p *pending, size int) {
	g.changes = append(g.changes, p)
	g.bytes += size
	r.mu.Lock()
	r.flights.take(p)
	r.mu.Unlock()
}

// Rough sizes of a change and of a value in a request, beside their text.
const (
	changeOverhead = 100
	valueOverhead  = 40
)

// flush sends the groups that aren't full, and what is noted.
func (r *run) flush(ctx context.Context) {
	for _, action := range slices.Sorted(maps.Keys(r.packing.open)) { // sorted, so that a simulation can be repeated
		g := r.packing.open[action]
		delete(r.packing.open, action)
		r.send(ctx, g)
	}
	r.sendNotes(ctx)
}

// oldest returns how long the first change has waited that is in a group which isn't full.
func (p *packing) oldest(now time.Time) (age time.Duration) {
	for _, g := range p.open {
		age = max(age, now.Sub(g.began))
	}
	return age
}

// sendNotes has what is noted committed, and lets the checkpoint follow: by a group without changes.
func (r *run) sendNotes(ctx context.Context) {
	r.mu.Lock()
	r.closeLanded(time.Now()) // also where no row is left to be read
	noted := r.books.due()
	r.mu.Unlock()
	if noted || r.packing.batches > 0 {
		r.packing.batches = 0
		r.send(ctx, &group{})
	}
}
