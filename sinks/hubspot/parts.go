package hubspot

import (
	"context"
	"errors"
	"math/bits"

	"sluice/sinks/hubspot/internal/crm"
)

// A parts sends requests about many things, which are safe to repeat. Where a request is refused or gets no usable answer
// because of some of the things, it is sent again in smaller and smaller parts, until these are found.
type parts[T any] struct {
	// send sends one request. It returns the things that the answer says too little of: they are sent once more by themselves.
	send func(context.Context, []T) (open []T, err error)
	// blames tells whether a request may have been refused for one of the things.
	blames func(*crm.Error) bool
	// blame notes that a request with nothing but the thing was refused or, if it is silent, got no usable answer.
	blame func(thing T, e *crm.Error, silent bool)
	// excuse takes that back: the thing is sent again.
	excuse func(T)

	search *search[T] // nil while there was an answer to every request
}

// A search looks for the things because of which requests get no usable answer.
type search[T any] struct {
	silent   int  // requests in a row without a usable answer
	patience int  // how many of them it takes until it must be HubSpot, and not one of the things
	heard    bool // there was an answer since the search began
	blamed   []T  // that got none by themselves
}

// aloneTries is how often a request with one thing is sent before the thing is blamed that there is no usable answer.
const aloneTries = 3

// run sends the things. What a refusal of the whole request, or an answer that names nobody, leaves open is repeated in
// halves.
func (c *parts[T]) run(ctx context.Context, things []T) error {
	if len(things) == 0 {
		return nil
	}
	open, err := c.send(c.briefly(ctx, things), things)
	if err != nil {
		return c.failed(ctx, things, err)
	}
	c.heard()
	switch {
	case len(open) == 0:
		return nil
	case len(open) == 1 && len(things) > 1:
		return c.run(ctx, open)
	}
	return c.halves(ctx, open)
}

// failed goes on after a request that was refused as a whole, or got no usable answer.
func (c *parts[T]) failed(ctx context.Context, things []T, err error) error {
	e, ok := errors.AsType[*crm.Error](err)
	switch {
	case ok && e.Passing():
		return c.unanswered(ctx, things, e)
	case !ok || !c.blames(e):
		return explain(err)
	}
	c.heard()
	if len(things) == 1 {
		c.blame(things[0], e, false)
		return nil
	}
	return c.halves(ctx, things)
}

// unanswered goes on where the usual attempts are used up and there is no usable answer: in smaller and smaller requests, so
// that other things get theirs, down to one thing, which is to blame if HubSpot answers for others. If it answers for none,
// it is HubSpot that doesn't work.
func (c *parts[T]) unanswered(ctx context.Context, things []T, e *crm.Error) error {
	alone := len(things) == 1
	switch s := c.search; {
	case s == nil && alone:
		return explain(e)
	case s == nil:
		return c.searched(ctx, things, e)
	case s.silent >= s.patience:
		return explain(e)
	default:
		s.silent++
	}
	if !alone {
		return c.halves(ctx, things)
	}
	c.search.blamed = append(c.search.blamed, things[0])
	c.blame(things[0], e, true)
	return nil
}

// searched searches for what is to blame. What got no answer alone gets another chance at the end: HubSpot may not have
// worked when it was sent.
func (c *parts[T]) searched(ctx context.Context, things []T, e *crm.Error) error {
	s := &search[T]{patience: bits.Len(uint(len(things))) + 2*aloneTries}
	c.search = s
	defer func() { c.search = nil }()
	if err := c.halves(ctx, things); err != nil {
		return err
	}
	if !s.heard {
		return explain(e)
	}
	for _, thing := range s.blamed {
		c.excuse(thing)
		s.silent = 0
		if err := c.run(ctx, []T{thing}); err != nil {
			return err
		}
	}
	return nil
}

// briefly bounds the sends of a request during a search.
func (c *parts[T]) briefly(ctx context.Context, things []T) context.Context {
	switch {
	case c.search == nil:
		return ctx
	case len(things) == 1:
		return crm.Briefly(ctx, aloneTries)
	}
	return crm.Briefly(ctx, 1)
}

// heard notes that HubSpot has answered.
func (c *parts[T]) heard() {
	if c.search != nil {
		c.search.heard, c.search.silent = true, 0
	}
}

func (c *parts[T]) halves(ctx context.Context, things []T) error {
	middle := len(things) / 2
	if err := c.run(ctx, things[:middle]); err != nil {
		return err
	}
	return c.run(ctx, things[middle:])
}
