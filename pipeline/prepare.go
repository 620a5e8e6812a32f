package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// prepare lets the sink choose each change's action, and books those that need no write or can't be written.
func (r *run) prepare(ctx context.Context, changes []*pending) []*pending {
	if len(changes) == 0 {
		return nil
	}
	list := make([]Change, len(changes))
	for i, p := range changes {
		list[i] = p.Change
	}
	outcomes, err := r.Sink.Prepare(ctx, list)
	if err != nil {
		r.fail(err)
		return nil
	}
	decided := byTrace(outcomes)
	var kept, made []*pending
	for i, p := range changes {
		p.Change = list[i]
		p.row = nil // belongs to the source from here on
		o, ok := decided[p.TraceID]
		switch {
		case ok:
			r.decideNow(p, o)
		case r.limits.CreateOnly && p.ID != "" && p.Match == "": // nothing but the id tells, and that is known
			r.decideNow(p, Outcome{TraceID: p.TraceID, Verdict: Done, ID: p.ID, NoOp: true})
		case r.limits.CreateOnly && p.ID != "":
			made = append(made, p)
		default:
			kept = append(kept, p)
		}
	}
	return r.distinct(ctx, append(kept, r.recognise(ctx, made)...))
}

// recognise takes creates whose record is there already, from an earlier run that was cut off before it knew: those whose
// record holds what the row says are done. It returns those that are to be written as updates.
func (r *run) recognise(ctx context.Context, made []*pending) (updates []*pending) {
	if len(made) == 0 {
		return nil
	}
	asked := make([]Change, len(made))
	for i, p := range made {
		p.Action, p.Sent = Create, time.Now()
		asked[i] = p.Change
	}
	outcomes, err := r.Sink.Settle(ctx, asked)
	if err != nil {
		r.fail(fmt.Errorf("read back records that an earlier run has made: %w", err))
		return nil
	}
	decided := byTrace(outcomes)
	for _, p := range made {
		switch o := decided[p.TraceID]; o.Verdict {
		case Done, Refused:
			o.NoOp, o.Same = true, o.Verdict == Done
			r.decideNow(p, o)
		case Found:
			p.Action, p.ID = Update, o.ID
			updates = append(updates, p)
		case Absent, Gone: // the ledger knows its id: it was made, and somebody has taken it away since
			r.mu.Lock()
			o = r.withoutRecord(p, o)
			r.mu.Unlock()
			if o.Verdict != Unwritten {
				r.decideNow(p, o)
				continue
			}
			p.Sent = time.Time{}
			updates = append(updates, p)
		default:
			r.mu.Lock()
			r.busy[p.Key] = &flight{hash: p.Hash}
			r.doubt(p, p.Sent)
			r.mu.Unlock()
		}
	}
	return updates
}

// decideNow books a change that the sink has decided without a write.
func (r *run) decideNow(p *pending, o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.span.undecided--
	r.note(p, r.decide(p, o))
}

// note keeps a decision for the next commit; until then its key is busy. The caller holds mu.
func (r *run) note(p *pending, d Decision) {
	r.notes.decisions = append(r.notes.decisions, d)
	r.notes.keys = append(r.notes.keys, p.Key)
	r.busy[p.Key] = &flight{hash: p.Hash}
}

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
			err := mergedError(p, p.ID, owner)
			r.drop(p, Reject{Key: p.Key, Place: p.Place, Stage: "sink", Code: rejectCode(err), Err: err})
			continue
		}
		if claim, owner := takenBy(p, under, here, owners); owner != "" {
			r.mu.Lock()
			r.claim(owner)
			r.mu.Unlock()
			err := r.collision(p, claim, owner)
			r.drop(p, Reject{Key: p.Key, Place: p.Place, Stage: "sink", Code: "key_collision", Err: err})
			continue
		}
		for _, claim := range p.names() {
			here[claim] = p.Key
		}
		kept = append(kept, p)
	}
	return kept
}

// underway returns the keys of those on their way that have a claim of one of the changes.
func (r *run) underway(changes []*pending) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	under := map[string]string{}
	for _, p := range changes {
		for _, claim := range p.names() {
			if key, ok := r.matches[claim]; ok {
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

// byTrace indexes outcomes by the trace id of their change: never by their place (see API.md 5.4).
func byTrace(outcomes []Outcome) map[string]Outcome {
	m := make(map[string]Outcome, len(outcomes))
	for _, o := range outcomes {
		m[o.TraceID] = o
	}
	return m
}
