package pipeline

import (
	"slices"
	"strings"
	"time"
)

// An aside is the rows that were read and are put off. Only the reading goroutine uses it.
type aside struct {
	deferred map[string]item // rows whose key is busy, newest version only
	pooled   []item          // rows that wait for others to be looked up with them
	since    time.Time       // when the first of them was pooled
}

// pooledFor is how long rows wait for others that are looked up with them.
const pooledFor = 100 * time.Millisecond

// pool keeps rows back until there are as many as a request takes, or all are asked for: to ask the ledger for a few costs
// nearly as much as to ask for a hundred. It returns the rows that are to be looked up now, of a key the older ones first.
func (r *run) pool(items []item, all bool) []item {
	older := append(r.freed(), r.aside.pooled...)
	if len(r.aside.pooled) == 0 {
		r.aside.since = time.Now()
	}
	if len(older) > 0 {
		items = append(older, items...)
	}
	if r.aside.pooled = nil; all || len(items) >= r.limits.Rows || time.Since(r.aside.since) >= pooledFor {
		return items
	}
	r.aside.pooled = slices.Clone(items)
	for i := len(older); i < len(items); i++ {
		r.aside.pooled[i].Values = slices.Clone(items[i].Values)
	}
	return nil
}

// newest keeps, of rows with the same key, the last; it postpones rows whose key is busy (I6).
func (r *run) newest(items []item) []item {
	last := make(map[string]int, len(items))
	for i := range items {
		last[items[i].Key] = i
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := items[:0]
	for i, it := range items {
		if last[it.Key] != i {
			r.books.report.Superseded++
			it.span.undecided--
			continue
		}
		if f := r.flights.of(it.Key); f != nil && !f.decided {
			r.postpone(it)
			continue
		}
		r.supersede(it.Key)
		kept = append(kept, it)
	}
	return kept
}

// postpone keeps a row until its key is free. Of several, only the newest is kept. The caller holds mu.
func (r *run) postpone(it item) {
	r.supersede(it.Key)
	it.Values = slices.Clone(it.Values)
	r.aside.deferred[it.Key] = it
}

// supersede drops the row of a key that was postponed, or is to be looked at once more, if there is one: a newer one has come. The
// caller holds mu.
func (r *run) supersede(key string) {
	delete(r.yields.rows, key)
	if old, ok := r.aside.deferred[key]; ok {
		r.books.report.Superseded++
		old.span.undecided--
		delete(r.aside.deferred, key)
	}
}

// freed takes the postponed rows whose key is free again off the list.
func (r *run) freed() []item {
	if len(r.aside.deferred) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var items []item
	for key, it := range r.aside.deferred {
		if r.flights.of(key) != nil {
			continue
		}
		delete(r.aside.deferred, key)
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.Key, b.Key) })
	return items
}
