package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sluice/pipeline/failpoint"
)

// With Limits.Mirror, what rows stand for is taken back once they have left the source: the links that this pipeline has
// written, and the records that it has made. What others have made is left alone. A row has left if no row of the source has
// its key any more, or if a filter drops it; one that is rejected, or held, is in the source.

// keysTogether is how many keys of the ledger are looked at together.
const keysTogether = 10_000

// mirror takes back what rows stand for that have left the source: only after one process has read all of it, with no row
// whose key it couldn't tell, and within the sink's quota.
func (r *run) mirror(ctx context.Context) error {
	if !r.reading.whole {
		return nil
	}
	if !r.lookout.marks {
		return r.letGo(ctx)
	}
	if r.reading.blind {
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
	n, seen, err := r.countUnseen(ctx)
	if n.alone > 0 {
		r.log.Info("rows have left the source that the plan doesn't take back: they are left alone", "pipeline", r.Name, "rows", n.alone)
	}
	if err == nil {
		err = r.withinQuota(ctx, n.leaving, n.there+r.written(seen))
	}
	if err != nil || n.leaving+n.handed == 0 || !r.seenAny() && !r.opts.AllowMassChange {
		return err
	}
	return r.takeBack(ctx)
}

// unseenCount is how many of the ledger's keys that the source doesn't have stand for something, and what becomes of that.
type unseenCount struct {
	there   int64 // stand for a record or a link
	leaving int64 // of there: taken back, by the quota
	handed  int64 // of there: let go to a row with another key
	alone   int64 // of there: left alone, as the plan doesn't take them back
}

// countUnseen counts them, and returns the number of the keys that the source has.
func (r *run) countUnseen(ctx context.Context) (n unseenCount, seen int64, err error) {
	seen, err = r.unseen(ctx, func(holdings []Holding) error {
		for i := range holdings {
			h := &holdings[i]
			parted := !h.Record && !r.limits.LinksOnly // it has gone over to another row
			if h.Record || h.Linked && !parted {
				n.there++
			}
			switch {
			case !r.leaving(h):
			case r.letBe(h.Key, anyVersion):
				n.alone++
			case parted, r.isClaimed(h.Key):
				n.handed++
			default:
				n.leaving++
			}
		}
		return nil
	})
	return n, seen, err
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

// written returns a lower bound of how many of so many keys that the source has stand for something: to count them would take
// longer than all else of a mirror. A row of links may stand for none.
func (r *run) written(seen int64) int64 {
	if r.limits.LinksOnly {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(0, seen-r.books.report.Rejected-r.books.report.Held)
}

// leaving tells whether a key has left the source, and something of it is to be taken back.
func (r *run) leaving(h *Holding) bool {
	return (h.Linked || h.Record && (h.Made || r.isClaimed(h.Key))) && !r.isSeen(h.Key) && !r.isLeft(h.Key)
}

// claim notes that a row stands for the record of another key. If that one has left, it lets the record go to the row, and
// the row is named where its content counts as refused until then. The caller holds mu.
func (r *run) claim(key string, refused ...string) {
	claimants := r.contested.claimed[key]
	for _, row := range refused {
		if !slices.Contains(claimants, row) {
			claimants = append(claimants, row)
		}
	}
	r.contested.claimed[key] = claimants
}

// letGo has rows that have left the source let those records go that rows of other keys stand for, where nothing else is taken
// back: a row whose key has changed would be refused for ever.
func (r *run) letGo(ctx context.Context) error {
	if r.reading.blind || !r.lookout.loaded || r.opts.Plan != nil {
		return nil
	}
	r.mu.Lock()
	claimed := slices.Sorted(maps.Keys(r.contested.claimed))
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
	_, claimed := r.contested.claimed[key]
	return claimed
}

// rereadFor has the next run read the whole source if rows stand for the records of keys that have left: a cursor has passed
// those rows, and it is the next run that is to write them.
func (r *run) rereadFor(left []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range left {
		if _, claimed := r.contested.claimed[key]; claimed {
			r.books.notes.reread = true
		}
	}
}

// readmit has the next run send the rows again that were refused because their records were those of rows that have left and
// let them go. Their dead letters stay until then.
func (r *run) readmit(ctx context.Context, left []string) error {
	var refused []string
	r.mu.Lock()
	for _, key := range left {
		refused = append(refused, r.contested.claimed[key]...)
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
			r.books.notes.decisions = append(r.books.notes.decisions, Decision{Key: key, Version: e.Version, Verdict: Refused})
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
	noted := r.books.notes.len()
	r.mu.Unlock()
	if noted >= notesKept {
		r.flush(ctx)
		r.land()
	}
	if err := errors.Join(r.settle(ctx), r.awaitDoubts(ctx)); err != nil {
		return err
	}
	r.observe()
	return r.failed()
}

// forget notes that a row has left the source: its links are to be removed, and its content is no longer known.
func (r *run) forget(e KeyedEntry) {
	p := &pending{entry: e.Entry, Change: Change{Key: e.Key, Version: e.Version + 1}}
	r.want(p, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(p, Decision{Key: e.Key, Version: p.Version, Verdict: Done, Links: p.wants, Before: &p.entry})
}
