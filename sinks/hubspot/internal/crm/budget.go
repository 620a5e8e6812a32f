package crm

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	startLimit  = 100 // requests in a window until headers tell: the least that any account has (API.md 9.1)
	startWindow = 10 * time.Second
	probes      = 2 // requests that go before the first answer: an exhausted limit refuses no more
	noLimit     = 1 << 30
	leastMargin = 250 * time.Millisecond
	peakWindows = 10 // windows over which the longest and the shortest round trip are forgotten, mostly
	knownAfter  = 20 // answers after which the shortest round trip is believed
	marginParts = 5  // the part of a margin that is left where the way of a request is known

	sharedWindows = 6  // windows after which others that aren't seen are believed to be gone
	sharedSpare   = 36 // the part of a limit that is left unused for others that are growing
)

// A budget keeps requests within a limit per rolling window, as the server counts them, and grants in the order of
// asking.
//
// The server counts a request when it arrives, which is some time between its sending and its reply. The slot that it
// took is free again one window after that, so it is used again one window after min(reply, sending + margin): later
// than the arrival unless the way there took longer than the margin, which grows when the server says 429. What uses the
// slot again is under way as long as any request at least. So the slot is used earlier by that time, of which is known:
// of a request that was answered as soon as the quickest one, the way was no longer than that of any other. Measured
// against a strict server this fills 99 % of a window, and needs no rate, hence no burst or smoothing.
//
// Requests of others (or of this app before a restart) are seen in the headers, as a difference between what the
// server says is left and what we know of. They take slots as well: as many as were seen in the last window.
type budget struct {
	mu       sync.Mutex
	most     int  // upper bound of limit by config; 0 for none
	local    bool // the server is on this machine: without headers it has no limit, until it refuses something
	limit    int
	window   time.Duration
	probing  bool          // nothing was answered yet: no more than probes at a time
	flight   int           // granted, not answered
	held     times         // when the slots of answered requests are free
	foreign  peaks         // slots of others
	shared   time.Time     // until then others are believed to use the app
	margin   time.Duration // see above
	peak     time.Duration // longest round trip of late
	quickest time.Duration // shortest round trip of late
	answers  int           // that quickest is of, up to knownAfter
	adjusted time.Time     // last change after a 429
	eased    time.Time     // last change of margin
	resume   time.Time     // no grants before
	granted  int64
	queue    []*slot
	timer    *time.Timer
}

// A slot is one request's share of a budget.
type slot struct {
	b     *budget
	ready chan struct{} // closed when granted
	order int64         // of the grant
	own   int           // slots that our requests held at the grant, this one included
	send  time.Time
}

func newBudget(most int, local bool) *budget {
	b := &budget{most: most, local: local, window: startWindow, probing: true, margin: leastMargin}
	b.setLimit(startLimit)
	return b
}

func (b *budget) setLimit(n int) {
	if b.most > 0 {
		n = min(n, b.most)
	}
	b.limit = max(n, 1)
}

// acquire waits for a slot. A repeated request goes before those that are asked for the first time.
func (b *budget) acquire(ctx context.Context, again bool) (*slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &slot{b: b, ready: make(chan struct{})}
	b.mu.Lock()
	if again {
		b.queue = slices.Insert(b.queue, 0, s)
	} else {
		b.queue = append(b.queue, s)
	}
	b.wake(time.Now())
	b.mu.Unlock()
	select {
	case <-s.ready:
		return s, nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	i := slices.Index(b.queue, s)
	if i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
	}
	b.mu.Unlock()
	if i < 0 { // granted meanwhile
		s.cancel()
	}
	return nil, ctx.Err()
}

// wake grants what can be granted, and comes back when more can be. The caller holds b.mu.
func (b *budget) wake(now time.Time) {
	b.held.drop(now)
	b.foreign.drop(now)
	for len(b.queue) > 0 && b.free(now) {
		s := b.queue[0]
		b.queue = slices.Delete(b.queue, 0, 1)
		b.flight++
		b.granted++
		s.order, s.own, s.send = b.granted, b.flight+len(b.held), now
		close(s.ready)
	}
	if len(b.queue) == 0 {
		return
	}
	next := b.next(now)
	if next.IsZero() {
		return // an answer will wake
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(next.Sub(now), b.tick)
		return
	}
	b.timer.Reset(next.Sub(now))
}

// next returns when a slot may be free; zero if that takes an answer.
func (b *budget) next(now time.Time) time.Time {
	if b.resume.After(now) {
		return b.resume
	}
	var next time.Time
	if len(b.held) > 0 {
		next = b.held[0]
	}
	if len(b.foreign) > 0 && (next.IsZero() || b.foreign[0].until.Before(next)) {
		next = b.foreign[0].until
	}
	return next
}

func (b *budget) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wake(time.Now())
}

func (b *budget) free(now time.Time) bool {
	if now.Before(b.resume) || b.probing && b.flight >= probes {
		return false
	}
	return b.flight+len(b.held)+b.foreign.most() < b.limit
}

// share returns how much of the limit is in use, from 0 to 1.
func (b *budget) share() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit >= noLimit {
		return 0
	}
	b.held.drop(time.Now())
	return min(1, float64(b.flight+len(b.held)+b.foreign.most())/float64(b.limit))
}

// start says that the request is only sent now: a connection had to be made first.
func (s *slot) start(now time.Time) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.send = now
}

// cancel gives the slot back: the request was not sent.
func (s *slot) cancel() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.flight--
	s.b.wake(time.Now())
}

// done says that the request was answered, or given up. A zero quota says that no headers came.
func (s *slot) done(now time.Time, answered bool, q quota) {
	b := s.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flight--
	if b.probing && answered {
		b.probing = false
		if b.local && q.max == 0 {
			b.setLimit(noLimit)
		}
	}
	if q.interval > 0 {
		b.window = q.interval
	}
	if !q.refused { // whether a refused request counts is seen in the headers, as if it were somebody else's
		heap.Push(&b.held, s.send.Add(b.late(now.Sub(s.send))+b.window))
	}
	if answered && !q.refused {
		b.know(now.Sub(s.send))
	}
	b.learn(s, now, q)
	if q.refused {
		b.refuse(s, now, q)
	} else {
		b.ease(now)
	}
	b.peak = max(now.Sub(s.send), b.peak-b.peak/time.Duration(max(b.limit*peakWindows, 1)))
	b.wake(now)
}

// late returns how much later than one window after its sending the slot of a request is used again.
func (b *budget) late(trip time.Duration) time.Duration {
	late := min(trip, b.margin)
	if b.answers == knownAfter {
		late = min(late, max(0, trip-b.quickest)+b.margin/marginParts)
	}
	return late
}

// know takes the round trip of an answered request for the quickest of late, if it is. By a longer one the slots that are held
// would be free too early.
func (b *budget) know(trip time.Duration) {
	if b.answers == 0 {
		b.quickest = trip
	}
	if b.answers == knownAfter && trip < b.quickest {
		b.held.shift(b.quickest - trip)
	}
	b.answers = min(b.answers+1, knownAfter)
	b.quickest = min(trip, b.quickest+(trip-b.quickest)/time.Duration(max(b.limit*peakWindows, 1)))
}

// learn takes over the limit, and finds out how many requests of others the server has counted: those beyond all of
// ours that it can have counted when it answered. Once there are others, those of ours that were sent later aren't
// taken for counted before: that is closer, but may count a few too many as others'.
func (b *budget) learn(s *slot, now time.Time, q quota) {
	if q.max <= 0 {
		return
	}
	b.setLimit(q.max)
	if q.remaining < 0 {
		return
	}
	others := q.max - q.remaining - s.own
	if surely := others - int(b.granted-s.order); surely > 0 {
		b.shared = now.Add(sharedWindows * b.window)
	} else if now.After(b.shared) {
		return
	}
	b.foreign.add(others+b.limit/sharedSpare, now.Add(b.window))
}

// refuse answers a 429: the margin was too small, or others use the app. Of the many that one mistake brings, only
// the first counts.
func (b *budget) refuse(s *slot, now time.Time, q quota) {
	if q.wait > 0 && now.Add(q.wait).After(b.resume) {
		b.resume = now.Add(q.wait)
	}
	if !s.send.After(b.adjusted) {
		return
	}
	b.adjusted, b.eased = now, now
	if b.limit >= noLimit { // it has one, of which it says nothing: what it has accepted within a window
		b.setLimit(max(startLimit, len(b.held)))
		return
	}
	b.margin = min(2*b.margin, max(b.peak, leastMargin))
	b.shared = now.Add(sharedWindows * b.window)
	b.foreign.add(min(b.foreign.most()+max(b.limit/sharedSpare, 1), b.limit), now.Add(b.window))
}

// ease lets the margin shrink slowly while all goes well.
func (b *budget) ease(now time.Time) {
	if b.margin > leastMargin && now.Sub(b.eased) >= b.window {
		b.margin, b.eased = max(leastMargin, b.margin*9/10), now
	}
}
