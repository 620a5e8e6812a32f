package model

import (
	"context"
	"iter"
	"maps"
	"slices"

	"sluice/pipeline"
	"sluice/pipeline/internal/digest"
)

// Digest hands on what the ledger says; see pipeline.Digester.
func (s *Store) Digest(_ context.Context, _ string, epoch int64, each func([]byte) error) (int64, error) {
	if err := s.lock(epoch); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	var packed []byte
	for _, key := range slices.Sorted(maps.Keys(s.ledger)) {
		e := s.entry(key)
		packed = digest.Append(packed, digest.Key(key), e.Content())
	}
	return 0, each(packed)
}

// DigestSize returns the number of keys; see pipeline.Digester.
func (s *Store) DigestSize(context.Context, string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.ledger)), nil
}

// Compact has nothing to do; see pipeline.Digester.
func (s *Store) Compact(_ context.Context, _ string, epoch, _ int64, _ iter.Seq[[]byte]) error {
	if err := s.lock(epoch); err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}

var _ pipeline.Digester = (*Store)(nil)
