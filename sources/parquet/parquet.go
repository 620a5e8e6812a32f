// Package parquet reads rows from Parquet files.
//
// Every column at the top of a file's schema becomes a field of the same name:
//
//	boolean                          bool
//	integers                         int; an unsigned 64-bit value that an int can't hold is a decimal
//	float, double, float16           float; a float becomes the number that its shortest decimal text names
//	decimal                          decimal, exact
//	string, enum, uuid               string
//	json                             json
//	date                             date
//	timestamp, int96                 time, rounded down to microseconds; one without a time zone is read as UTC
//	time of day                      string, 15:04:05.000000, with nine digits where the unit is nanoseconds
//	interval                         string, an ISO 8601 duration
//	other bytes, bson                string, in base64; see Config.Binary
//	lists, maps, structs             json; a null list is null, an empty one is []
//
// A row that holds a value that can't be represented is a reject. Damage to the file itself ends the reading with an
// error that names the file, the row group and the column. Files are read page by page: neither their size nor the
// size of their row groups decides how much memory is needed.
package parquet

//go:generate sh -c "cd ../.. && go run ./sources/parquet/internal/congress"

import (
	"context"
	"fmt"

	"sluice/pipeline"
	"sluice/sources/internal/files"
)

// Kind is the source "parquet".
var Kind = pipeline.Kind[pipeline.SourceConfig]{
	Name:    "parquet",
	Doc:     "Reads rows from Parquet files.",
	Example: "parquet: people.parquet",
	New:     func() pipeline.SourceConfig { return &Config{Binary: encodeBase64} },
}

// Ways of writing bytes as text.
const (
	encodeBase64 = "base64"
	encodeHex    = "hex"
	encodeText   = "text"
)

// Config is the config of the source "parquet".
type Config struct {
	Path   []string `yaml:"path" doc:"A file, a glob such as data/*.parquet, or a list of them; the files of a glob are read in the order of their names."`
	Binary string   `yaml:"binary,omitempty" enum:"base64,hex,text" doc:"How bytes that aren't declared to be text are written: base64 (default), hex, or text where a program left out the declaration."`
}

// SetShorthand lets a source be written as its path alone.
func (c *Config) SetShorthand(path string) error {
	c.Path = []string{path}
	return nil
}

// extension is that of files in messages.
const extension = ".parquet"

// Open reads the footers of all files. They must have the same columns; their order may differ. Only the columns that
// env.Needed names are read.
func (c *Config) Open(ctx context.Context, env pipeline.Env) (pipeline.Source, error) {
	switch c.Binary {
	case "", encodeBase64, encodeHex, encodeText:
	default:
		return nil, &pipeline.FieldError{Path: "binary", Err: fmt.Errorf("%q isn't a way to write bytes", c.Binary), Hint: "use base64, hex or text"}
	}
	paths, err := files.Match(c.Path, extension)
	if err != nil {
		return nil, err
	}
	boundCodecs()
	s := &source{binary: c.Binary}
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.add(path, env.Needed); err != nil {
			return nil, err // the file is to blame, not the option that names it
		}
	}
	return s, nil
}
