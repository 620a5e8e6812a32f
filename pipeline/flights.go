package pipeline

import (
	"sync"
	"time"
)

// flights are what is on its way: groups, and the keys and records that other rows keep off meanwhile. The run's mu guards them.
type flights struct {
	groups  int                // that were sent, and aren't committed
	landed  *sync.Cond         // of mu: a group has been committed
	busy    map[string]*flight // keys that must wait, or let only the same content pass
	matches map[string]string  // match value on its way → key
	fresh   map[string]string  // id of a record that was written, and isn't committed → key
}

// A flight is why a key must wait: it is in an undecided group, in doubt, noted for the next commit, or an earlier
// attempt of it may still land.
type flight struct {
	landing time.Time // an earlier attempt may take effect until then; only a newer version has to wait for it
	decided bool
	left    bool  // nobody waits for it: it is left to the next run, or to the end of this one
	hash    Hash  // of the version that may still land
	recall  int64 // the version of an earlier process, which goes on if the content is the same; 0 if there is none
	attempt int64 // the last attempt of recall
}

// A landing is a flight that takes the place of a key's busy state once the notes are committed.
type landing struct {
	key    string
	claims []string
	flight *flight
}

// of returns why a key has to wait, or nil. The caller holds mu.
func (fs *flights) of(key string) *flight {
	f := fs.busy[key]
	if f != nil && f.decided && !time.Now().Before(f.landing) {
		delete(fs.busy, key)
		return nil
	}
	return f
}

// take makes the key and the record of a change busy. The caller holds mu.
func (fs *flights) take(p *pending) {
	fs.busy[p.Key] = &flight{hash: p.Hash}
	fs.match(p)
}

// match keeps other keys off the record of a change, until unmatch. The caller holds mu.
func (fs *flights) match(p *pending) {
	for _, claim := range p.names() {
		fs.matches[claim] = p.Key
	}
}

// free lets the keys be written again. A key with an attempt that may still land lets only the same content pass until
// then (I4), which takes lands at most. The caller holds mu.
func (fs *flights) free(g *group, keys []string, landings []landing, lands time.Duration) {
	for _, key := range keys {
		delete(fs.busy, key)
	}
	for _, p := range g.changes {
		if fs.busy[p.Key] != nil {
			continue // in doubt
		}
		fs.unmatch(p.names(), p.Key)
		if !p.Sent.IsZero() {
			fs.busy[p.Key] = &flight{decided: true, hash: p.Hash, landing: p.Sent.Add(lands)}
		}
	}
	for _, l := range landings {
		fs.unmatch(l.claims, l.key)
		fs.busy[l.key] = l.flight
	}
}

// unmatch lets other keys have a record, which the ledger knows by now. The caller holds mu.
func (fs *flights) unmatch(claims []string, key string) {
	for _, claim := range claims {
		if fs.matches[claim] == key {
			delete(fs.matches, claim)
		}
	}
}

// isLeft tells whether nobody waits for what becomes of a key.
func (r *run) isLeft(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.flights.busy[key]
	return f != nil && f.left
}

// names returns what names the change's record: its match value, and its id where the ledger doesn't show that as the row's own.
func (p *pending) names() (claims []string) {
	if p.Match != "" {
		claims = append(claims, p.Match)
	}
	if p.ID != "" && (p.ID != p.entry.ID || p.entry.Merged != "") {
		claims = append(claims, idClaim(p.ID))
	}
	return claims
}

// idClaim is the claim of a record by its id. No match value begins so.
func idClaim(id string) string { return "\x00" + id }
