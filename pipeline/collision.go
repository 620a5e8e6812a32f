package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// distinct rejects changes whose match value is another source key's: the destination folds both onto one record, and
// the two rows would overwrite each other for ever (I1).
func (r *run) distinct(ctx context.Context, changes []*pending) []*pending {
	under := r.underway(changes) // before the ledger is read, which has what is committed meanwhile
	owners, err := r.owners(ctx, changes)
	survivors, serr := r.survivors(ctx, changes)
	if err = errors.Join(err, serr); err != nil {
		r.fail(fmt.Errorf("look for rows of the same record: %w", err))
		return nil
	}
	kept := changes[:0]
	here := map[string]string{}
	for _, p := range changes {
		if owner, taken := survivors[p.ID]; taken && owner != p.Key && p.entry.Merged != "" {
			r.yield(p, owner, mergedError(p, p.ID, owner))
			continue
		}
		if claim, owner := takenBy(p, under, here, owners); owner != "" {
			r.yield(p, owner, r.collision(p, claim, owner))
			continue
		}
		for _, claim := range p.names() {
			here[claim] = p.Key
		}
		kept = append(kept, p)
	}
	return kept
}

// yield rejects a change whose record is that of another row, until that one has left the source or its record is gone.
func (r *run) yield(p *pending, owner string, err error) {
	r.drop(p, Reject{Key: p.Key, Place: p.Place, Stage: StageSink, Code: rejectCode(err), Err: err})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claim(owner)
	if len(r.yields.rows) < max(1, r.limits.Rows) {
		r.yields.rows[p.Key] = yielded{p, owner}
	}
}

// underway returns the keys of those on their way that have a claim of one of the changes.
func (r *run) underway(changes []*pending) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	under := map[string]string{}
	for _, p := range changes {
		for _, claim := range p.names() {
			if key, ok := r.flights.matches[claim]; ok {
				under[claim] = key
			}
		}
	}
	return under
}

// takenBy returns the other key that a change's record belongs to, and the claim which says so: one on its way, one before it,
// or one that the ledger has.
func takenBy(p *pending, under, here, owners map[string]string) (claim, owner string) {
	for _, claim := range p.names() {
		for _, known := range []map[string]string{under, here, owners} {
			if owner := known[claim]; owner != "" && owner != p.Key {
				return claim, owner
			}
		}
	}
	return "", ""
}

// onceLeft says what becomes of a row whose record is that of another one, when that one isn't there any more.
const onceLeft = "If that row has left the source, the run after the first that reads all of it writes this one"

// collision says that a change's record is another row's. Where it was found by something else than its match value, only the
// record can be named: the two rows need not have anything in common that the engine sees.
func (r *run) collision(p *pending, claim, owner string) error {
	if claim == p.Match {
		return Rejectf("key_collision", "%s %q leads to the record of the row with key %q: one record can't be two rows; take one of them out of the source, or make them differ in more than case or blanks. "+onceLeft,
			r.limits.Match, p.Match, owner)
	}
	return Rejectf("key_collision", "the row leads to record %s, which is that of the row with key %q: one record can't be two rows; take one of them out of the source, or correct what it is matched by. "+onceLeft,
		p.ID, owner)
}

// survivors returns, for records that others were merged into, the key of this pipeline that the record belongs to, by id.
func (r *run) survivors(ctx context.Context, changes []*pending) (map[string]string, error) {
	var ids []string
	for _, p := range changes {
		if p.entry.Merged != "" {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return r.store.Owners(ctx, r.Name, ids)
}

// owners returns, for claims of keys never written before, the key of this pipeline that has written the record.
func (r *run) owners(ctx context.Context, changes []*pending) (map[string]string, error) {
	var values, list []string
	for _, p := range changes {
		if p.entry.ID != "" {
			continue
		}
		if p.Match != "" {
			values = append(values, p.Match)
		}
		if p.ID != "" {
			list = append(list, p.ID)
		}
	}
	if len(values) == 0 && len(list) == 0 {
		return nil, nil
	}
	ids, err := r.store.Records(ctx, r.account, r.limits.Object, r.limits.Match, values)
	if err != nil || len(ids)+len(list) == 0 {
		return nil, err
	}
	for _, id := range ids {
		list = append(list, id)
	}
	keys, err := r.store.Owners(ctx, r.Name, list)
	owners := make(map[string]string, len(keys))
	for id, key := range keys {
		owners["\x00"+id] = key
	}
	for value, id := range ids {
		if key, ok := keys[id]; ok {
			owners[value] = key
		}
	}
	return owners, err
}

// A row is rejected because another one has its record. If the run learns afterwards that this record is gone, and nobody asks for
// it back, the row is looked at once more: it would be written by the next run, or, where a cursor has passed it, by none.

// yields are the changes that may be looked at once more. The run's mu guards them.
type yields struct {
	rows map[string]yielded // by key; only some are kept
	lost map[string]bool    // keys whose records have turned out to be gone
}

// yielded is a change that was rejected for the record of another row.
type yielded struct {
	p     *pending
	owner string
}

// resumeYielded sends the changes on their way that were rejected for records which are gone by now, and returns when they are decided.
func (r *run) resumeYielded(ctx context.Context) error {
	changes := r.takeYielded()
	if len(changes) == 0 {
		return nil
	}
	for _, p := range r.distinct(ctx, changes) {
		if g := r.add(p); g != nil {
			r.send(ctx, g)
		}
	}
	return r.quiet(ctx)
}

// takeYielded takes those changes off the list, and back into the books as if they hadn't been rejected. What the run's plan doesn't
// have stays rejected.
func (r *run) takeYielded() (changes []*pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, y := range r.yields.rows {
		if r.yields.lost[y.owner] && r.planned(y.p) {
			y.p.span, y.p.read = &span{undecided: 1}, false
			changes = append(changes, y.p)
			r.books.report.Rejected--
			r.window.forgive()
		}
	}
	clear(r.yields.rows)
	slices.SortFunc(changes, func(a, b *pending) int { return strings.Compare(a.Key, b.Key) })
	return changes
}
