package crm

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// A gate knows whether the account accepts requests at all: the daily limit is shared by all its private apps, and ends
// at midnight where the account is (API.md 9.1). No more requests are under way than are left of the day, so that none is
// refused at its end. The zero value is ready.
type gate struct {
	mu     sync.Mutex
	zone   *time.Location // nil: unknown
	paused *PausedError   // nil: open
	limit  int            // requests a day; 0: not told
	left   int            // of them, when it was last told
	told   int            // how often left was set; 0: not today
	flying int            // requests under way
	landed chan struct{}  // closed when one of them ends; nil: nobody waits
}

// zoneName returns the name of the account's time zone, "" if that isn't known.
func (g *gate) zoneName() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.zone == nil {
		return ""
	}
	return g.zone.String()
}

func (g *gate) setZone(name string) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.zone = zone
}

// check returns a *PausedError while nothing may be sent.
func (g *gate) check(now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut(now)
}

// shut returns a *PausedError while nothing may be sent. The caller holds mu.
func (g *gate) shut(now time.Time) error {
	if g.paused == nil {
		return nil
	}
	if !now.Before(g.paused.Until) {
		g.paused, g.told = nil, 0 // what is left of another day isn't told yet
		return nil
	}
	return g.paused
}

// enter waits until a request may be under way, besides those that are, and counts it as one until leave. It returns a
// *PausedError while nothing may be sent, or why ctx has ended; and what observe wants to know of the request.
func (g *gate) enter(ctx context.Context) (told int, err error) {
	for {
		landed, told, err := g.admit()
		if landed == nil {
			return told, err
		}
		select {
		case <-landed:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// admit lets a request through, or returns what is closed when another one has ended. Where one is alone its answer tells
// whether there is another.
func (g *gate) admit() (landed <-chan struct{}, told int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.shut(time.Now()); err != nil {
		return nil, 0, err
	}
	if g.told == 0 || g.flying == 0 || g.flying < g.left {
		g.flying++
		return nil, g.told, nil
	}
	if g.landed == nil {
		g.landed = make(chan struct{})
	}
	return g.landed, 0, nil
}

// leave ends a request that has entered.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	if g.landed != nil {
		close(g.landed)
		g.landed = nil
	}
}

// observe notes what an answer says of the day's requests, and pauses when the last of them is spent. Told is what enter
// returned: an answer that others have overtaken may tell of more than is left, one to a later request tells of another day.
func (g *gate) observe(header http.Header, told int, now time.Time) {
	left := headerInt(header, "X-HubSpot-RateLimit-Daily-Remaining", -1)
	if left < 0 {
		return
	}
	g.mu.Lock()
	if left < g.left || told == g.told {
		g.left, g.limit = left, headerInt(header, "X-HubSpot-RateLimit-Daily", 0)
		g.told++
	}
	g.mu.Unlock()
	if left == 0 {
		g.exhaust(now, nil)
	}
}

// daily returns how many requests a day the account has, and how many of them were left at the last answer that told; both
// are 0 if none did.
func (g *gate) daily() (limit, left int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.limit == 0 {
		return 0, 0
	}
	return g.limit, g.left
}

// exhaust pauses until the daily limit is reset.
func (g *gate) exhaust(now time.Time, told *Error) *PausedError {
	return g.pause(g.nextReset(now), "the account's daily limit of requests is used up", told)
}

func (g *gate) pause(until time.Time, reason string, told *Error) *PausedError {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused = &PausedError{Until: until, Reason: reason}
	if told != nil {
		g.paused.Err = told
	}
	return g.paused
}

// nextReset returns when the daily limit is reset: at the account's midnight, or at that of UTC where its zone isn't known.
func (g *gate) nextReset(now time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	zone := time.UTC
	if g.zone != nil {
		zone = g.zone
	}
	return nextDay(now.In(zone))
}

// nextDay returns when the day after t's begins where t is. That isn't midnight everywhere: where clocks are put forward
// at midnight, a day begins at one o'clock, and one was left out on Samoa.
func nextDay(t time.Time) time.Time {
	year, month, day := t.Date()
	next := time.Date(year, month, day+1, 0, 0, 0, 0, t.Location())
	for next.Day() == day { // what doesn't exist may have become an earlier time
		next = next.Add(time.Hour)
	}
	return next
}
