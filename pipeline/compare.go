package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"sluice/pipeline/failpoint"
)

// A pending change is on its way from the comparison to its decision.
type pending struct {
	Change
	entry   Entry
	read    bool // the entry is as it was read, and as the store still has it
	span    *span
	row     []Value      // the whole row, valid until the batch has been resolved; the texts in it stay
	wants   []LinkChange // links that the row asks for and the ledger doesn't show
	groups  []string     // intents that name it
	attempt int64        // intents written down for it, earlier processes' included
	repeats int          // attempts after the first of this process that have ended in doubt
	tried   []Sent       // what attempts have sent of shared fields
	lost    bool         // its record is gone from the destination
	made    bool         // an attempt without an answer has made its record
	moved   bool         // it goes by now to the record that it was found to have led to, which isn't the one it asked for
	refused int          // one more than the run had heard when it was last refused for a value that another record has; 0: it wasn't
	trial   trial
}

// before returns Decision.Before of a change that is done.
func (p *pending) before() *Entry {
	if !p.read {
		return nil
	}
	return &p.entry
}

// compare looks rows up in the ledger and returns those that must be written. What is unchanged, remembered as
// rejected, or held is booked here and costs no request (I9). Without rows it looks up what was pooled.
func (r *run) compare(ctx context.Context, rows []item) ([]*pending, error) {
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	items := r.pool(r.sift(rows), rows == nil)
	if len(items) == 0 {
		return nil, nil
	}
	items = r.newest(items)
	keys := make([]string, len(items))
	for i := range items {
		keys[i] = items[i].Key
	}
	if err := failpoint.At("compare.before"); err != nil {
		return nil, err
	}
	entries, err := r.store.Known(ctx, r.Name, keys)
	if err == nil {
		err = failpoint.At("compare.after")
	}
	if err != nil {
		return nil, fmt.Errorf("compare with the ledger: %w", err)
	}
	var changed []*pending
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range items {
		it, entry := &items[i], &entries[i]
		if r.settled(it, entry) {
			r.judge(false)
			it.span.undecided--
			if r.look != nil && r.standing(entry, it.hash) == isWritten {
				r.look(r.changeOf(it, entry))
			}
			continue
		}
		if f := r.flights.of(it.Key); f != nil && it.hash != f.hash {
			r.postpone(*it) // a newer version must not be overtaken by an attempt that may still land (I4)
			continue
		}
		changed = append(changed, r.changeOf(it, entry))
	}
	return changed, nil
}

// A standing is how a row stands to what the ledger knows of its key.
type standing uint8

const (
	isDue     standing = iota // it has to be written
	isHeld                    // nobody can tell whether its record was made
	isRefused                 // this content was rejected before
	isParked                  // it is a link that is waiting
	isWritten                 // the destination has it
)

// standing tells how a row with the hash stands.
func (r *run) standing(e *Entry, hash Hash) standing {
	switch {
	case e.Held:
		return isHeld
	case hash == e.Rejected:
		return isRefused
	case hash == e.Hash && e.Waiting && r.limits.LinksOnly:
		return isParked
	case hash == e.Hash, r.madeForGood(e):
		return isWritten
	}
	return isDue
}

// madeForGood tells whether the record of a key was made, in a mode that never writes to it again.
func (r *run) madeForGood(e *Entry) bool {
	return r.limits.CreateOnly && e.ID != "" && e.Hash != Hash{}
}

// settled books a row that needs no write, and tells whether it is one. The caller holds mu.
func (r *run) settled(it *item, e *Entry) bool {
	standing := r.standing(e, it.hash)
	if standing != isWritten { // whose content isn't what was refused
		delete(r.books.unread, it.Key)
	}
	switch standing {
	case isHeld:
		r.books.report.Held++
		r.books.report.Review++
		r.books.notes.seen = append(r.books.notes.seen, it.Key)
	case isRefused:
		r.books.report.Rejected++
		r.books.report.Repeated++
		r.books.notes.seen = append(r.books.notes.seen, it.Key)
	case isParked:
		r.books.report.Held++
		r.books.track(it.Key, it.Place, &r.books.report.Held, 1)
	case isWritten:
		r.books.report.Unchanged++
		if it.hash != e.Hash && e.Rejected != (Hash{}) {
			r.books.notes.seen = append(r.books.notes.seen, it.Key) // other content isn't sent, and doesn't end what was refused
		}
		if e.Waiting {
			r.books.track(it.Key, it.Place, &r.books.report.Unchanged, 0)
		}
	default:
		return false
	}
	return true
}

// changeOf makes the next version of a key. A write of an earlier process that was in doubt goes on under its own
// version if the content is still the same. The caller holds mu.
func (r *run) changeOf(it *item, e *Entry) *pending {
	version := e.Version + 1
	var sent time.Time
	var attempt int64
	if f := r.flights.busy[it.Key]; f != nil {
		sent = f.landing.Add(-r.limits.Landing)
		if f.recall != 0 {
			version, attempt = f.recall, f.attempt
		}
	}
	p := &pending{entry: *e, read: true, span: it.span, row: it.Values, attempt: attempt, Change: Change{
		Key: it.Key, Version: version, Hash: it.hash, ID: e.ID, Place: it.Place, TraceID: traceID(r.Name, it.Key, version, it.hash), Sent: sent,
		Was: e.Sent, Tried: e.Tried, Known: e.known(it.Key), Torn: e.ID != "" && e.Hash == Hash{},
	}}
	p.Values = make([]Value, len(r.layout.properties))
	for i, at := range r.layout.properties {
		p.Values[i] = it.Values[at]
	}
	return p
}

// known returns the match value that the record of a key was last written with, "" if there is none.
func (e *Entry) known(key string) string {
	if e.ID == "" {
		return ""
	}
	return cmp.Or(e.Match, key)
}
