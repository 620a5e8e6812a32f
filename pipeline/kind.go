package pipeline

import (
	"context"
	"io"
	"log/slog"
)

// A Kind is one kind of source, transform, sink or connection that a program has compiled in.
//
// The options of a kind are the fields of its config that have a yaml tag: yaml:"name", or yaml:"name,omitempty" for one
// that may be left out. doc:"…" says what the option does, and enum:"a,b" lists all values that its texts may have.
type Kind[C any] struct {
	Name    string   // the key in pipelines.yaml
	Doc     string   // one sentence
	Example string   // a short way to write it in pipelines.yaml, beginning with the name
	New     func() C // a config with its defaults: a pointer to a struct with yaml and doc tags (see config.Options)
}

// Kinds lists what a program has compiled in.
type Kinds struct {
	Connections []Kind[ConnectionConfig]
	Sources     []Kind[SourceConfig]
	Transforms  []Kind[TransformConfig]
	Sinks       []Kind[SinkConfig]
}

// A ConnectionConfig is the decoded config of a connection. Connect is called once for each name; what it
// returns is shared by all pipelines that name the connection, and closed at the end.
type ConnectionConfig interface {
	Connect(ctx context.Context, env Env) (io.Closer, error)
}

// A SourceConfig is the decoded config of a source. Errors that belong to one option are *FieldError.
type SourceConfig interface {
	Open(ctx context.Context, env Env) (Source, error)
}

// A TransformConfig is the decoded config of a transform. It is opened with the schema of the stage before it,
// so that a misspelt column is found before a row moves.
type TransformConfig interface {
	Open(ctx context.Context, env Env, in *Schema) (Transform, error)
}

// A SinkConfig is the decoded config of a sink.
type SinkConfig interface {
	Open(ctx context.Context, env Env, in *Schema) (Sink, error)
}

// Env is what kinds get from the program around them.
type Env struct {
	Pipeline string   // the pipeline's name
	Key      []string // the names of its key columns
	Needed   []string // for a source: the columns that later stages name; nil if that isn't known
	Account  string   // for a sink: the account that the state belongs to, as Sink.Account names it; "" if it belongs to none, or isn't known
	Log      *slog.Logger
	// Connection returns the opened connection of that name.
	Connection func(ctx context.Context, name string) (io.Closer, error)
}

// A Shorthand is a config that may be written as a single scalar instead of a map.
type Shorthand interface {
	SetShorthand(scalar string) error
}

// A ColumnUser is a config that can tell which source columns it reads, so that a source can leave out the others.
// ok is false where it can't tell.
type ColumnUser interface {
	Columns() (names []string, ok bool)
}

// A FieldAdder is a config of a transform that knows, without the schema before it, which fields it adds.
type FieldAdder interface {
	Added() []string
}

// A TextSource is a config of a source that makes values of texts, and so knows without reading anything what a text in
// a column stands for.
type TextSource interface {
	ColumnType(column string) Type
	// ReadText returns the value that a text in a column stands for, or why the row is rejected.
	ReadText(column, text string) (Value, *RowError)
}

// A FieldError is an error about one option of a config. Path is relative to the config, such as "phone.from" or
// "associations.0.label"; "" means the config as a whole.
type FieldError struct {
	Path  string
	Err   error
	Hint  string // what to do, if there is more to say than the error does
	Field string // of rows: the error's place is where a transform names it, if one does, and else Path
}

// Error returns the path and the error's text.
func (e *FieldError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return e.Path + ": " + e.Err.Error()
}

// Unwrap returns the error.
func (e *FieldError) Unwrap() error { return e.Err }
