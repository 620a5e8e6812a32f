package crm

import (
	"net/http"
	"sync"
	"time"
)

// A gate knows whether the account accepts requests at all: the daily limit is shared by all its private apps, and ends
// at midnight where the account is (API.md 9.1). The zero value is ready.
type gate struct {
	mu     sync.Mutex
	zone   *time.Location // nil: unknown
	paused *PausedError   // nil: open
	limit  int            // requests a day; 0: not told
	left   int            // of them, when it was last told
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
	if g.paused == nil {
		return nil
	}
	if !now.Before(g.paused.Until) {
		g.paused = nil
		return nil
	}
	return g.paused
}

// observe notes what an answer says of the day's requests, and pauses when the last of them is spent.
func (g *gate) observe(header http.Header, now time.Time) {
	left := headerInt(header, "X-HubSpot-RateLimit-Daily-Remaining", -1)
	if left < 0 {
		return
	}
	g.mu.Lock()
	g.left, g.limit = left, headerInt(header, "X-HubSpot-RateLimit-Daily", 0)
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
