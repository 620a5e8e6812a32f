package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/pipeline/failpoint"
)

// A doubt is a change whose answer was lost: it may or may not have been made, or may yet be.
type doubt struct {
	p         *pending
	next      time.Time // when to look again
	looked    time.Time // when it was last asked about: what was found then says nothing of later
	tries     int
	recalled  bool  // of an earlier process: its values are gone, and its row will be read again
	unwritten bool  // certainly not made: it can be repeated without a look
	silence   error // why it couldn't be looked up
}

// doubts are the changes that are looked at, or sent, once more. The run's mu guards them.
type doubts struct {
	open   []*doubt // to be looked at again
	untold []*doubt // left to the next run
	taken  []*doubt // refused for a value that another record has, to be sent once more
}

// How often, and how soon, what became of a write is asked again when asking fails.
const (
	settleTries = 6
	settlePause = time.Second
)

// longAgo is after what time the last request that an intent can have led to was sent, whatever the wire waited for.
const longAgo = 10 * time.Minute

// recall puts the doubts of earlier processes on the list, before anything new is read. Their requests were sent before
// this process took the lease; nothing better is known of when, unless they are very old.
func (r *run) recall(doubts []Doubt) {
	now := time.Now()
	byKey := map[string]*doubt{}
	for _, d := range doubts {
		r.intents.undecided[d.Group]++
		sent := now
		if d.Age > longAgo+r.limits.Landing {
			sent = now.Add(-r.limits.Landing)
		}
		groups, begun := []string{d.Group}, time.Time{}
		var tried []Sent
		if d.Action.makes() {
			begun = now.Add(-d.Age)
		}
		if older := byKey[d.Key]; older != nil {
			groups, tried = append(older.p.groups, groups...), older.p.tried
			if older.p.Version == d.Version && !older.p.Begun.IsZero() {
				begun = older.p.Begun
			}
		}
		if len(d.Sent) > 0 {
			tried = append(tried, d.Sent)
		}
		byKey[d.Key] = &doubt{next: now, recalled: true, unwritten: d.Decided, p: &pending{span: &span{undecided: 1}, groups: groups, tried: tried, attempt: d.Attempt, Change: Change{
			Key: d.Key, Version: d.Version, Hash: d.Hash, Action: d.Action, TraceID: d.TraceID, ID: d.ID, Match: d.Match, Sent: sent, Begun: begun}}}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		d := byKey[key]
		if d.unwritten { // decided: only a newer version has to wait
			r.flights.busy[key] = &flight{decided: true, hash: d.p.Hash, landing: d.p.Sent.Add(r.limits.Landing)}
			r.intents.landing = append(r.intents.landing, d.p)
			continue
		}
		r.flights.busy[key] = &flight{hash: d.p.Hash, recall: d.p.Version, attempt: d.p.attempt}
		r.doubts.open = append(r.doubts.open, d)
		r.flights.match(d.p) // its record may be there: no other row may make it
	}
}

// add puts a change of this run on the list. The caller holds mu.
func (ds *doubts) add(p *pending, now time.Time) {
	p.Sent = now
	ds.open = append(ds.open, &doubt{p: p, next: now})
}

// settle looks at the doubts whose time has come: it reads back what became of them, repeats what is safe to repeat,
// and leaves for later what may still land. It never guesses.
func (r *run) settle(ctx context.Context) error {
	r.mu.Lock()
	due := r.doubts.due(time.Now())
	r.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	var asked []Change
	for _, d := range due {
		d.looked = time.Now()
		if !d.unwritten {
			asked = append(asked, d.p.Change)
		}
	}
	var outcomes []Outcome
	var err error
	if len(asked) > 0 {
		failpoint.Reach("settle.before")
		outcomes, err = r.Sink.Settle(ctx, asked)
		failpoint.Reach("settle.after")
	}
	if errors.Is(err, ErrPaused) || ctx.Err() != nil {
		r.keepDoubts(due)
		return err
	}
	decided := byTrace(outcomes)
	for _, d := range due {
		o, ok := decided[d.p.TraceID]
		if again := r.conclude(ctx, d, o, ok, err); again != nil {
			return again
		}
	}
	r.sendNarrow(ctx)
	return nil
}

// due takes the doubts that it is time to look at off the list. The caller holds mu.
func (ds *doubts) due(now time.Time) (due []*doubt) {
	rest := ds.open[:0]
	for _, d := range ds.open {
		if d.next.After(now) {
			rest = append(rest, d)
		} else {
			due = append(due, d)
		}
	}
	ds.open = rest
	return due
}

func (r *run) keepDoubts(list []*doubt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doubts.open = append(r.doubts.open, list...)
}

// conclude acts on what reading back has told about one doubt.
func (r *run) conclude(ctx context.Context, d *doubt, o Outcome, ok bool, err error) error {
	p := d.p
	switch {
	case d.unwritten:
		r.resend(ctx, p)
	case !ok && r.limits.Unkeyed && p.Action == Create && err == nil:
		r.hold(d)
	case !ok:
		return r.askLater(d, err)
	case o.Verdict == Found && d.recalled && p.leaves() && d.looked.Sub(p.Sent) < r.limits.Landing: // it may yet be archived
		d.next = p.Sent.Add(r.limits.Landing)
		r.keepDoubts([]*doubt{d})
	case o.Verdict == Found, d.recalled && o.Verdict == Done && p.Action != Archive:
		return r.found(ctx, d, o)
	case o.Verdict == Done, o.Verdict == Refused:
		r.resolveDoubt(p, func() Decision { return r.decide(p, o) }, !d.recalled)
	case o.Verdict == Gone, p.ID != "": // Absent
		return r.gone(ctx, d, o)
	case d.looked.Sub(p.Sent) < r.limits.Landing:
		d.next = p.Sent.Add(r.limits.Landing)
		r.keepDoubts([]*doubt{d})
	case d.recalled:
		r.resolveDoubt(p, nil, false)
	default:
		return r.repeat(ctx, d)
	}
	return nil
}

// askLater keeps a doubt that couldn't be looked up, for a bounded number of times. Where the destination tells of others, or
// has written others since, it is left to the next run then, and this one goes on.
func (r *run) askLater(d *doubt, err error) error {
	if d.tries++; d.tries < settleTries {
		d.next = time.Now().Add(settlePause << d.tries)
		r.keepDoubts([]*doubt{d})
		return nil
	}
	if err == nil {
		err = errUntold
	}
	if r.leave(d, err) {
		return nil
	}
	r.keepDoubts([]*doubt{d})
	return fmt.Errorf("read back what became of the %s of key %q: %w; it stays in doubt and is settled by the next run", d.p.Action, d.p.Key, err)
}

var errUntold = errors.New("the destination's answer doesn't say")

// leave leaves a doubt to the next run, unless there are many, or nothing was heard of others: then it isn't the row.
func (r *run) leave(d *doubt, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	works := errors.Is(err, errUntold) || r.answers.heard > d.p.trial.heard
	if !works || len(r.doubts.untold) >= max(1, r.limits.Rows) {
		return false
	}
	r.flights.busy[d.p.Key].left = true
	d.silence = err
	r.doubts.untold = append(r.doubts.untold, d)
	return true
}

// untoldError returns an error if doubts were left to the next run.
func (r *run) untoldError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.doubts.untold) == 0 {
		return nil
	}
	d := r.doubts.untold[0]
	return fmt.Errorf("what became of %d rows, such as of the %s of key %q, can't be read back, and of others it can: they stay in doubt and are settled by the next run: %w",
		len(r.doubts.untold), d.p.Action, d.p.Key, d.silence)
}

// repeat sends a change once more, as the same version with the same trace id. Once its usual attempts are used up, there
// is no hurry any more: what was found to be there is repeated only when the last attempt can no longer take effect, and
// an outage that is shorter than that has ended.
func (r *run) repeat(ctx context.Context, d *doubt) error {
	p := d.p
	switch {
	case p.repeats+1 < settleTries:
		p.repeats++
		r.resend(ctx, p)
		return nil
	case d.looked.Before(p.Sent.Add(r.limits.Landing)):
		d.next = p.Sent.Add(r.limits.Landing)
		r.keepDoubts([]*doubt{d})
		return nil
	}
	p.repeats++
	return r.isolate(d)
}

// resend puts a change into a group again.
func (r *run) resend(ctx context.Context, p *pending) {
	failpoint.Reach("resend.before")
	if g := r.add(p); g != nil {
		r.send(ctx, g)
	}
}

// hold books a create whose outcome nobody can tell: it is never repeated blindly, but waits for a person.
func (r *run) hold(d *doubt) {
	failpoint.Reach("hold.before")
	p := d.p
	err := Rejectf("in_doubt", "the answer to the create was lost, and without a unique property nobody can tell whether the record was made: look for it in the destination, then use `sluice rejects retry ID` if it isn't there")
	r.resolveDoubt(p, func() Decision {
		r.books.report.Held++
		r.books.report.Review++
		return Decision{Key: p.Key, Version: p.Version, Hash: p.Hash, Held: true,
			Reject: &Reject{Key: p.Key, Place: p.Place, Stage: StageSink, Code: "in_doubt", Err: err}}
	}, !d.recalled)
}

// resolveDoubt ends a doubt: its decision, if there is one, is recorded by the next commit, and its intents are closed.
// A row of this run is counted; one of an earlier process will be read again and is counted then.
func (r *run) resolveDoubt(p *pending, decide func() Decision, counted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.span.undecided--
	r.books.notes.closed = append(r.books.notes.closed, r.intents.decided(p)...)
	f := &flight{decided: true, hash: p.Hash, landing: p.Sent.Add(r.limits.Landing)}
	if was := r.flights.busy[p.Key]; was != nil {
		f.recall, f.attempt = was.recall, was.attempt
	}
	if decide == nil { // it was never made, and can't be any more
		delete(r.flights.busy, p.Key)
		r.flights.unmatch(p.names(), p.Key)
		return
	}
	before := r.books.report
	d := decide()
	r.note(p, d)
	if !counted {
		r.books.report = before
		if d.Reject != nil {
			r.books.unread[p.Key] = true
		}
	}
	r.books.notes.landing = append(r.books.notes.landing, landing{p.Key, p.names(), f})
}
