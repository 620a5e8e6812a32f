package crm

import (
	"container/heap"
	"context"
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// limits are the budgets that requests share. Every request counts against the app's; those of associations have one
// more (API.md 9.1).
type limits struct {
	app          *budget
	associations *budget
	sent         atomic.Int64
	longest      time.Duration // Retry-After that is waited out; a longer one shuts the gate. 0: any
	restored     sync.Once
}

// A quota is what an answer says about a limit (API.md 9.2).
type quota struct {
	max       int // requests in a window; 0 if it isn't told
	remaining int // of them; -1 if it isn't told
	interval  time.Duration
	refused   bool          // the answer is a 429 of this limit
	wait      time.Duration // Retry-After of a 429
}

func newLimits(most int, local bool) *limits {
	return &limits{app: newBudget(most, local), associations: newBudget(most, local)}
}

// A ticket allows one request.
type ticket struct {
	limits *limits
	app    *slot
	second *slot // of associations; nil for other requests
}

// acquire waits until a request may be sent.
func (l *limits) acquire(ctx context.Context, associations, again bool) (*ticket, error) {
	t := &ticket{limits: l}
	var err error
	if associations {
		if t.second, err = l.associations.acquire(ctx, again); err != nil {
			return nil, err
		}
	}
	if t.app, err = l.app.acquire(ctx, again); err != nil {
		if t.second != nil {
			t.second.cancel()
		}
		return nil, err
	}
	return t, nil
}

// start says that the request goes out now.
func (t *ticket) start(now time.Time) {
	t.limits.sent.Add(1)
	t.app.start(now)
	if t.second != nil {
		t.second.start(now)
	}
}

// cancel says that the request did not go out.
func (t *ticket) cancel() {
	t.app.cancel()
	if t.second != nil {
		t.second.cancel()
	}
}

// done says that the request was answered with these headers, or got no answer (nil).
func (t *ticket) done(now time.Time, header http.Header, refused bool) {
	answered := header != nil
	q := readQuota(header)
	q.refused = refused
	if refused {
		q.wait = retryAfter(header, now)
	}
	if t.limits.longest > 0 && q.wait > t.limits.longest {
		q.wait = 0
	}
	if t.second == nil {
		t.app.done(now, answered, q)
		return
	}
	// The headers of an association call are of that limit, so they say nothing about the app's. Where they repeat the
	// app's they say nothing about the associations'.
	app := quota{remaining: -1, refused: refused, wait: q.wait}
	t.app.done(now, answered, app)
	if limit := t.limits.app.currentLimit(); q.max > 0 && q.max >= limit {
		q.max, q.remaining = associationLimit(q.max), -1
	}
	t.second.done(now, answered, q)
}

// rate returns the limit of the app, and its window; 0 where there is none.
func (b *budget) rate() (limit int, window time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit >= noLimit {
		return 0, b.window
	}
	return b.limit, b.window
}

func (b *budget) currentLimit() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit
}

// associationLimit returns the limit of associations of accounts with that limit of an app (API.md 9.1).
func associationLimit(app int) int {
	switch {
	case app <= 110:
		return min(app, 100)
	case app <= 190:
		return min(app, 150)
	case app <= 250:
		return min(app, 200)
	}
	return app // no account of HubSpot's
}

// maxInterval is the longest window that is believed in: a header that was garbled must not make requests wait for years.
const maxInterval = time.Hour

func readQuota(h http.Header) quota {
	ms := headerInt(h, "X-HubSpot-RateLimit-Interval-Milliseconds", 0)
	if ms > int(maxInterval.Milliseconds()) {
		ms = 0
	}
	return quota{
		max:       min(headerInt(h, "X-HubSpot-RateLimit-Max", 0), noLimit),
		remaining: min(headerInt(h, "X-HubSpot-RateLimit-Remaining", -1), noLimit),
		interval:  time.Duration(ms) * time.Millisecond,
	}
}

func headerInt(h http.Header, name string, missing int) int {
	n, err := strconv.Atoi(h.Get(name))
	if err != nil || n < 0 {
		return missing
	}
	return n
}

// retryAfter returns the wait that an answer asks for, in seconds or as a date; 0 if it asks for none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 48 * time.Hour
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return time.Duration(min(s, most.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), most)
	}
	return 0
}

const savedFormat = 1

func (l *limits) save() []byte {
	now := time.Now()
	return l.associations.save(l.app.save([]byte{savedFormat}, now), now)
}

// restore takes over what save returned, and returns what comes after it, if it is the first to do so.
func (l *limits) restore(saved []byte, age time.Duration) (rest []byte) {
	if len(saved) == 0 || saved[0] != savedFormat {
		return nil
	}
	l.restored.Do(func() {
		now := time.Now()
		more, ok := l.app.restore(saved[1:], max(age, 0), now)
		if ok {
			rest, _ = l.associations.restore(more, max(age, 0), now)
		}
	})
	return rest
}

// save appends the limit, and the milliseconds until each slot is free, as differences.
func (b *budget) save(to []byte, now time.Time) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held.drop(now)
	var free times
	if b.limit < noLimit {
		free = slices.Clone(b.held)
	}
	for range b.flight { // may have been sent just now
		free = append(free, now.Add(b.margin+b.window))
	}
	slices.SortFunc(free, time.Time.Compare)
	to = binary.AppendUvarint(to, uint64(b.limit))
	to = binary.AppendUvarint(to, uint64(len(free)))
	last := now
	for _, at := range free {
		ms := (at.Sub(last) + time.Millisecond - 1).Milliseconds()
		to = binary.AppendUvarint(to, uint64(ms))
		last = last.Add(time.Duration(ms) * time.Millisecond)
	}
	return to
}

// restore takes over what save appended, and returns what comes after it.
func (b *budget) restore(saved []byte, age time.Duration, now time.Time) (rest []byte, ok bool) {
	limit, saved, ok1 := uvarint(saved)
	count, saved, ok2 := uvarint(saved)
	if !ok1 || !ok2 || count > uint64(len(saved)) {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probing {
		b.setLimit(int(min(limit, 1<<30)))
	}
	at := now.Add(-age)
	for range count {
		var ms uint64
		if ms, saved, ok = uvarint(saved); !ok {
			return nil, false
		}
		at = at.Add(time.Duration(min(ms, 1<<20)) * time.Millisecond)
		if at.After(now) {
			heap.Push(&b.held, at)
		}
	}
	// What an answer has shown as somebody else's may have been these.
	b.foreign.lower(len(b.held))
	return saved, true
}

func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}
