package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sourcegraph/conc/stream"

	"sluice/pipeline/failpoint"
	"sluice/pipeline/internal/digest"
)

// start opens a run: the account is known, the lease is taken, the doubts of earlier runs are on the list.
func (p *Pipeline) start(ctx context.Context, store Store, opts Options, stop context.CancelCauseFunc) (*run, error) {
	if opts.Plan != nil {
		opts.Limit = opts.Plan.Limit
	}
	var account string
	var resume Resume
	err := UntilDrained(ctx, opts.Drain, func(ctx context.Context) (err error) {
		if account, err = p.Sink.Account(ctx); err == nil {
			resume, err = store.Start(ctx, Begin{Pipeline: p.Name, Account: account, Fingerprint: p.Fingerprint, Full: opts.Full, FullEvery: p.FullEvery,
				OnLost: stop, Target: p.Sink.Limits().Object})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r := p.newRun(account, store, opts)
	r.resume = resume
	r.flights.landed = sync.NewCond(&r.mu)
	r.writes = stream.New().WithMaxGoroutines(max(1, r.limits.Writes))
	r.lookout.table = digest.NewTable(0)
	r.begin()
	if t, ok := p.Sink.(Throttle); ok {
		t.RestoreThrottle(resume.Throttle, resume.ThrottleAge)
	}
	r.recall(resume.Doubtful)
	failpoint.Reach("recall.after")
	return r, nil
}

// UntilDrained calls f with a context that also ends, for ErrInterrupted, as soon as drain is closed: f may be broken off
// anywhere, since nothing is in flight. It returns f's error, or what the context ended for.
func UntilDrained(ctx context.Context, drain <-chan struct{}, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-drain:
			cancel(ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return causeOf(ctx, f(ctx))
}

// newRun returns a run of which nothing is on its way. What it needs beyond that depends on whether it writes (see start) or
// only reads (see newAudit).
func (p *Pipeline) newRun(account string, store Store, opts Options) *run {
	r := &run{
		Pipeline: p, store: store, opts: opts, log: opts.Log, limits: p.Sink.Limits(), account: account, began: time.Now(),
		packing: packing{open: map[Action]*group{}}, aside: aside{deferred: map[string]item{}}, intents: intents{undecided: map[string]int{}},
		targets: targets{ids: map[recordKey]string{}, missed: map[recordKey]bool{}}, linking: linking{late: map[string]bool{}},
		flights:   flights{busy: map[string]*flight{}, matches: map[string]string{}, fresh: map[string]string{}},
		contested: contested{claimed: map[string][]string{}, spoiled: map[string][]Sent{}},
		yields:    yields{rows: map[string]yielded{}, lost: map[string]bool{}},
		books:     books{report: Report{Name: p.Name, Status: "running"}, linked: map[uint64]*linkedRow{}, unread: map[string]bool{}},
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if t, ok := p.Sink.(Throttle); ok {
		r.before = t.Requests()
	}
	return r
}

// begin settles where the source is read from. What has left it shows only when all of it is read: a mirror reads
// everything, every time, unless it says how often that is to be.
func (r *run) begin() {
	switch {
	case r.opts.From != nil:
		r.resume.Position = r.opts.From
	case r.opts.Plan != nil && r.opts.Plan.Full:
		r.resume.Position = nil // the store's stays as it is
	case r.limits.Mirror && r.FullEvery == 0:
		r.resume.Position = nil
	}
	if r.resume.Position == nil {
		r.watch()
	}
}

// watch has the keys that are read from now on remembered, for mirror.
func (r *run) watch() {
	if r.limits.Mirror {
		r.lookout.marks = true
	}
}
