package pipeline

import (
	"context"
	"fmt"
)

// Several rows may ask for one link: two terms of one member in one committee are one link in the destination. What one of
// them has made, the others share, and it is taken back when the last of them asks for it no more.

// ends are the ids of the two records of a link.
type ends [2]string

// either returns the ends in the order that stands for both.
func (e ends) either() ends { return ends{min(e[0], e[1]), max(e[0], e[1])} }

// records returns the ends of the link that a change is about: of a removal those that were linked.
func (l *LinkChange) records() ends {
	if l.Remove && l.Was != nil {
		return ends{l.Was.FromID, l.Was.ToID}
	}
	return ends{l.From.ID, l.To.ID}
}

// share fills in which other links have the same records.
func (r *run) share(ctx context.Context, due []LinkChange) error {
	type own struct {
		key, slot string
		ends
	}
	changed, of := make(map[own]bool, len(due)), make(map[ends][]*LinkChange, len(due))
	pairs := make([][2]string, 0, len(due))
	for i := range due {
		l := &due[i]
		at := l.records()
		l.Shared, changed[own{l.Key, l.Slot, at}] = nil, true
		of[at.either()] = append(of[at.either()], l)
		pairs = append(pairs, at)
	}
	shared, err := r.store.Sharers(ctx, r.Name, pairs)
	if err != nil {
		return fmt.Errorf("look up who shares links: %w", err)
	}
	for _, s := range shared {
		at := ends{s.FromID, s.ToID}
		if s.Key != "" && changed[own{s.Key, s.Slot, at}] {
			continue
		}
		for _, l := range of[at.either()] {
			l.Shared = append(l.Shared, s.LinkState)
		}
	}
	return nil
}
