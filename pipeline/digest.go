package pipeline

import (
	"context"
	"iter"

	"sluice/pipeline/internal/digest"
)

// A Digester is the part of a Store that keeps a digest of each pipeline's ledger: 16 bytes a key, by which a run that has
// read it tells unchanged rows without asking. It is never behind the ledger: what changes the one changes the other, in one
// transaction. See package digest for how entries are packed.
type Digester interface {
	// Digest hands on packed entries of all keys of the ledger, in an order in which a later entry of a key takes the place
	// of an earlier one; where it has to begin anew it hands on all once more. The entries that were handed on stay as they
	// are. It makes the digest from the ledger if there is none that is certainly in step with it. Number is for Compact.
	Digest(ctx context.Context, pipeline string, epoch int64, each func(packed []byte) error) (number int64, err error)

	// DigestSize returns the number of entries that Digest would hand on, those included that later ones take the place of;
	// 0 where it would have to be made.
	DigestSize(ctx context.Context, pipeline string) (int64, error)

	// Compact puts entries in place of those that Digest has handed on, unless some were added since. It may read entries
	// several times.
	Compact(ctx context.Context, pipeline string, epoch, number int64, entries iter.Seq[[]byte]) error
}

// Content returns what a digest has as the content of the entry's key: its hash where a row that has that hash needs nothing
// else, and digest.Ask otherwise.
func (e *Entry) Content() uint64 {
	if e.Held || e.Waiting || e.Rejected != (Hash{}) {
		return digest.Ask
	}
	return digest.Content(e.Hash)
}
