package model

import (
	"context"
	"maps"
	"slices"

	"sluice/pipeline"
)

// Sharers returns what the ledger shows of links between records; see pipeline.Store.
func (s *Store) Sharers(_ context.Context, _ string, pairs [][2]string) (shared []pipeline.SharedLink, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.ledger)) {
		for _, l := range s.ledger[key].Links {
			if slices.Contains(pairs, [2]string{l.FromID, l.ToID}) || slices.Contains(pairs, [2]string{l.ToID, l.FromID}) {
				shared = append(shared, pipeline.SharedLink{Key: key, LinkState: l})
			}
		}
	}
	return shared, nil
}
