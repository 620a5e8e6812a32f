package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// PlanOptions are the choices of one plan.
type PlanOptions struct {
	Options
	Rows int         // changes to be shown of each pipeline; the others are only counted
	Live bool        // old values are those that the destination has now, rather than those that were last sent
	Save *PlanWriter // gets what is to be written; may be nil
}

// A Planner plans pipelines one after the other, as runs would take them: what one of them makes is there for those after
// it. Nothing is written, neither to the destination nor to the state, and no lease is taken; runs may go on beside it.
//
// A plan is a run that is rehearsed: the same line, whose sink and store only take note. What they note of each changed
// row is a few dozen bytes; rows that aren't shown aren't kept.
type Planner struct {
	store Auditor
	opts  PlanOptions
	made  *newRecords
	done  []*rehearsal
}

// NewPlanner returns a planner of pipelines on what store knows; nil stands for a state on which nothing has run yet.
func NewPlanner(store Auditor, opts PlanOptions, pipelines ...*Pipeline) *Planner {
	if store == nil {
		store = blank{}
	}
	return &Planner{store: store, opts: opts, made: newRecordsFor(pipelines)}
}

// Plan returns what a run of this pipeline alone would do; see Planner. It returns the errors of Run, but no *HeldError.
func (p *Pipeline) Plan(ctx context.Context, store Auditor, opts PlanOptions) (Plan, error) {
	pl := NewPlanner(store, opts, p)
	err := pl.Plan(ctx, p)
	plans, ended := pl.End(ctx)
	return plans[0], errors.Join(err, ended)
}

// Plan plans the next pipeline. What becomes of it is returned by End, as far as it went if there is an error.
func (pl *Planner) Plan(ctx context.Context, p *Pipeline) error {
	return pl.PlanFrom(ctx, p, pl.opts.From)
}

// PlanFrom is Plan of a run with this Options.From.
func (pl *Planner) PlanFrom(ctx context.Context, p *Pipeline, from Position) error {
	opts := pl.opts.Options
	opts.From = from
	s := &rehearsal{Store: pl.store, pipeline: p, made: pl.made, most: pl.opts.Rows,
		live: pl.opts.Live, save: pl.opts.Save, plan: Plan{Name: p.Name, Status: "failed", Changes: []PlannedChange{}}}
	pl.done = append(pl.done, s)
	if _, ok := p.Sink.(Reader); pl.opts.Live && !ok {
		return fmt.Errorf("pipeline %q: its sink can't tell what the destination has", p.Name)
	}
	account, err := p.Sink.Account(ctx)
	if err != nil {
		return err
	}
	s.plan.Account = account
	s.resume, err = pl.store.Peek(ctx, Begin{Pipeline: p.Name, Account: account, Fingerprint: p.Fingerprint, Full: pl.opts.Full,
		FullEvery: p.FullEvery, Target: p.Sink.Limits().Object})
	if err != nil {
		return err
	}
	if s.save != nil {
		err = s.save.begin(&planPipeline{Name: p.Name, Account: account, Config: p.Config, Full: pl.opts.Full, Limit: pl.opts.Limit})
		if err != nil {
			return saved(err)
		}
	}
	err = s.rehearse(ctx, opts, (*Pipeline).Run)
	if err == nil && !pl.opts.AllowMassChange {
		if err = p.withinChange(ctx, pl.store, &s.plan); err != nil {
			s.plan.Status = "failed" // a run would write nothing
		}
	}
	return err
}

// End plans the links whose records are made by pipelines after their own, as the end of a run of all of them does, and
// returns the plans in their order.
func (pl *Planner) End(ctx context.Context) ([]Plan, error) {
	var errs []error
	plans := make([]Plan, len(pl.done))
	for i, s := range pl.done {
		if i < len(pl.done)-1 && s.plan.Status == StatusDone && s.plan.Park > 0 {
			errs = append(errs, s.rehearse(ctx, pl.opts.Options, func(p *Pipeline, ctx context.Context, store Store, opts Options) (Report, error) {
				return p.Relink(ctx, store, opts, s.report)
			}))
		}
		plans[i] = s.end(ctx, pl.done)
	}
	return plans, errors.Join(errs...)
}

// rehearse takes the pipeline's rows down the line, and books what comes of it.
func (s *rehearsal) rehearse(ctx context.Context, opts Options, run func(*Pipeline, context.Context, Store, Options) (Report, error)) error {
	if err := s.recallWaiting(ctx); err != nil {
		return err
	}
	p := *s.pipeline
	var unread error
	sink := &rehearsedSink{Sink: p.Sink, of: s}
	p.Sink, p.turns = sink, nil
	if s.live && !p.Sink.Limits().LinksOnly {
		p.look = func(row *pending) {
			if s.unread = append(s.unread, row); len(s.unread) >= readTogether && unread == nil {
				unread = s.readUnchanged(ctx)
			}
		}
	}
	if p.links != nil {
		p.links = sink
	}
	t, limited := s.pipeline.Sink.(Throttle)
	var before int64
	if limited {
		t.RestoreThrottle(s.resume.Throttle, s.resume.ThrottleAge)
		before = t.Requests()
	}
	report, err := run(&p, ctx, s, opts)
	if err == nil {
		err = errors.Join(unread, s.readUnchanged(ctx))
	}
	s.report = report
	s.plan.take(&report)
	if limited {
		s.plan.Requests += t.Requests() - before - s.asked
		s.asked = 0
	}
	if f, ok := s.pipeline.Sink.(Forecaster); ok {
		if limit, left := f.Daily(); limit > 0 {
			s.plan.Daily = &DailyBudget{Limit: int64(limit), Left: int64(left)}
		}
	}
	s.plan.Seconds = max(report.Seconds, s.pace(s.plan.Requests).Seconds())
	return err
}

// pace returns how long the destination's rate limit makes so many requests take.
func (s *rehearsal) pace(requests int64) time.Duration {
	f, ok := s.pipeline.Sink.(Forecaster)
	if !ok {
		return 0
	}
	limit, window := f.Rate()
	if limit <= 0 || requests <= int64(limit) {
		return 0
	}
	return time.Duration(float64(window) * float64(requests-int64(limit)) / float64(limit)).Round(time.Millisecond)
}

// A Forecaster is a Sink that can tell what its writes would come to, without making them. Its methods read at most what
// describes the destination, such as its labels.
type Forecaster interface {
	// ForeseeWrite returns what Write would return if nothing went wrong, and the number of requests that it would send.
	// The outcomes of records that would be made have no id.
	ForeseeWrite(ctx context.Context, changes []Change) ([]Outcome, int, error)

	// ForeseeLinks returns what Link would return if the destination has what Was says of each pair, and the number of
	// requests that it would send.
	ForeseeLinks(ctx context.Context, links []LinkChange) ([]LinkOutcome, int, error)

	// Rate returns how many requests the destination takes in a window, as far as that is known; 0 if there is no limit.
	Rate() (requests int, window time.Duration)

	// Daily returns how many requests the destination takes of the account in a day, and how many of them are left now; both
	// are 0 if that isn't known.
	Daily() (limit, left int)
}

// recallWaiting takes over the links that earlier runs have left waiting.
func (s *rehearsal) recallWaiting(ctx context.Context) error {
	if s.waiting != nil {
		return nil
	}
	s.written, s.waiting, s.linked = map[uint64]rehearsed{}, map[string][]LinkChange{}, map[string][]LinkOutcome{}
	s.taken = map[uint64]bool{}
	s.shown, s.kept, s.tried = map[string]int{}, map[string][]Kept{}, map[string][]Sent{}
	for _, d := range s.resume.Doubtful {
		if !d.Decided {
			s.tried[d.Key] = append(s.tried[d.Key], d.Sent)
		}
	}
	s.plan.Doubtful, s.resume.Doubtful = int64(len(s.tried)), nil
	if s.pipeline.links == nil {
		return nil
	}
	for page, err := range waitingPages(ctx, s.Store, s.pipeline.Name, BatchRows) {
		if err != nil {
			return err
		}
		for _, l := range page {
			s.waiting[l.Key] = append(s.waiting[l.Key], l)
		}
	}
	return nil
}
