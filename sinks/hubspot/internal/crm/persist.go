package crm

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Policies of a 429 (API.md 9.3).
const (
	policyDaily  = "DAILY"
	policySecond = "SECONDLY"
)

// firstContact is how often a server is tried that has never answered: it is more likely to be the wrong one.
const firstContact = 4

// A persistence decides how often a call is made. This is the only place where anything is repeated.
type persistence struct {
	client  *Client
	call    *call
	sends   int
	most    int // sends for want of a usable answer; 0: as many as Retry allows
	renewed bool
	effect  Effect // of all sends together
	waited  time.Duration
	began   time.Time
}

type briefly struct{}

// Briefly returns a context whose calls are sent no more than so often for want of a usable answer, instead of as often as
// Retry allows: for who looks for the one of many inputs that is to blame.
func Briefly(ctx context.Context, sends int) context.Context {
	return context.WithValue(ctx, briefly{}, sends)
}

// A decision is what to do about an error: stop with it, stop until another day, or wait and send again.
type decision struct {
	again  bool
	wait   time.Duration
	reason string
	paused *PausedError
}

// wait returns nil when the call is to be made again, or the error that ends it.
func (p *persistence) wait(ctx context.Context, err error, token string) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	p.effect = max(p.effect, e.Effect)
	var d decision
	if ctx.Err() == nil {
		d = p.decide(ctx, e, token)
	}
	if e.Effect = p.effect; p.call.reads() {
		e.Effect = NoEffect
	}
	e.attempts = p.sends
	switch {
	case d.paused != nil:
		return d.paused
	case !d.again:
		return e
	case d.wait == 0:
		return nil
	}
	p.waited += d.wait
	p.tell(ctx, e, d)
	if err := sleep(ctx, d.wait); err != nil {
		e.cause = err
		return e
	}
	return nil
}

// A short wait isn't worth a word; of a longer one, and of many at the same time, there is one from time to time, so that
// nobody takes a run that waits for one that hangs.
const (
	shortWait    = 10 * time.Second
	betweenWords = 30 * time.Second
)

// tell logs what is waited for.
func (p *persistence) tell(ctx context.Context, e *Error, d decision) {
	level := slog.LevelDebug
	so := time.Since(p.began)
	if p.client.words.due(time.Now(), so+d.wait >= shortWait) {
		level = slog.LevelWarn
	}
	p.client.log.Log(ctx, level, "waiting for hubspot", "reason", d.reason, "error", e, "so_far", so.Round(time.Second), "again_in", d.wait.Round(time.Second))
}

// words are rare: due tells whether it is time for another one. What goes on after one is worth a word however short it is.
// The zero value is ready.
type words struct {
	mu   sync.Mutex
	last time.Time
}

func (w *words) due(now time.Time, long bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := now.Sub(w.last)
	if since < betweenWords || !long && since > 4*betweenWords {
		return false
	}
	w.last = now
	return true
}

func (p *persistence) decide(ctx context.Context, e *Error, token string) decision {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return p.throttled(e)
	case e.Status == statusMigrating:
		return p.within(e, orDefault(e.retryAfter, time.Minute), "hubspot is moving the account to another data centre")
	case e.Status == http.StatusLocked:
		return p.bounded(p.client.retry.Lock+p.client.jitter(p.client.retry.Lock/4), "records are locked by other work")
	case e.Status == http.StatusUnauthorized && !p.renewed:
		return p.renew(ctx, e, token)
	case e.temporary:
		return p.connecting(e)
	case p.call.safe && e.Passing() && (p.most == 0 || p.sends < p.most):
		return p.bounded(max(p.backoff(), e.retryAfter), "no usable answer")
	}
	return decision{}
}

// Passing tells whether an error says nothing against trying again: there was no usable answer.
func (e *Error) Passing() bool {
	return e.Status/100 == 2 || e.Status >= 500 || e.Status == http.StatusRequestTimeout || e.Status == 0 && e.Effect == Unknown
}

// throttled answers a 429 by its policy. Nothing of the request was done (API.md 9.3).
func (p *persistence) throttled(e *Error) decision {
	now := time.Now()
	var wait time.Duration
	switch {
	case e.Policy == policyDaily:
		return decision{paused: p.client.gate.exhaust(now, e)}
	case p.client.shutsOut(e):
		return decision{paused: p.client.shutOut(e)}
	case e.retryAfter > 0:
		wait = e.retryAfter
	case e.Policy == policySecond || e.Policy == "TEN_SECONDLY_ROLLING":
		// The budget knows when the next slot is free; this is for what it can't see.
		wait = min(time.Duration(p.sends)*time.Second, startWindow)
	default:
		wait = startWindow
	}
	return p.within(e, wait+p.client.jitter(wait/4), rateLimited)
}

const rateLimited = "hubspot's rate limit is reached"

// shutsOut tells whether an error is a 429 that asks for a longer wait than there is patience for.
func (c *Client) shutsOut(e *Error) bool {
	return e.Status == http.StatusTooManyRequests && e.retryAfter > c.retry.Patience
}

// shutOut pauses everything for as long as a 429 asks: requests that wait for their turn would wait as long, and say nothing.
func (c *Client) shutOut(e *Error) *PausedError {
	return c.gate.pause(time.Now().Add(e.retryAfter), rateLimited, e)
}

// within waits as long as there is patience for it, and pauses otherwise.
func (p *persistence) within(e *Error, wait time.Duration, reason string) decision {
	if p.waited+wait <= p.client.retry.Patience {
		return decision{again: true, wait: wait, reason: reason}
	}
	if e.Status == statusMigrating {
		return decision{paused: p.client.gate.pause(time.Now().Add(wait), reason, e)}
	}
	return decision{paused: &PausedError{Until: time.Now().Add(wait), Reason: reason, Err: e}}
}

// bounded waits as long as there are attempts and patience left, and gives up otherwise.
func (p *persistence) bounded(wait time.Duration, reason string) decision {
	if p.sends >= p.client.retry.Attempts || p.waited+wait > p.client.retry.Patience {
		return decision{}
	}
	return decision{again: true, wait: wait, reason: reason}
}

func (p *persistence) connecting(e *Error) decision {
	if e.Status == 0 && !p.client.answered.Load() && p.sends >= firstContact {
		e.Hint = "check base_url and the network"
		return decision{}
	}
	return p.bounded(p.backoff(), "hubspot can't be reached")
}

// renew trades a refused token for another, once a call. A trade that fails for a while is one that the next send makes.
func (p *persistence) renew(ctx context.Context, e *Error, token string) decision {
	p.renewed = true
	ok, err := p.client.auth.renew(ctx, token)
	if refused, is := errors.AsType[*Error](err); is {
		*e = *refused
	}
	if e.temporary {
		return p.connecting(e)
	}
	return decision{again: ok}
}

// backoff returns the wait after a failure: doubled each time, and somewhere in its upper half.
func (p *persistence) backoff() time.Duration {
	r := p.client.retry
	wait := r.MaxBackoff
	if shift := p.sends - 1; shift < 20 {
		wait = min(r.Backoff<<shift, r.MaxBackoff)
	}
	return wait/2 + p.client.jitter(wait/2)
}

// byChance returns up to d.
func byChance(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
