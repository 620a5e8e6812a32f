package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
)

// contested are the records that two rows stand for. The run's mu guards them.
type contested struct {
	claimed map[string][]string // keys whose record rows of other keys stand for → those that have been refused for it
	spoiled map[string][]Sent   // keys on their way whose record another row has overwritten, with what it sent
}

// found goes on with a change whose record was read back, but isn't known to hold the change. Where the record was merged
// into that of another row it is refused: the two would overwrite each other for ever. The attempt that got no answer may
// have done so already.
func (r *run) found(ctx context.Context, d *doubt, o Outcome) error {
	p := d.p
	rival, taken, err := r.rivalOf(ctx, p, o)
	if err != nil {
		r.keepDoubts([]*doubt{d})
		return err
	}
	if taken {
		r.mu.Lock()
		r.overwritten(rival, &p.Change, &r.books.notes.decisions)
		r.mu.Unlock()
	}
	switch {
	case d.recalled: // what its row's links should be is known only once the row is read again
		found := Decision{Key: p.Key, Version: p.Version - 1, ID: o.ID, Verdict: Found, Made: o.Made, Answer: o.Answer, Tried: p.tried,
			Stays: r.limits.Match == recordID}
		if p.ID != "" && p.ID != o.ID {
			found.Merged = p.ID
		}
		switch {
		case taken && p.Action == Upsert:
			found.ID = "" // stays the other row's alone
		case p.Action != Archive && !taken:
			known, err := r.store.Known(ctx, r.Name, []string{p.Key})
			if err != nil {
				r.keepDoubts([]*doubt{d})
				return fmt.Errorf("look for a row in doubt: %w", err)
			}
			found.Record = r.recordFound(p, &known[0], o.ID) // other rows with this match value are told whose record it is
			r.reserve(p, o.ID)
		}
		r.resolveDoubt(p, func() Decision { return found }, false)
	case taken:
		refusal := p.rivalry(o, rival.Key)
		r.resolveDoubt(p, func() Decision { return r.decide(p, refusal) }, true)
	default:
		p.made, p.moved = p.made || o.Made, p.led(o.ID)
		if r.reserve(p, o.ID); p.Action != Archive {
			p.Action = Update
		}
		return r.repeat(ctx, d)
	}
	return nil
}

// rivalOf returns the row whose record a change in doubt was found on, if that is another row. No commit about that row is on its
// way then: what its own change has become might be decided already, without regard to this one.
func (r *run) rivalOf(ctx context.Context, p *pending, o Outcome) (rival KeyedEntry, taken bool, err error) {
	o.Made = false // by an attempt, which need not be this row's
	look := func() {
		var rivals map[string]KeyedEntry
		rivals, err = r.rivals(ctx, []*pending{p}, map[string]Outcome{p.TraceID: o})
		rival, taken = rivals[p.TraceID]
	}
	if look(); taken {
		r.land()
		look()
	}
	return rival, taken, err
}

// reserve has a change go to the record that it was found on: until the ledger has that, no other row that is led there may have it.
func (r *run) reserve(p *pending, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.ID = id
	r.flights.match(p)
}

// claimant returns the row that is on its way to a record which the ledger has as no row's.
func (r *run) claimant(id string) (row KeyedEntry, taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row.Key, taken = r.flights.matches[idClaim(id)]
	return row, taken
}

// recordFound returns which record has the match value of a change of which it isn't known whether it was carried out; nil
// where the table of records has nothing to say about that. known is what the ledger knows of the row. A record that was
// found by its id may have the value that it was to get, or still the one before: then the table forgets both, and who
// looks for them asks the destination.
func (r *run) recordFound(p *pending, known *Entry, id string) *RecordID {
	record := r.recordOf(p, id)
	kept := known.ID == p.ID && cmp.Or(known.Match, p.Key) == p.Match
	if record != nil && p.ID != "" && !kept {
		record.ID = ""
	}
	return record
}

// rivalry returns the outcome of a change that was carried out on the record of another row.
func (p *pending) rivalry(o Outcome, owner string) Outcome {
	refusal := Outcome{TraceID: p.TraceID, Verdict: Refused, ID: o.ID, Answer: o.Answer}
	if p.Action == Update && !p.strayed() {
		refusal.Err = mergedError(p, o.ID, owner)
		if p.entry.ID == "" {
			refusal.ID = p.ID // as the ledger can't tell of a record that it never had that it was merged
		}
		return refusal
	}
	refusal.ID = "" // stays the other row's alone
	refusal.Err = Rejectf("key_collision", "%q leads to record %s, which is that of the row with key %q: one record can't be two rows; take one of them out of the source. "+onceRetried,
		p.Match, o.ID, owner)
	return refusal
}

// onceRetried says what becomes of a row whose record is that of another one, when that one isn't there any more, and the row's
// content counts as refused: to send it again while the other is there would overwrite the other's record each time.
const onceRetried = "Once only this one is left, use `sluice rejects retry`: it is written by the run after the first that reads all of the source"

// mergedError says that the record of a change is now that of another row.
func mergedError(p *pending, survivor, owner string) error {
	was := p.entry.ID
	if was == "" || was == survivor {
		was = "its record"
	}
	return Rejectf("merged", "%s was merged into record %s, which is that of the row with key %q: one record can't be two rows; take one of them out of the source. "+onceRetried,
		was, survivor, owner)
}

// rivals returns, for changes that were carried out on the record of another row, that row by trace id: updates of a record
// that was merged into it, and upserts by a value that has led to it, such as a contact's secondary address. The change has
// overwritten what is not its own. Of changes of one record that is no row's yet, the first has it.
func (r *run) rivals(ctx context.Context, changes []*pending, outcomes map[string]Outcome) (map[string]KeyedEntry, error) {
	var astray []*pending
	var ids []string
	for _, p := range changes {
		if o := outcomes[p.TraceID]; o.ID != "" && (o.Verdict == Done || o.Verdict == Found) && p.led(o.ID) {
			astray = append(astray, p)
			if !o.Made {
				ids = append(ids, o.ID)
			}
		}
	}
	owners, err := r.rowsOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look for rows of the same record: %w", err)
	}
	rivals, first := map[string]KeyedEntry{}, map[string]KeyedEntry{}
	for _, p := range astray {
		id := outcomes[p.TraceID].ID
		rival, taken := owners[id]
		if !taken {
			rival, taken = first[id]
		}
		if !taken {
			rival, taken = r.claimant(id)
		}
		if taken && rival.Key != p.Key {
			rivals[p.TraceID] = rival
		} else {
			first[id] = KeyedEntry{p.Key, p.entry}
		}
	}
	return rivals, nil
}

// rowsOf returns the rows of this pipeline that records belong to, by id. To a row whose own record was merged into it, and that
// wasn't written since, a record doesn't belong yet.
func (r *run) rowsOf(ctx context.Context, ids []string) (map[string]KeyedEntry, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	owners, err := r.store.Owners(ctx, r.Name, ids)
	if err != nil || len(owners) == 0 {
		return nil, err
	}
	ids = slices.Sorted(maps.Keys(owners))
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = owners[id]
	}
	entries, err := r.store.Known(ctx, r.Name, keys)
	if err != nil {
		return nil, err
	}
	rows := make(map[string]KeyedEntry, len(ids))
	for i, id := range ids {
		if e := &entries[i]; e.Merged == "" || e.Hash != (Hash{}) && e.Rejected == (Hash{}) {
			rows[id] = KeyedEntry{keys[i], *e}
		}
	}
	return rows, nil
}

// led tells whether the change was carried out on a record that it didn't ask for, at least not at first, or that the ledger
// doesn't show as the row's own.
func (p *pending) led(id string) bool {
	return p.Action == Update && (p.ID != id || p.moved || p.entry.Merged != "") || p.Action == Upsert && p.entry.ID != id
}

// strayed tells whether the change goes to a record that nothing but its match value, such as a second address, has led to.
func (p *pending) strayed() bool { return p.moved && p.entry.ID == "" }

// overwritten has the row that a record belongs to written again by the next run, since a change of another row was carried
// out on the record: the ledger no longer knows what it holds. Of a row that is on its way at the same time nobody knows which
// of the two came last, so that it is the same with it once it is decided. The caller holds mu.
func (r *run) overwritten(rival KeyedEntry, change *Change, decisions *[]Decision) {
	by := r.sharedBy(change)
	r.claim(rival.Key, change.Key)
	noted := slices.IndexFunc(*decisions, func(d Decision) bool { return d.Key == rival.Key && (d.Verdict == Done || d.Reject != nil) })
	switch f := r.flights.busy[rival.Key]; {
	case noted >= 0:
		d := &(*decisions)[noted]
		d.Verdict, d.Tried = Found, append(slices.Clip(d.Tried), by)
	case f == nil || f.decided:
		*decisions = append(*decisions, Decision{Key: rival.Key, Version: rival.Version, ID: rival.ID, Verdict: Found, Tried: []Sent{by}})
	default:
		r.contested.spoiled[rival.Key] = append(r.contested.spoiled[rival.Key], by)
	}
}

// takeSpoiled takes a row off the list of those whose record another row may have overwritten meanwhile, and returns with what;
// nil if it wasn't on the list. The caller holds mu.
func (c *contested) takeSpoiled(key string) []Sent {
	spoiled := c.spoiled[key]
	delete(c.spoiled, key)
	return spoiled
}
