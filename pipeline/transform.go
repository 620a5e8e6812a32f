package pipeline

import "context"

// A Transform changes rows: one in, at most one out. It does no I/O, so that an unchanged row costs no request.
type Transform interface {
	// Schema returns the fields of the rows that Apply returns.
	Schema() *Schema

	// Apply returns rows transformed, in order, without those that it left out and those that it passed to reject.
	// The rows returned may share memory with those passed in. Room in Row.Values beyond its length is the row's own, and
	// enough for what all transforms append, so that appending costs no memory. An error means that the run must stop.
	// Apply is not called concurrently.
	Apply(ctx context.Context, rows []Row, reject func(Row, error)) ([]Row, error)
}

// A Copier is a Transform some of whose fields are copies of others. Of most rows nothing but their content is needed to tell
// that they haven't changed: where it is the last transform, the engine makes the copies of the other rows only.
type Copier interface {
	// Leave has Apply leave the copies out: what is in their places means nothing. It returns all of them.
	Leave() []Copied
}

// A Copied is a field that is a copy of another one of the same row; both are places in the schema.
type Copied struct{ Field, Of int }
