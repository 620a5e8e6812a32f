package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// Several rows may ask for one link: two terms of one member in one committee are one link in the destination. What one of
// them has made, the others share, and it is taken back when the last of them asks for it no more.

// ends are the ids of the two records of a link.
type ends [2]string

// either returns the ends in the order that stands for both.
func (e ends) either() ends { return ends{min(e[0], e[1]), max(e[0], e[1])} }

// share fills in which other links have the same records, under whichever ids ledgers show these.
func (r *run) share(ctx context.Context, due []LinkChange) error {
	type own struct {
		key, slot string
		ends
	}
	changed, of := make(map[own]bool, len(due)), make(map[ends][]*LinkChange, len(due))
	pairs := make([][2]string, 0, len(due))
	for i := range due {
		l := &due[i]
		l.Shared, changed[own{l.Key, l.Slot, ends{l.From.ID, l.To.ID}}] = nil, true
		for _, at := range l.pairs() {
			of[at.either()] = append(of[at.either()], l)
			pairs = append(pairs, at)
		}
	}
	shared, err := r.store.Sharers(ctx, r.Name, pairs)
	if err != nil {
		return fmt.Errorf("look up who shares links: %w", err)
	}
	for _, s := range shared {
		if s.Key != "" && changed[own{s.Key, s.Slot, s.asked()}] {
			continue
		}
		at := ends{s.FromID, s.ToID}
		for _, l := range of[at.either()] {
			l.Shared = append(l.Shared, l.named(s.LinkState))
		}
	}
	return nil
}

// pairs returns the ends by which ledgers may show the link that a change is about, each once whichever way round.
func (l *LinkChange) pairs() (list []ends) {
	froms, tos := l.names()
	for _, from := range froms {
		for _, to := range tos {
			if at := (ends{from, to}); !slices.ContainsFunc(list, func(e ends) bool { return e.either() == at.either() }) {
				list = append(list, at)
			}
		}
	}
	return list
}

// named returns another link of the same records with the ids that these have for the change.
func (l *LinkChange) named(s LinkState) LinkState {
	from, to := l.Records()
	if froms, tos := l.names(); !slices.Contains(froms, s.FromID) || !slices.Contains(tos, s.ToID) {
		from, to = to, from
	}
	s.FromID, s.ToID = from, to
	return s
}
