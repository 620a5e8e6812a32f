package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/pipeline"
)

// A reader is one reading of a source.
type reader struct {
	src  *source
	at   mark
	line int64 // rows of the current file before the current one

	in    *input
	cols  []column // of the current file, in the schema's order
	group *rowGroup

	arena   arena
	limit   int // rows of a batch
	slab    []pipeline.Value
	rows    []pipeline.Row
	faults  map[int]error // by row
	n       int           // rows so far
	bytes   int           // of their texts, about
	weights []int
}

// start returns a reader of what comes after from.
func (s *source) start(from pipeline.Position) (*reader, error) {
	at, err := s.find(from)
	if err != nil {
		return nil, err
	}
	width := len(s.schema.Fields)
	limit := max(1, min(pipeline.BatchRows, batchCells/max(1, width)))
	r := &reader{src: s, at: at, limit: limit, faults: map[int]error{}}
	r.slab = make([]pipeline.Value, limit*width)
	r.rows = make([]pipeline.Row, limit)
	r.weights = make([]int, limit)
	for _, rows := range s.files[at.File].groups[:at.Group] {
		r.line += rows
	}
	r.line += at.Row
	return r, nil
}

func (r *reader) close() {
	if r.group != nil {
		r.group.close()
		r.group = nil
	}
	if r.in != nil {
		_ = r.in.close() // it was only read
		r.in = nil
	}
}

// batch returns the next rows, with io.EOF after the last ones. Rows returned beside any other error are whole.
func (r *reader) batch(ctx context.Context) (pipeline.Batch, error) {
	r.n, r.bytes = 0, 0
	clear(r.faults)
	var err error
	for r.n < r.limit && err == nil {
		if err = ctx.Err(); err != nil {
			break
		}
		var more bool
		if more, err = r.advance(); err == nil && more {
			more, err = r.step()
			if !more {
				break
			}
		}
	}
	return r.finish(), err
}

// advance makes sure that a row group with rows left is open. It is false where only the end of one was passed, and
// io.EOF after the last file.
func (r *reader) advance() (bool, error) {
	if r.group != nil && r.group.left > 0 {
		return true, nil
	}
	if r.group != nil {
		r.group.close()
		r.group = nil
		r.at.Group, r.at.Row = r.at.Group+1, 0
	}
	if r.in == nil {
		if err := r.open(); err != nil {
			return false, err
		}
	}
	if r.at.Group == len(r.src.files[r.at.File].groups) {
		if r.at.File+1 == len(r.src.files) {
			return false, io.EOF
		}
		r.close()
		r.at = mark{File: r.at.File + 1}
		r.line = 0
		return false, nil
	}
	var err error
	r.group, err = openGroup(r.in, r.at.Group, r.cols, r.src.binary, r.at.Row)
	if err != nil {
		return false, fmt.Errorf("%s: %w", r.in.path, err)
	}
	return r.group.left > 0, nil
}

// open opens the current file, which must be the one that the source has seen.
func (r *reader) open() error {
	k := r.src.files[r.at.File]
	in, err := openInput(k.path)
	if err != nil {
		return err
	}
	if in.digest != k.digest {
		return errors.Join(fmt.Errorf("%s: the file was replaced while it was being read: run again", k.path), in.close())
	}
	columns, err := columnsOf(in.meta.Schema.Root(), r.src.binary)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", k.path, err), in.close())
	}
	byName := map[string]column{}
	for _, c := range columns {
		byName[c.field.Name] = c
	}
	r.cols = r.cols[:0]
	for _, f := range r.src.schema.Fields {
		r.cols = append(r.cols, byName[f.Name])
	}
	r.in = in
	return nil
}

// step takes as many rows as all columns have at hand; false if the batch has no room for the next one.
func (r *reader) step() (bool, error) {
	n, err := r.group.ready(r.limit - r.n)
	if err != nil {
		return false, fmt.Errorf("%s: %w", r.in.path, err)
	}
	if n, err = r.fit(n); n == 0 || err != nil {
		return false, err
	}
	base, width := r.n, len(r.cols)
	refuse := func(row int, err error) {
		if r.faults[base+row] == nil {
			r.faults[base+row] = err
		}
	}
	if err := r.group.take(n, r.slab[base*width:], &r.arena, refuse); err != nil {
		for i := range r.faults {
			if i >= base {
				delete(r.faults, i)
			}
		}
		return false, fmt.Errorf("%s: %w", r.in.path, err)
	}
	for i := range n {
		r.line++
		r.rows[base+i] = pipeline.Row{
			Place:  pipeline.Place{Name: r.in.path, Line: r.line},
			Values: r.slab[(base+i)*width : (base+i+1)*width : (base+i+1)*width],
		}
	}
	r.n += n
	r.at.Row += int64(n)
	return true, nil
}

// fit returns how many of the next n rows the batch has room for: one at least, if it is empty.
func (r *reader) fit(n int) (int, error) {
	sizes := r.weights[:n]
	clear(sizes)
	for _, s := range r.group.streams {
		s.weigh(sizes)
	}
	for i, size := range sizes {
		if r.bytes+size > batchBytes && r.n+i > 0 {
			n = i
			break
		}
		if size > maxRow {
			return 0, fmt.Errorf("%s: row %d has %d bytes of text, more than the %d that are supported: read fewer columns", r.in.path, r.line+1+int64(i), size, maxRow)
		}
		r.bytes += size
	}
	return n, nil
}

// finish returns the batch, with the rows that have a fault set apart.
func (r *reader) finish() pipeline.Batch {
	b := pipeline.Batch{Rows: r.rows[:r.n], End: r.src.position(r.at)}
	if len(r.faults) == 0 {
		return b
	}
	kept := r.rows[:0]
	for i, row := range r.rows[:r.n] {
		err := r.faults[i]
		if err == nil {
			kept = append(kept, row)
			continue
		}
		code := "bad_value"
		if e, ok := errors.AsType[*pipeline.RowError](err); ok {
			code = e.Code
		}
		b.Rejects = append(b.Rejects, pipeline.Reject{Place: row.Place, Stage: "source", Code: code, Err: err})
	}
	b.Rows = kept
	return b
}
