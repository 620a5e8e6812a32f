package csv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/pipeline"
)

// names returns the columns of the files, which all have the same.
func (c *Config) names(ctx context.Context, d *dialect, paths []string) ([]string, error) {
	if !d.header {
		return c.given()
	}
	if len(c.Columns) > 0 {
		return nil, &pipeline.FieldError{
			Path: "columns", Err: errors.New("names columns that the header names already"), Hint: "set header: false if the files have no header",
		}
	}
	var first []string
	for i, path := range paths {
		names, err := peekHeader(ctx, path, d)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = names
		} else if !slices.Equal(first, names) {
			return nil, fmt.Errorf("%s: the header differs from that of %s: %s", path, paths[0], differ(first, names))
		}
	}
	return first, nil
}

// likelyDelimiter returns what separates the columns of a header that was read as a single one; "" if it may well be one.
func likelyDelimiter(names []string) string {
	for _, other := range []string{";", "\t", "|", ","} {
		if len(names) == 1 && strings.Contains(names[0], other) {
			return other
		}
	}
	return ""
}

// differ says where the header of a file is not that of the first one.
func differ(first, names []string) string {
	if len(first) != len(names) {
		return fmt.Sprintf("it has %s instead of %d", plural(len(names), "column"), len(first))
	}
	i := 0
	for first[i] == names[i] {
		i++
	}
	return fmt.Sprintf("column %d is %q instead of %q", i+1, names[i], first[i])
}

func peekHeader(ctx context.Context, path string, d *dialect) ([]string, error) {
	in, err := openInput(ctx, path, d)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r := newReader(in.text, d)
	r.detect()
	return readHeader(in, r)
}

// readHeader reads the names of the columns from the first line of r that isn't blank.
func readHeader(in *input, r *reader) ([]string, error) {
	r.wide = true
	defer func() { r.wide = false }()
	for {
		err := r.next()
		if bad, ok := errors.AsType[*syntaxError](err); ok {
			return nil, fmt.Errorf("%s:%d: read the header: %w", in.path, bad.line, bad)
		}
		if err == io.EOF {
			return nil, fmt.Errorf("%s:%d: the file is empty: expected a line that names the columns, and rows; if a file without rows is fine, have whoever writes it write that line", in.path, r.line)
		}
		if err != nil {
			return nil, in.explain(err, 0)
		}
		if !r.blank() {
			return in.headerNames(r)
		}
	}
}

func (in *input) headerNames(r *reader) ([]string, error) {
	names := make([]string, r.count)
	for i, f := range r.fields[:r.count] {
		names[i] = string(r.plain(f))
		if !utf8.ValidString(names[i]) || strings.Contains(names[i], "\x00") || in.charset != "utf-8" && strings.ContainsRune(names[i], utf8.RuneError) {
			return nil, fmt.Errorf("%s:%d: the name of column %d isn't %s text: %s: set encoding to the one that the file has",
				in.path, r.start, i+1, in.charset, pipeline.Quote(names[i]))
		}
	}
	if _, err := checkNames(names); err != nil {
		return nil, fmt.Errorf("%s:%d: the header: %w", in.path, r.start, err)
	}
	return names, nil
}

// checkNames returns an error, and the place it is about, unless all columns have names of their own.
func checkNames(names []string) (int, error) {
	seen := make(map[string]int, len(names))
	for i, name := range names {
		if strings.TrimSpace(name) == "" {
			return i, fmt.Errorf("column %d has no name", i+1)
		}
		if first, ok := seen[name]; ok {
			return i, fmt.Errorf("columns %d and %d have the same name %q", first+1, i+1, name)
		}
		seen[name] = i
	}
	return 0, nil
}
