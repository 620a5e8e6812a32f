package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/sourcegraph/conc/pool"

	"sluice/pipeline/internal/digest"
)

// Nearly all rows are unchanged, and must cost next to nothing. A run reads the digest of its ledger into a table, and books
// rows whose content is the table's without asking the store. Every other row, and every key of which anything is or may be
// on its way, takes the way through the ledger: what the table doesn't know, or knows no longer, is asked. The table also
// holds which keys were seen, for mirror.

// A lookout is a run's table, and what it needs to look up a batch. Only the reading goroutine uses it, but for the table and
// strays: those are guarded by mu, since commits change them; it is taken last.
type lookout struct {
	mu     sync.Mutex
	table  *digest.Table
	marks  bool  // all keys are to be remembered that the source has
	loaded bool  // the table holds the digest
	strays bool  // keys were decided that the source hadn't shown by then, of earlier processes: the table may not know them
	size   int64 // entries of the digest, once sized
	sized  bool

	// Of the rows of a batch.
	keys     []uint64
	contents []uint64
	same     []bool // the content is the table's
}

// A run that goes on from a checkpoint may have little to read. It reads the digest once it has read one row for each
// entriesPerRow entries of it: to read so many entries takes no longer than to look one row up in the ledger.
const entriesPerRow = 64

// A digest is compacted when it has more superseded entries than a quarter of its keys and supersededMost beside, or lies in
// more pieces than one for each pieceEntries entries and piecesMost beside: to read a piece takes as long as many entries.
const (
	supersededMost = 10_000
	piecesMost     = 1000
	pieceEntries   = 1024
)

// partEntries is the number of entries in one part of a digest that was compacted.
const partEntries = 1 << 15

// A table is made with room for one key in newKeysShare more than the ledger has, for keys that are new: while a table grows,
// its memory is there twice.
const newKeysShare = 32

// load reads the digest once that is worth it. Nothing of the run may be on its way to the store meanwhile: what a commit
// changes then could be missed.
func (r *run) load(ctx context.Context) (err error) {
	l := &r.lookout
	if l.table == nil || l.loaded || r.look != nil {
		return nil
	}
	if !l.sized {
		if l.size, err = r.store.DigestSize(ctx, r.Name); err != nil {
			return fmt.Errorf("compare with the ledger: %w", err)
		}
		l.sized = true
	}
	if r.resume.Position != nil && !l.marks && r.books.report.Read*entriesPerRow < l.size {
		return nil
	}
	r.land()
	if err := r.failed(); err != nil {
		return err
	}
	l.loaded = true
	if err := r.readDigest(ctx); err != nil {
		return fmt.Errorf("compare with the ledger: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.flights.busy {
		l.table.Forget(digest.Key(key))
	}
	for key := range r.aside.deferred {
		l.table.Forget(digest.Key(key))
	}
	for i := range r.aside.pooled {
		l.table.Forget(digest.Key(r.aside.pooled[i].Key))
	}
	return nil
}

// readDigest fills the table, and compacts the digest if much of it is of no use any more.
func (r *run) readDigest(ctx context.Context) error {
	l := &r.lookout
	l.table.Reserve(int(l.size + l.size/newKeysShare))
	entries, pieces := 0, 0
	filling := pool.New().WithMaxGoroutines(1) // one piece after the other, while the next is read
	number, err := r.store.Digest(ctx, r.Name, r.resume.Epoch, func(packed []byte) error {
		entries += len(packed) / digest.Size
		pieces++
		filling.Go(func() { l.table.Load(packed) })
		return ctx.Err()
	})
	filling.Wait()
	superseded := entries >= l.table.Len()/4*5+supersededMost
	scattered := pieces >= entries/pieceEntries+piecesMost
	if err != nil || !superseded && !scattered {
		return err
	}
	return r.store.Compact(ctx, r.Name, r.resume.Epoch, number, l.table.Packed(partEntries))
}

// sift books the rows of a batch that are unchanged for certain, and returns the others, whose values stay valid. Of a key that
// comes more than once all rows are returned, since the last of them counts.
func (r *run) sift(items []item) []item {
	l := &r.lookout
	if len(items) == 0 {
		return items
	}
	unchanged, batch := 0, items[0].span
	rest := items[:0]
	r.lookout.mu.Lock()
	l.probe(items)
	for i := range items {
		if l.same[i] {
			unchanged++
			continue
		}
		l.table.Forget(l.keys[i])
		l.see(l.keys[i])
		r.own(items[i].Values)
		rest = append(rest, items[i])
	}
	r.lookout.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	batch.undecided -= unchanged
	r.books.report.Unchanged += int64(unchanged)
	r.accept(unchanged)
	return rest
}

// probe sets same for the rows of a batch whose content is the table's and whose key comes once.
func (l *lookout) probe(items []item) {
	n := len(items)
	l.keys, l.contents, l.same = slices.Grow(l.keys[:0], n)[:n], slices.Grow(l.contents[:0], n)[:n], slices.Grow(l.same[:0], n)[:n]
	for i := range items {
		it := &items[i]
		l.keys[i], l.contents[i] = digest.Key(it.Key), digest.Content(it.hash)
	}
	if !l.table.Probe(l.keys, l.contents, l.same) {
		return
	}
	times := make(map[uint64]int, len(items))
	for _, key := range l.keys {
		times[key]++
	}
	for i, key := range l.keys {
		l.same[i] = l.same[i] && times[key] == 1
	}
}

// forgetContents makes the run ask the ledger, rather than the table, about the keys that a commit is about to decide.
func (r *run) forgetContents(c *Commit) {
	if r.lookout.table == nil {
		return
	}
	r.lookout.mu.Lock()
	defer r.lookout.mu.Unlock()
	for i := range c.Decisions {
		key := digest.Key(c.Decisions[i].Key)
		r.lookout.table.Forget(key)
		r.lookout.strays = r.lookout.strays || r.lookout.marks && !r.lookout.table.Marked(key)
	}
	for i := range c.Links {
		r.lookout.table.Forget(digest.Key(c.Links[i].Key))
	}
}

// markSeen remembers that the source still has a key.
func (r *run) markSeen(key string) {
	if key != "" && r.lookout.table != nil {
		r.lookout.mu.Lock()
		defer r.lookout.mu.Unlock()
		r.lookout.see(digest.Key(key))
	}
}

// see remembers that the source has a key: any key for a mirror, and one that the digest has in any case. The caller holds
// the lookout's mu.
func (l *lookout) see(key uint64) {
	if l.marks {
		l.table.Mark(key)
	} else {
		l.table.See(key)
	}
}

// isMissed tells whether the ledger has had a key from before the run, and the source hasn't shown it.
func (r *run) isMissed(key string) bool {
	r.lookout.mu.Lock()
	defer r.lookout.mu.Unlock()
	return r.lookout.table.Missed(digest.Key(key))
}

// isSeen tells whether the source still has a key.
func (r *run) isSeen(key string) bool {
	r.lookout.mu.Lock()
	defer r.lookout.mu.Unlock()
	return r.lookout.table.Marked(digest.Key(key))
}

// seenAny tells whether the source has any key.
func (r *run) seenAny() bool { return r.lookout.table.Seen() > 0 }

// seenAll tells whether the source has all keys that the ledger has, as far as that is known without asking.
func (r *run) seenAll() bool {
	most, _, known := r.unseenAtMost()
	return known && most == 0
}

// unseenAtMost returns how many keys of the ledger the source doesn't have, at most, and how many keys it has; false if that
// isn't known without asking.
func (r *run) unseenAtMost() (unseen, seen int64, known bool) {
	r.lookout.mu.Lock()
	defer r.lookout.mu.Unlock()
	l := &r.lookout
	return int64(l.table.Unseen()), int64(l.table.Seen()), l.loaded && !l.strays
}
