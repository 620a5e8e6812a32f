// Package csv reads rows from CSV files.
//
// Files are read as RFC 4180 has it, byte for byte, in constant memory:
//
//   - A record ends with LF or CRLF, or where the file ends. If the file's first line ends with a lone CR, a lone CR
//     ends records too; otherwise it is data. Line breaks within quotes are data and stay what they are.
//   - An empty field is null, or the empty text if `empty: string` is set. A quoted empty field ("") is the empty
//     text. In a column of another type than text both are null.
//   - A field that is spelt like one of `nulls` is null, whether it is quoted or not.
//   - A blank line of a file with one column is a row with an empty field. In a file with several columns it holds
//     nothing and is passed over, as are blank lines before the header.
//   - A record that can't be read is a reject that names its first line. Where a quote is to blame, the reading goes on
//     with the line after the one where that quote opened: a stray quote costs its own line, not the lines after it.
//   - A record of more than 16 MiB is a reject.
//   - Text must be valid: a row whose text isn't UTF-8, or doesn't fit the declared encoding, is a reject. A byte order
//     mark wins over the declared encoding; utf-16 without one is little-endian; iso-8859-1 is read as windows-1252, of
//     which it is a part. NUL bytes are kept.
//   - gzip and zstd are recognised by content, not by name.
//
// The codes of rejects are ragged_row, bad_quote, open_quote, long_record, bad_encoding, and bad_ with the name of a
// type, such as bad_date.
//
// A position holds a hash of everything before it, and resuming reads that again (without parsing it), so that a file
// which was changed, replaced or cut short in the meantime is noticed. A file that has only grown is read on.
package csv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"

	"sluice/pipeline"
	"sluice/sources/internal/files"
)

// Kind is the csv source.
var Kind = pipeline.Kind[pipeline.SourceConfig]{
	Name:    "csv",
	Doc:     "Reads rows from CSV files, which may be compressed with gzip or zstd.",
	Example: "csv: people.csv",
	New: func() pipeline.SourceConfig {
		return &Config{Header: true, Delimiter: ",", Quote: `"`, Encoding: "utf-8", Empty: "null"}
	},
}

// Config says which files are read, and how they are written.
type Config struct {
	Path      []string          `yaml:"path" doc:"The file, or a list of files; * ? and [] match names, which are then read in order of name."`
	Header    bool              `yaml:"header,omitempty" doc:"Whether the first line of each file names the columns."`
	Columns   []string          `yaml:"columns,omitempty" doc:"The names of the columns, where header is false."`
	Types     map[string]string `yaml:"types,omitempty" enum:"bool,int,decimal,float,string,date,time,json" doc:"The types of columns that aren't text."`
	Delimiter string            `yaml:"delimiter,omitempty" doc:"The character between fields."`
	Quote     string            `yaml:"quote,omitempty" doc:"The character around fields that hold delimiters or line breaks; empty if nothing is quoted."`
	Encoding  string            `yaml:"encoding,omitempty" doc:"The encoding of text, such as utf-8, utf-16 or windows-1252; a byte order mark wins."`
	Empty     string            `yaml:"empty,omitempty" enum:"null,string" doc:"What an empty field without quotes is: null or string."`
	Nulls     []string          `yaml:"nulls,omitempty" doc:"Texts that stand for null, such as NULL or N/A."`
}

// SetShorthand makes `csv: people.csv` stand for `csv: {path: people.csv}`.
func (c *Config) SetShorthand(path string) error {
	c.Path = []string{path}
	return nil
}

// Check returns what is wrong with the config whatever the files are.
func (c *Config) Check() error {
	_, err := c.dialect()
	if err == nil && !c.Header {
		_, err = c.given()
	}
	return err
}

// Open finds the files, reads their headers and returns the source.
func (c *Config) Open(ctx context.Context, env pipeline.Env) (pipeline.Source, error) {
	d, err := c.dialect()
	if err != nil {
		return nil, err
	}
	paths, err := files.Match(c.Path, extension)
	if err != nil {
		return nil, err
	}
	names, err := c.names(ctx, d, paths)
	if err != nil {
		return nil, err
	}
	if other := likelyDelimiter(names); d.header && other != "" && env.Log != nil && env.Needed == nil {
		// All columns are asked for when one that is named wasn't found.
		env.Log.Warn("the header is a single column: if it is several, set the delimiter", "file", paths[0], "column", names[0], "likely", other)
	}
	types, err := c.types(names, paths[0])
	if err != nil {
		return nil, err
	}
	return newSource(d, paths, names, types, env), nil
}

// extension is that of files in messages.
const extension = ".csv"

// A dialect is how files are written, checked and ready for use.
type dialect struct {
	header    bool
	delimiter byte
	quote     byte // lineFeed: nothing is quoted
	encoding  encoding.Encoding
	charset   string // the name of encoding; "utf-8" needs no decoding
	emptyText bool   // an empty field is the empty text
	nulls     []string
}

func (c *Config) dialect() (*dialect, error) {
	d := &dialect{header: c.Header, quote: lineFeed, emptyText: c.Empty == "string", nulls: c.Nulls}
	if c.Empty != "null" && c.Empty != "string" {
		return nil, &pipeline.FieldError{Path: "empty", Err: fmt.Errorf("%q is neither null nor string", c.Empty)}
	}
	var err error
	if d.delimiter, err = single("delimiter", c.Delimiter); err != nil {
		return nil, err
	}
	if c.Quote != "" {
		if d.quote, err = single("quote", c.Quote); err != nil {
			return nil, err
		}
	}
	if d.quote == d.delimiter {
		return nil, &pipeline.FieldError{Path: "quote", Err: fmt.Errorf("%q is the delimiter already", c.Quote)}
	}
	d.encoding, d.charset, err = charset(c.Encoding)
	return d, err
}

// single returns the one character that an option consists of.
func single(option, s string) (byte, error) {
	if s == `\t` {
		s = "\t" // as YAML reads it outside double quotes
	}
	if len(s) != 1 || s[0] >= 0x80 || strings.Contains("\x00\r\n", s) {
		return 0, &pipeline.FieldError{Path: option, Err: fmt.Errorf("%q isn't a single ASCII character", s)}
	}
	return s[0], nil
}

func charset(name string) (encoding.Encoding, string, error) {
	canonical := ""
	enc, err := htmlindex.Get(name)
	if err == nil {
		canonical, err = htmlindex.Name(enc)
	}
	if err != nil || canonical == "replacement" || canonical == "x-user-defined" {
		return nil, "", &pipeline.FieldError{
			Path: "encoding", Err: fmt.Errorf("%q is no known encoding", name), Hint: "such as utf-8, utf-16, iso-8859-1, windows-1252 or shift_jis",
		}
	}
	return enc, canonical, nil
}

// types returns the type of each column.
func (c *Config) types(names []string, path string) ([]pipeline.Type, error) {
	types := slices.Repeat([]pipeline.Type{pipeline.String}, len(names))
	for _, name := range slices.Sorted(maps.Keys(c.Types)) {
		i := slices.Index(names, name)
		if i < 0 {
			return nil, &pipeline.FieldError{
				Path: "types." + name, Err: fmt.Errorf("%s has no column %q", path, name), Hint: pipeline.Suggest(name, names, "columns"),
			}
		}
		typ, ok := pipeline.ParseType(c.Types[name])
		if !ok {
			return nil, &pipeline.FieldError{
				Path: "types." + name, Err: fmt.Errorf("%q is no type", c.Types[name]),
				Hint: "the types are bool, int, decimal, float, string, date, time and json",
			}
		}
		types[i] = typ
	}
	return types, nil
}

// given returns the columns that the config names for files without a header.
func (c *Config) given() ([]string, error) {
	if len(c.Columns) == 0 {
		return nil, &pipeline.FieldError{Path: "columns", Err: errors.New("is needed, because header is false")}
	}
	if i, err := checkNames(c.Columns); err != nil {
		return nil, &pipeline.FieldError{Path: "columns." + strconv.Itoa(i), Err: err}
	}
	return c.Columns, nil
}
