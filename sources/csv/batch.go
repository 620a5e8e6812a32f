package csv

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
	"unsafe"

	"sluice/pipeline"
)

// batchCells bounds a batch, beside its number of rows, and beside what the reader's buffer holds at once.
const batchCells = 1 << 20

// A batch collects rows and rejects. Its texts are views of what the reader holds.
type batch struct {
	*source
	charset string // of the file that is being read
	span    [2]int // the first and the last field of a record that rows need
	simple  bool   // a text that isn't empty is what it is

	limit   int // rows and rejects
	rows    []pipeline.Row
	values  []pipeline.Value // of all rows
	rejects []pipeline.Reject
}

func newBatch(s *source) *batch {
	limit := max(1, min(pipeline.BatchRows, batchCells/max(1, s.width)))
	b := &batch{source: s, simple: len(s.dialect.nulls) == 0, limit: limit, rows: make([]pipeline.Row, 0, limit)}
	b.values = make([]pipeline.Value, limit*s.width)
	if len(s.columns) > 0 {
		b.span = [2]int{s.columns[0].place, s.columns[len(s.columns)-1].place}
	}
	return b
}

func (b *batch) full() bool { return len(b.rows)+len(b.rejects) >= b.limit }

func (b *batch) empty() bool { return len(b.rows)+len(b.rejects) == 0 }

func (b *batch) take(end pipeline.Position) pipeline.Batch {
	return pipeline.Batch{Rows: b.rows, Rejects: b.rejects, End: end}
}

// reset forgets the rows. Rejects may still be in use; values and rows may not.
func (b *batch) reset() { b.rows, b.rejects = b.rows[:0], nil }

// add adds the record that r has read.
func (b *batch) add(r *reader, path string) {
	place := pipeline.Place{Name: path, Line: r.start}
	if r.count != len(b.names) {
		b.refuse(place, "ragged_row", b.ragged(r.count))
		return
	}
	values, err := b.convert(r)
	if err != nil {
		b.refuse(place, err.Code, err.Err)
		return
	}
	b.rows = append(b.rows, pipeline.Row{Place: place, Values: values})
}

func (b *batch) ragged(count int) error {
	wanted := "as in the header"
	if !b.dialect.header {
		wanted = "as columns has names"
	}
	return fmt.Errorf("the row has %s, want %d, %s", plural(count, "field"), len(b.names), wanted)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (b *batch) refuse(place pipeline.Place, code string, err error) {
	b.rejects = append(b.rejects, pipeline.Reject{Place: place, Stage: "source", Code: code, Err: err})
}

// convert returns the values of the record that r has read, and holds. Behind the values is room for what later stages append.
func (b *batch) convert(r *reader) ([]pipeline.Value, *pipeline.RowError) {
	n := len(b.rows) * b.width
	values := b.values[n : n+len(b.columns) : n+b.width]
	if len(b.columns) == 0 {
		return values, nil
	}
	low, high := r.fields[b.span[0]].start(), r.fields[b.span[1]].end()
	part := r.record[low:high]
	if err := b.checkText(r, part); err != nil {
		return nil, err
	}
	r.held = true
	text, fields := view(part), r.fields
	for i := range b.columns {
		c := &b.columns[i]
		f := fields[c.place]
		s := text[f.start()-low : f.end()-low]
		if b.simple && c.typ == pipeline.String && s != "" && !f.is(doubled) { // nearly all of them
			values[i] = pipeline.StringValue(s)
			continue
		}
		if f.is(doubled) {
			s = view(r.plain(f))
		}
		v, err := b.dialect.value(c, s, f.is(quoted))
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// view returns text without a copy. It must not change while the string is in use.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// value returns what a field with that text stands for.
func (d *dialect) value(c *column, s string, quoted bool) (pipeline.Value, *pipeline.RowError) {
	if s == "" && (c.typ != pipeline.String || !quoted && !d.emptyText) || len(d.nulls) > 0 && slices.Contains(d.nulls, s) {
		return pipeline.Value{}, nil
	}
	v, ok := pipeline.ParseText(c.typ, s)
	if !ok {
		return v, rowError("bad_"+c.typ.String(), "column %q has %s, want %s", c.name, pipeline.Quote(s), pipeline.Expected(c.typ))
	}
	return v, nil
}

// checkText returns an error if a value that rows need isn't text in the file's encoding.
func (b *batch) checkText(r *reader, part []byte) *pipeline.RowError {
	if r.ascii || b.validText(part) {
		return nil
	}
	for _, c := range b.columns {
		if text := r.plain(r.fields[c.place]); !b.validText(text) {
			return rowError("bad_encoding", "column %q has %s, which isn't %s text: correct it, or set encoding to the one that the file has",
				c.name, pipeline.Quote(string(text)), b.charset)
		}
	}
	return nil // it is a column that isn't needed
}

// validText tells whether text is UTF-8 and, where it was decoded, nothing had to be replaced for that.
func (b *batch) validText(text []byte) bool {
	return utf8.Valid(text) && (b.charset == "utf-8" || !bytes.ContainsRune(text, utf8.RuneError))
}

func rowError(code, format string, args ...any) *pipeline.RowError {
	e, _ := errors.AsType[*pipeline.RowError](pipeline.Rejectf(code, format, args...))
	return e
}
