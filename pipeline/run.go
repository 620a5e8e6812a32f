package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sourcegraph/conc/panics"
	"github.com/sourcegraph/conc/stream"
)

// Options are the choices of one run.
type Options struct {
	Full    bool            // ignore the checkpoint and read from the start
	From    Position        // of Pipeline.Since: read from there for once, and leave the checkpoint as it is; nil: from the checkpoint
	Limit   int64           // stop after this many rows; 0 means no limit
	Plan    *PlannedRun     // write what it has, and nothing else; it says what is read: neither Full, From nor Limit goes with it
	Drain   <-chan struct{} // when closed, the run stops reading, finishes what is in flight and returns ErrInterrupted
	Observe func(Report)    // called after every batch, from one goroutine; may be nil
	Log     *slog.Logger    // may be nil

	// AllowMassChange lets a run take back, or change, more than the sink's quotas allow.
	AllowMassChange bool
}

// ErrInterrupted says that a run stopped because it was asked to; it can be resumed.
var ErrInterrupted = errors.New("interrupted")

// Run writes every change that the source holds beyond the checkpoint, and reports what became of every row.
//
// Beside errors of its stages it returns a *HeldError or ErrFenced if another run has the pipeline, ErrPaused if the
// destination accepts nothing for long, and ErrInterrupted after a drain. After each of these the run can be resumed.
func (p *Pipeline) Run(ctx context.Context, store Store, opts Options) (Report, error) {
	foreseen := p.foresee(ctx, store, opts)
	if _, refused := errors.AsType[*ChangeQuotaError](foreseen); foreseen != nil && !refused {
		return Report{Name: p.Name, Status: statusOf(foreseen)}, foreseen
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	r, err := p.start(ctx, store, opts, stop)
	if err != nil {
		return Report{Name: p.Name, Status: statusOf(err)}, err
	}
	defer r.lookout.table.Close()
	if foreseen != nil {
		return r.finish(ctx, foreseen) // it is recorded as any run that failed
	}
	ctx = withHolder(withPermit(ctx, r.resume.Permit), r.holder)
	return r.finish(ctx, r.move(ctx))
}

// move takes all rows down the line, and ends the line.
func (r *run) move(ctx context.Context) error {
	defer r.writes.Wait()
	return r.stopped(ctx, r.line(ctx))
}

// line is the way of a row: source, transforms, comparison with the ledger, links, groups, and from there on its own (see
// send) intents, sink and commit.
func (r *run) line(ctx context.Context) error {
	if err := r.catchUp(ctx); err != nil {
		return err
	}
	for batch, err := range r.batches(ctx) {
		if err != nil {
			return err
		}
		rows, err := r.transform(ctx, batch)
		if err != nil {
			return err
		}
		changes, err := r.compare(ctx, rows)
		if err != nil {
			return err
		}
		changes, err = r.resolve(ctx, changes)
		if err != nil {
			return err
		}
		for _, group := range r.pack(ctx, changes) {
			r.send(ctx, group)
		}
		if err := r.meanwhile(ctx); err != nil {
			return err
		}
	}
	return r.complete(ctx)
}

// send puts a group on its way; it blocks while as many are on their way as the sink writes at one time. Groups are
// written concurrently, each after its intents are, and committed one after the other, in the order of sending.
func (r *run) send(ctx context.Context, g *group) {
	if len(g.changes) == 0 && r.failed() != nil {
		return
	}
	r.mu.Lock()
	r.flights.groups++
	r.mu.Unlock()
	r.writes.Go(func() stream.Callback {
		r.turn("write")
		var outcomes []Outcome
		var err error
		if caught := panics.Try(func() { outcomes, err = r.write(ctx, g) }); caught != nil {
			err = caught.AsError() // conc would run later callbacks all the same: the run has to know
		}
		return func() {
			r.turn("commit")
			if caught := panics.Try(func() { r.commit(ctx, g, outcomes, err) }); caught != nil {
				r.committed(g, notes{}, caught.AsError())
			}
		}
	})
	r.turn("read")
}

// turn lets a simulation order what goes on at one instant, so that a seed replays exactly.
func (r *run) turn(of string) {
	if r.turns != nil {
		r.turns(of)
	}
}

// A run is one pipeline on its way. Its parts say what they hold; their methods are beside them, in the files where the run uses
// them most. Those above mu are the reading goroutine's alone, the others are shared with the goroutines that write and commit.
type run struct {
	*Pipeline
	store   Store
	opts    Options
	log     *slog.Logger
	limits  Limits
	account string
	resume  Resume
	began   time.Time
	before  int64 // requests that the sink had sent when the run began
	writes  *stream.Stream

	reading reading // how far the source was read
	aside   aside   // rows that are put off
	packing packing // groups that are being filled
	targets targets // records that links lead to
	linking linking // links that wait
	lookout lookout // what the ledger has, and the source has shown; with a lock of its own

	mu        sync.Mutex   // guards all that follows
	flights   flights      // what is on its way
	contested contested    // records that two rows stand for
	yields    yields       // changes that were rejected for such a record
	intents   intents      // those that are open
	doubts    doubts       // changes that are looked at, or sent, once more
	answers   answers      // how well the destination answers
	books     books        // what became of the rows
	window    rejectWindow // how many of the last rows were rejected
	failure   failure      // why the run ends before its time
}

// draining tells whether the run was asked to stop.
func (r *run) draining() bool {
	select {
	case <-r.opts.Drain:
		return true
	default:
		return false
	}
}

func (r *run) throttle() []byte {
	if t, ok := r.Sink.(Throttle); ok {
		return t.SaveThrottle()
	}
	return nil
}

// incremental tells whether the source is read by a cursor.
func (p *Pipeline) incremental() bool {
	s, ok := p.Source.(Incremental)
	return ok && s.Incremental()
}
