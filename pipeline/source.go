package pipeline

import (
	"context"
	"errors"
	"iter"
)

// A Source yields rows in an order that is the same every time, as long as what it reads stays the same.
type Source interface {
	// Schema returns the columns; every field has the role Column.
	Schema() *Schema

	// Batches yields the rows after from, or all of them if from is nil. For every position p that it yields,
	// the rows before p and the rows read from p are together all rows. It stops when the rows end, after the
	// first error that it yields, or with ctx's error when ctx ends. A row that can't be read is a Reject and
	// doesn't end the reading. A position that no longer fits what is read is ErrStalePosition.
	// Batches of one source are not read concurrently.
	Batches(ctx context.Context, from Position) iter.Seq2[Batch, error]

	// Close is called once, when nothing is read any more. It leaves shared connections open.
	Close() error
}

// An Incremental source reads by a cursor: its position is kept after a complete pass, and the next run goes on there.
type Incremental interface {
	Incremental() bool

	// Since returns the position from which exactly the rows are read whose cursor isn't lower than value, as a person
	// writes it, and those without one. It may ask what is read for the time. It returns an error that says what was
	// expected if value doesn't fit the cursor, or there is none.
	Since(ctx context.Context, value string) (Position, error)
}

// A Roomy source makes its rows with room for what the transforms append, which saves a copy of each.
type Roomy interface {
	// Room says, before the first batch is asked for, how many values a row has in the end. The Values of every Row have at
	// least that capacity, and share none of it with other rows.
	Room(values int)
}

// ErrStalePosition says that a position was made for something that has changed since. Reading from the start is safe.
var ErrStalePosition = errors.New("what is read has changed since the checkpoint was made")
