package pipeline

import (
	"context"
	"fmt"
)

type holderKey struct{}

type holder func(ctx context.Context, id, key string) (string, error)

// withHolder returns a context under which Holder asks look.
func withHolder(ctx context.Context, look holder) context.Context {
	return context.WithValue(ctx, holderKey{}, look)
}

// Holder returns the key of the other row, of the pipeline whose run ctx belongs to, that the record with the id belongs to;
// "" if it is no other row's than that of the given key. A sink asks before it writes a change to a record that the change
// doesn't name, such as one that it is in conflict with: what the other row has written there would be lost, and the two
// would overwrite each other for ever (I1).
func Holder(ctx context.Context, id, key string) (string, error) {
	if look, ok := ctx.Value(holderKey{}).(holder); ok {
		return look(ctx, id, key)
	}
	return "", nil
}

// holder is what the run's sink asks. If the other row has left the source, it lets the record go to the one that asks.
func (r *run) holder(ctx context.Context, id, key string) (string, error) {
	r.mu.Lock()
	owner := r.flights.fresh[id]
	if owner == "" {
		owner = r.flights.matches["\x00"+id]
	}
	r.mu.Unlock()
	if owner == "" {
		owners, err := r.store.Owners(ctx, r.Name, []string{id})
		if err != nil {
			return "", fmt.Errorf("look for the row of record %s: %w", id, err)
		}
		owner = owners[id]
	}
	if owner == key || owner == "" {
		return "", nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claim(owner, key)
	return owner, nil
}

// addFresh notes whose the records are that have just been written: the ledger says so only once that is committed.
func (r *run) addFresh(changes []*pending, decided map[string]Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range changes {
		if o := decided[p.TraceID]; o.Verdict == Done && o.ID != "" {
			r.flights.fresh[o.ID] = p.Key
		}
	}
}

// dropFresh forgets that again: the ledger says so by now, or never will.
func (r *run) dropFresh(outcomes []Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range outcomes {
		delete(r.flights.fresh, outcomes[i].ID)
	}
}
