package csv

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// openError returns the message of the error of Open, with the option that it belongs to and the hint.
func openError(t *testing.T, c *Config) string {
	t.Helper()
	_, err := c.Open(t.Context(), pipeline.Env{})
	if err == nil {
		return "no error"
	}
	if f, ok := errors.AsType[*pipeline.FieldError](err); ok && f.Hint != "" {
		return err.Error() + " (" + f.Hint + ")"
	}
	return err.Error()
}

// An openCase is a file, named p.csv unless path is set, and the error that Open returns.
type openCase struct {
	name, path, content string
	set                 func(*Config)
	want                string
}

// What can't be opened gets a message that names the file, or the option.
func TestOpenErrors(t *testing.T) {
	for _, tt := range slices.Concat(pathErrors(), headerErrors(), unpackErrors(t), optionErrors()) {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "p.csv", tt.content)
			write(t, "folder/q.csv", "a\n")
			if err := errors.Join(os.Symlink("loop.csv", "loop.csv"), syscall.Mkfifo("pipe", 0o600)); err != nil {
				t.Fatal(err)
			}
			path := tt.path
			if path == "" && tt.name != "empty path" {
				path = "p.csv"
			}
			if got := openError(t, config(path, tt.set)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// pathErrors are files that can't be found.
func pathErrors() []openCase {
	return []openCase{
		{name: "no path", set: func(c *Config) { c.Path = nil }, want: `path: names no file`},
		{name: "empty path", path: "", want: `path: the name of the file is empty`},
		{name: "missing", path: "x.csv", want: `path: the file "x.csv" doesn't exist`},
		{name: "missing, of a list", set: func(c *Config) { c.Path = []string{"p.csv", "x.csv"} }, want: `path.1: the file "x.csv" doesn't exist`},
		{name: "no match", path: "x*.csv", want: `path: "x*.csv" matches no file`},
		{name: "only folders match", path: "fol*", want: `path: "fol*" matches no file`},
		{name: "bad pattern", path: "[.csv", want: `path: "[.csv" isn't a pattern: syntax error in pattern`},
		{name: "**", path: "**/p.csv", want: `path: "**/p.csv": ** isn't supported: name each folder, such as a/*.csv and a/*/*.csv`},
		{name: "folder", path: "folder", want: `path: "folder" is a folder: name its files, such as "folder/*.csv"`},
		{name: "loop", path: "loop.csv", want: `path: find the file: stat loop.csv: too many levels of symbolic links`},
		{name: "below a file", path: "p.csv/x.csv", want: `path: find the file: stat p.csv/x.csv: not a directory`},
		{name: "pipe", path: "pipe", want: `path: "pipe" isn't a regular file: copy it to one, because a run that was interrupted reads it again`},
	}
}

// headerErrors are files whose header can't be used.
func headerErrors() []openCase {
	return []openCase{
		{name: "empty", content: "", want: `p.csv:1: the file is empty: expected a line that names the columns, and rows; if a file without rows is fine, have whoever writes it write that line`},
		{name: "only blank lines", content: "\n\n", want: `p.csv:3: the file is empty: expected a line that names the columns, and rows; if a file without rows is fine, have whoever writes it write that line`},
		{name: "name twice", content: "id,a,b,a\n", want: `p.csv:1: the header: columns 2 and 4 have the same name "a"`},
		{name: "no name", content: "\nid,,b\n", want: `p.csv:2: the header: column 2 has no name`},
		{name: "blank name", content: "id, \n", want: `p.csv:1: the header: column 2 has no name`},
		{name: "Latin-1", content: "id,Stra\xdfe\n", want: `p.csv:1: the name of column 2 isn't utf-8 text: "Stra\xdfe": set encoding to the one that the file has`},
		{name: "UTF-16", content: "i\x00d\x00\n\x00", want: `p.csv:1: the name of column 1 isn't utf-8 text: "i\x00d\x00": set encoding to the one that the file has`},
		{name: "open quote", content: "id,\"a\n1,2\n", want: `p.csv:1: read the header: the quote that opens field 2 isn't closed before the file ends: close it, or double it if it is part of the text`},
		{name: "endless header", content: strings.Repeat("x", maxRecord+1), want: `p.csv:1: read the header: the record has more than 16777216 bytes, which is the most that is read`},
	}
}

// unpackErrors are files that aren't what they seem.
func unpackErrors(t *testing.T) []openCase {
	return []openCase{
		{name: "zip", content: "PK\x03\x04....", want: `p.csv: the file is a zip archive or a spreadsheet: unpack it, or save it as CSV`},
		{name: "Parquet", content: "PAR1....", want: `p.csv: the file is a Parquet file: use the parquet source`},
		{name: "gzip cut short", content: gzipped(t, "a,b\n")[:8], want: `p.csv: the gzip data ends too early: the file was cut short, or is still being written: unexpected EOF`},
		{name: "gzip cut shorter", content: "\x1f\x8b", want: `p.csv: the gzip data ends too early: the file was cut short, or is still being written: unexpected EOF`},
		{name: "bad gzip", content: "\x1f\x8b\x00\x00\x00\x00\x00\x00\x00\x00\x00", want: `p.csv: decompress gzip data: gzip: invalid header`},
		{name: "zstd cut short", content: zstandard(t, "a,b\n")[:7], want: `p.csv: the zstd data ends too early: the file was cut short, or is still being written: unexpected EOF`},
	}
}

// optionErrors are files that the options don't fit.
func optionErrors() []openCase {
	return []openCase{
		{name: "types", content: "a,b\n", set: func(c *Config) { c.Types = map[string]string{"c": "int"} }, want: `types.c: p.csv has no column "c" (columns: a, b)`},
		{name: "types of many", content: strings.Join(letters(22), ",") + "\n", set: func(c *Config) { c.Types = map[string]string{"1": "int"} },
			want: `types.1: p.csv has no column "1" (columns: a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t and 2 more)`},
		{name: "type", content: "a,b\n", set: func(c *Config) { c.Types = map[string]string{"b": "integer"} },
			want: `types.b: "integer" is no type (the types are bool, int, decimal, float, string, date, time and json)`},
		{name: "columns", content: "a,b\n", set: func(c *Config) { c.Columns = []string{"a"} },
			want: `columns: names columns that the header names already (set header: false if the files have no header)`},
		{name: "no columns", content: "a,b\n", set: func(c *Config) { c.Header = false }, want: `columns: is needed, because header is false`},
		{name: "columns twice", content: "a,b\n", set: func(c *Config) { c.Header, c.Columns = false, []string{"a", "b", "a"} },
			want: `columns.2: columns 1 and 3 have the same name "a"`},
		{name: "delimiter", set: func(c *Config) { c.Delimiter = "||" }, want: `delimiter: "||" isn't a single ASCII character`},
		{name: "no delimiter", set: func(c *Config) { c.Delimiter = "" }, want: `delimiter: "" isn't a single ASCII character`},
		{name: "line break", set: func(c *Config) { c.Delimiter = "\n" }, want: `delimiter: "\n" isn't a single ASCII character`},
		{name: "wide quote", set: func(c *Config) { c.Quote = "„" }, want: `quote: "„" isn't a single ASCII character`},
		{name: "quote", set: func(c *Config) { c.Quote = "," }, want: `quote: "," is the delimiter already`},
		{name: "empty option", set: func(c *Config) { c.Empty = "nil" }, want: `empty: "nil" is neither null nor string`},
		{name: "encoding", set: func(c *Config) { c.Encoding = "ebcdic" },
			want: `encoding: "ebcdic" is no known encoding (such as utf-8, utf-16, iso-8859-1, windows-1252 or shift_jis)`},
		{name: "dead encoding", set: func(c *Config) { c.Encoding = "iso-2022-kr" },
			want: `encoding: "iso-2022-kr" is no known encoding (such as utf-8, utf-16, iso-8859-1, windows-1252 or shift_jis)`},
	}
}

func letters(n int) []string {
	var all []string
	for i := range n {
		all = append(all, string(rune('a'+i)))
	}
	return all
}

// Files of a list are read in its order, those of a pattern in order of name, and none of them twice.
func TestSeveralFiles(t *testing.T) {
	in(t, "x/b.csv", "id\n2\n")
	write(t, "x/a.csv", "id\n1\n")
	write(t, "x/[c].csv", "id\n3\n")
	write(t, "x/folder.csv/d.csv", "id\n4\n")
	src := open(t, "", func(c *Config) { c.Path = []string{"x/b.csv", "x/*.csv", "x/[c].csv"} })
	want := []string{`x/b.csv:2 "2"`, `x/[c].csv:2 "3"`, `x/a.csv:2 "1"`}
	if diff := cmp.Diff(want, lines(t, src, nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Files that are read together have the same header.
func TestHeadersDiffer(t *testing.T) {
	in(t, "a.csv", "id,name\n")
	for _, tt := range []struct{ header, want string }{
		{"id,Name\n", `b.csv: the header differs from that of a.csv: column 2 is "Name" instead of "name"`},
		{"id\n", `b.csv: the header differs from that of a.csv: it has 1 column instead of 2`},
		{"", `b.csv:1: the file is empty: expected a line that names the columns, and rows; if a file without rows is fine, have whoever writes it write that line`},
	} {
		write(t, "b.csv", tt.header)
		if got := openError(t, config("?.csv", nil)); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// A scalar is the path.
func TestShorthand(t *testing.T) {
	c := Kind.New().(*Config)
	if err := c.SetShorthand("p.csv"); err != nil {
		t.Fatal(err)
	}
	want := &Config{Path: []string{"p.csv"}, Header: true, Delimiter: ",", Quote: `"`, Encoding: "utf-8", Empty: "null"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
