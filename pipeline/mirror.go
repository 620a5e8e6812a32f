package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/pipeline/failpoint"
)

// With Limits.Mirror, what rows stand for is taken back once they have left the source: the links that this pipeline has
// written, and the records that it has made. What others have made is left alone. A row has left if no row of the source has
// its key any more, or if a filter drops it; one that is rejected, or held, is in the source.

// keysTogether is how many keys of the ledger are looked at together.
const keysTogether = 10_000

// A MassChangeError says that a run would take back more than its sink's quota allows. Nothing was taken back; what the run
// has written stays.
type MassChangeError struct {
	Pipeline string
	Leaving  int64 // rows that have left the source, and of which something is to be taken back
	Known    int64 // rows of which something could be
	Quota    Quota
	Verb     string // "archived" or "unlinked"
	Empty    bool   // no row of the source was left after the filters
}

// Error names the numbers and what to do.
func (e *MassChangeError) Error() string {
	found := fmt.Sprintf("%d of the %d rows that pipeline %q has in the destination have left the source, more than the %d that max_archive allows (%s)",
		e.Leaving, e.Known, e.Pipeline, e.Quota.of(e.Known), &e.Quota)
	if e.Empty {
		found = fmt.Sprintf("the source of pipeline %q has no row, or none that its filters let pass, but the destination has %d by it", e.Pipeline, e.Leaving)
	}
	return fmt.Sprintf("%s: nothing was %s; see whether the source is complete, and if those rows have really left it, run again with --allow-mass-change",
		found, e.Verb)
}

// mirror takes back what rows stand for that have left the source: only after one process has read all of it, with no row
// whose key it couldn't tell, and within the sink's quota.
func (r *run) mirror(ctx context.Context) error {
	if !r.whole {
		return nil
	}
	if !r.lookout.marks {
		return r.letGo(ctx)
	}
	if r.blind {
		r.log.Warn("nothing is taken back: some rows of the source couldn't be read far enough to know their keys", "pipeline", r.Name)
		return nil
	}
	if r.seenAll() {
		return nil
	}
	if err := failpoint.At("mirror.before"); err != nil {
		return err
	}
	if r.uncounted() {
		return r.takeBack(ctx)
	}
	var there, leaving, handed, alone int64
	seen, err := r.unseen(ctx, func(holdings []Holding) error {
		for i := range holdings {
			h := &holdings[i]
			if h.Record || h.Linked {
				there++
			}
			switch {
			case !r.leaving(h):
			case r.letBe(h.Key, anyVersion):
				alone++
			case r.isClaimed(h.Key):
				handed++
			default:
				leaving++
			}
		}
		return nil
	})
	if alone > 0 {
		r.log.Info("rows have left the source that the plan doesn't take back: they are left alone", "pipeline", r.Name, "rows", alone)
	}
	if err == nil {
		err = r.withinQuota(ctx, leaving, there+r.written(seen))
	}
	if err != nil || leaving+handed == 0 || !r.seenAny() && !r.opts.AllowMassChange {
		return err
	}
	return r.takeBack(ctx)
}

// uncounted tells whether what has left needn't be counted: a mass change is allowed, or no more can have left than the quota
// allows, by what the table tells. Then it is taken back while the rest of the ledger's keys is still being read.
func (r *run) uncounted() bool {
	if r.opts.Plan != nil {
		return false
	}
	most, seen, known := r.unseenAtMost()
	return r.opts.AllowMassChange || known && seen > 0 && (r.limits.MaxArchive == nil || most <= r.limits.MaxArchive.of(r.written(seen)))
}

// unseen hands on what those of the ledger's keys stand for that the source doesn't have, a page at a time, and returns the
// number of the others.
func (r *run) unseen(ctx context.Context, each func([]Holding) error) (seen int64, err error) {
	for after := ""; ; {
		if err := failpoint.At("mirror.page"); err != nil {
			return seen, err
		}
		page, err := r.store.Keys(ctx, r.Name, after, keysTogether)
		if err != nil {
			return seen, fmt.Errorf("look for rows that have left the source: %w", err)
		}
		if r.draining() {
			return seen, ErrInterrupted
		}
		if len(page) == 0 {
			return seen, nil
		}
		after = page[len(page)-1]
		seen += int64(len(page))
		if page = slices.DeleteFunc(page, r.isSeen); len(page) == 0 {
			continue
		}
		seen -= int64(len(page))
		holdings, err := r.store.Holdings(ctx, r.Name, page)
		if err != nil {
			return seen, fmt.Errorf("look for rows that have left the source: %w", err)
		}
		if err := each(holdings); err != nil {
			return seen, err
		}
	}
}

// written returns how many of the keys that the source has stand for something, at least, if there are so many: to count them
// would take longer than all else of a mirror. A row of links may stand for none.
func (r *run) written(seen int64) int64 {
	if r.limits.LinksOnly {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(0, seen-r.report.Rejected-r.report.Held)
}

// withinQuota stops a run that would take back more than the sink allows, or everything. At least known rows stand for something.
func (r *run) withinQuota(ctx context.Context, leaving, known int64) error {
	if leaving == 0 || r.opts.AllowMassChange {
		return nil
	}
	empty, quota := !r.seenAny(), r.limits.MaxArchive
	if quota == nil {
		if empty {
			r.log.Warn("nothing is taken back: no row of the source is left after the filters", "pipeline", r.Name)
		}
		return nil
	}
	within := func(known int64) bool { return !empty && leaving <= quota.of(known) }
	if within(known) {
		return nil
	}
	known, err := r.store.CountHoldings(ctx, r.Name)
	if err != nil {
		return fmt.Errorf("count the rows that were written: %w", err)
	}
	if within(known) {
		return nil
	}
	verb := "archived"
	if r.limits.LinksOnly {
		verb = "unlinked"
	}
	return &MassChangeError{Pipeline: r.Name, Leaving: leaving, Known: known, Quota: *quota, Verb: verb, Empty: empty}
}

// leaving tells whether a key has left the source, and something of it is to be taken back.
func (r *run) leaving(h *Holding) bool {
	return (h.Linked || h.Record && (h.Made || r.isClaimed(h.Key))) && !r.isSeen(h.Key) && !r.isLeft(h.Key)
}

// claim notes that a row stands for the record of another key. If that one has left, it lets the record go to the row, and
// the row is named where its content counts as refused until then. The caller holds mu.
func (r *run) claim(key string, refused ...string) {
	claimants := r.claimed[key]
	for _, row := range refused {
		if !slices.Contains(claimants, row) {
			claimants = append(claimants, row)
		}
	}
	r.claimed[key] = claimants
}

// letGo has rows that have left the source let those records go that rows of other keys stand for, where nothing else is taken
// back: a row whose key has changed would be refused for ever.
func (r *run) letGo(ctx context.Context) error {
	if r.blind || !r.lookout.loaded || r.opts.Plan != nil {
		return nil
	}
	r.mu.Lock()
	claimed := slices.Sorted(maps.Keys(r.claimed))
	r.mu.Unlock()
	left := slices.DeleteFunc(claimed, func(key string) bool { return !r.isMissed(key) })
	if len(left) == 0 {
		return nil
	}
	r.log.Info("rows have left the source whose records other rows stand for: the next run writes those", "pipeline", r.Name, "rows", len(left))
	for some := range slices.Chunk(left, notesKept) {
		if err := r.dismiss(ctx, some); err != nil {
			return err
		}
	}
	return r.quiet(ctx)
}

func (r *run) isClaimed(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, claimed := r.claimed[key]
	return claimed
}

// rereadFor has the next run read the whole source if rows stand for the records of keys that have left: a cursor has passed
// those rows, and it is the next run that is to write them.
func (r *run) rereadFor(left []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range left {
		if _, claimed := r.claimed[key]; claimed {
			r.notes.reread = true
		}
	}
}

// readmit has the next run send the rows again that were refused because their records were those of rows that have left and
// let them go. Their dead letters stay until then.
func (r *run) readmit(ctx context.Context, left []string) error {
	var refused []string
	r.mu.Lock()
	for _, key := range left {
		refused = append(refused, r.claimed[key]...)
	}
	r.mu.Unlock()
	if len(refused) == 0 {
		return nil
	}
	entries, err := r.store.Known(ctx, r.Name, refused)
	if err != nil {
		return fmt.Errorf("look for rows that were refused: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, key := range refused {
		if e := entries[i]; e.Rejected != (Hash{}) {
			r.notes.decisions = append(r.notes.decisions, Decision{Key: key, Version: e.Version, Verdict: Refused})
		}
	}
	return nil
}

// takeBack takes back what the rows stand for that have left the source, and returns once that is decided.
func (r *run) takeBack(ctx context.Context) error {
	_, err := r.unseen(ctx, func(holdings []Holding) error {
		var left []string
		for i := range holdings {
			if h := &holdings[i]; r.leaving(h) && !r.letBe(h.Key, anyVersion) {
				left = append(left, h.Key)
			}
		}
		for some := range slices.Chunk(left, notesKept) {
			if err := r.dismiss(ctx, some); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.quiet(ctx)
}

// dismiss takes back what some rows stand for.
func (r *run) dismiss(ctx context.Context, keys []string) error {
	entries, err := r.store.Known(ctx, r.Name, keys)
	if err != nil {
		return fmt.Errorf("look for rows that have left the source: %w", err)
	}
	r.rereadFor(keys)
	var made []*pending
	for i, key := range keys {
		switch e := entries[i]; {
		case r.letBe(key, e.Version):
			r.log.Info("a row that has left the source was written since the plan was made: it is left alone", "pipeline", r.Name)
		case e.ID != "" && (e.Made || r.isClaimed(key)):
			made = append(made, r.leaver(key, e))
		case len(e.Links) > 0 || e.Waiting:
			r.forget(KeyedEntry{key, e})
		}
	}
	if len(made) > 0 {
		if err := r.archive(ctx, made); err != nil {
			return err
		}
	}
	if err := r.readmit(ctx, keys); err != nil {
		return err
	}
	r.mu.Lock()
	noted := r.notes.len()
	r.mu.Unlock()
	if noted >= notesKept {
		r.flush(ctx)
		r.land()
	}
	if err := errors.Join(r.settle(ctx), r.thin(ctx)); err != nil {
		return err
	}
	r.observe()
	return r.failed()
}

// leaver returns the archiving of the record of a row that has left the source. Its hash stands for no content, so that
// it is the same as that of no row.
func (r *run) leaver(key string, e Entry) *pending {
	p := &pending{entry: e, read: true, span: &span{undecided: 1}, Change: Change{Action: Archive, Key: key, Version: e.Version + 1, ID: e.ID}}
	if r.limits.Match != "" && r.limits.Match != recordID {
		p.Match = cmp.Or(e.Match, key)
	}
	p.TraceID = traceID(r.Name, p.Key, p.Version, p.Hash)
	return p
}

// leaves tells whether the change archives the record of a row that has left the source.
func (p *pending) leaves() bool { return p.Action == Archive && p.Hash == Hash{} }

// archive puts records of rows that have left the source on their way into the recycle bin, unless the sink finds that
// they aren't this pipeline's any more (see Keeper).
func (r *run) archive(ctx context.Context, leavers []*pending) error {
	if err := r.waitLanded(ctx, leavers); err != nil {
		return err
	}
	failpoint.Reach("archive.before")
	for _, p := range leavers {
		if r.isClaimed(p.Key) {
			r.decideNow(p, Outcome{TraceID: p.TraceID, Verdict: Done, ID: p.ID, NoOp: true})
		} else if g := r.add(p); g != nil {
			r.send(ctx, g)
		}
	}
	return nil
}

// waitLanded waits until no earlier attempt to write the rows can take effect any more: it would make the record again, or
// be overtaken (I4).
func (r *run) waitLanded(ctx context.Context, leavers []*pending) error {
	var landing time.Time
	r.mu.Lock()
	for _, p := range leavers {
		if f := r.flightOf(p.Key); f != nil && f.landing.After(landing) {
			landing = f.landing
		}
	}
	r.mu.Unlock()
	if landing.IsZero() {
		return nil
	}
	return r.pause(ctx, time.Until(landing))
}

// decideLeaver books what became of the record of a row that has left the source. The row isn't one of those that were read.
// The caller holds mu.
func (r *run) decideLeaver(p *pending, o Outcome) Decision {
	d := Decision{Key: p.Key, Version: p.Version, ID: p.ID, Verdict: o.Verdict, Answer: o.Answer}
	if o.Verdict == Refused {
		r.report.Review++
		d.Reject = &Reject{Key: p.Key, Stage: "sink", Code: rejectCode(o.Err), Err: o.Err, Answer: o.Answer}
		return d
	}
	if !o.NoOp {
		r.report.Archived++
		d.Action = Archive
	}
	d.Gone, d.Record, d.Before = true, r.recordOf(p, p.ID), p.before()
	return d
}

// letStay ends the archiving of a record that the sink couldn't look at: a later run does it. The caller holds mu.
func (r *run) letStay(p *pending) (closed []string) {
	r.log.Warn("a record of a row that has left the source can't be looked at now, and isn't archived by this run", "pipeline", r.Name, "record", p.ID)
	p.span.undecided--
	return r.decided(p)
}

// forget notes that a row has left the source: its links are to be removed, and its content is no longer known.
func (r *run) forget(e KeyedEntry) {
	p := &pending{entry: e.Entry, Change: Change{Key: e.Key, Version: e.Version + 1}}
	r.want(p, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(p, Decision{Key: e.Key, Version: p.Version, Verdict: Done, Links: p.wants, Before: &p.entry})
}
