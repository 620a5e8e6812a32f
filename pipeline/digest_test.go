package pipeline_test

import (
	"context"
	"iter"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/digest"
	"sluice/pipeline/internal/model"
)

// A scatteredStore hands its digest on in pieces, as often as it is told, and counts what it is compacted to.
type scatteredStore struct {
	*model.Store
	piece, times int // entries in a piece, and how often each comes
	compacted    int // entries; 0: it wasn't
}

func (s *scatteredStore) Digest(ctx context.Context, name string, epoch int64, each func([]byte) error) (number int64, err error) {
	for range s.times {
		number, err = s.Store.Digest(ctx, name, epoch, func(packed []byte) error {
			for len(packed) > 0 {
				n := min(len(packed), s.piece*digest.Size)
				if err := each(packed[:n]); err != nil {
					return err
				}
				packed = packed[n:]
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return number, nil
}

func (s *scatteredStore) Compact(_ context.Context, _ string, _, _ int64, entries iter.Seq[[]byte]) error {
	for packed := range entries {
		s.compacted += len(packed) / digest.Size
	}
	return nil
}

// TestDigestsAreCompacted proves that a run puts a digest in order of which much is of no use any more, or which lies in many
// small pieces, and leaves any other as it is.
func TestDigestsAreCompacted(t *testing.T) {
	const n = 2000
	for _, c := range []struct {
		what         string
		piece, times int
		compacted    int
	}{
		{"in one piece", n, 1, 0},
		{"in few pieces", 3, 1, 0},
		{"in many pieces", 1, 1, n},
		{"a few times over", n, 5, 0},
		{"many times over", n, 8, n},
	} {
		store := &scatteredStore{Store: model.New(), piece: c.piece, times: c.times}
		crm := newModelCRM(1, store.Store)
		for range 2 {
			store.compacted = 0
			if _, err := openModel(t, named(n, nil), crm).Run(t.Context(), store, pipeline.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		if store.compacted != c.compacted {
			t.Errorf("%s: compacted to %d entries, want %d", c.what, store.compacted, c.compacted)
		}
	}
}
