package csv

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"sluice/pipeline"
)

type source struct {
	dialect *dialect
	paths   []string
	names   []string // of all columns of the files
	columns []column // that rows have
	width   int      // values that rows have room for
	schema  *pipeline.Schema
}

// A column is one that rows have.
type column struct {
	place int // of its field in a record
	name  string
	typ   pipeline.Type
}

// newSource returns a source of the columns that env needs, or of all of them.
func newSource(d *dialect, paths, names []string, types []pipeline.Type, env pipeline.Env) *source {
	s := &source{dialect: d, paths: paths, names: names, schema: &pipeline.Schema{}}
	for i, name := range names {
		if env.Needed != nil && !slices.Contains(env.Needed, name) && !slices.Contains(env.Key, name) {
			continue
		}
		s.columns = append(s.columns, column{i, name, types[i]})
		s.schema.Fields = append(s.schema.Fields, pipeline.Field{Name: name, Type: types[i]})
	}
	s.width = len(s.columns)
	return s
}

// Room makes room for that many values in every row.
func (s *source) Room(values int) { s.width = max(s.width, values) }

// Schema returns the columns.
func (s *source) Schema() *pipeline.Schema { return s.schema }

// Close does nothing: files are closed when a reading ends.
func (s *source) Close() error { return nil }

// Batches yields the rows after from.
func (s *source) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		p := &pass{source: s, batch: newBatch(s), yield: yield}
		err := p.read(ctx, from)
		if errors.Is(err, errBreak) {
			return
		}
		if ctx.Err() == nil && !p.batch.empty() && !p.flush() {
			return
		}
		if err != nil {
			yield(pipeline.Batch{}, err)
		}
	}
}

// errBreak says that the consumer broke out of its loop.
var errBreak = errors.New("the loop was left")

// A pass is one reading of the files.
type pass struct {
	*source
	batch *batch
	at    position // after the last record that is in batch, or before it
	yield func(pipeline.Batch, error) bool
}

func (p *pass) read(ctx context.Context, from pipeline.Position) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var start *position
	if from != nil {
		at, err := decodePosition(from)
		if err == nil {
			err = p.resume(at)
		}
		if err != nil {
			return err
		}
		start, p.at = &at, at
	}
	for i := p.at.File; i < len(p.paths); i++ {
		if err := p.readFile(ctx, i, start); err != nil {
			return err
		}
		start = nil
	}
	return nil
}

// readFile reads the file with that place in the list, after start if that isn't nil.
func (p *pass) readFile(ctx context.Context, i int, start *position) error {
	before := p.at.Before
	if i > p.at.File {
		var err error
		if before, err = addFile(before, p.paths[i-1]); err != nil {
			return err
		}
	}
	in, err := openInput(ctx, p.paths[i], p.dialect)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := p.begin(in)
	if err == nil && start != nil {
		err = in.continueAt(r, *start)
	}
	if err != nil {
		return err
	}
	p.at = position{Version: positionVersion, File: i, Path: in.path, Before: before}
	err = p.records(ctx, in, r)
	p.mark(r)
	if err == nil {
		err = in.changed()
	}
	return err
}

// begin returns a reader of in that has passed over the header.
func (p *pass) begin(in *input) (*reader, error) {
	r := newReader(in.text, p.dialect)
	r.detect()
	if p.dialect.header {
		names, err := readHeader(in, r)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(names, p.names) {
			return nil, fmt.Errorf("%s: the header has changed since the run began: %s: run again", in.path, differ(p.names, names))
		}
	}
	r.fields = make([]field, len(p.names)+1)
	p.batch.charset = in.charset
	return r, nil
}

// records adds the records of one file to batches, and yields those that are full.
func (p *pass) records(ctx context.Context, in *input, r *reader) error {
	for {
		err := r.next()
		if err == errHeld {
			if err := p.passOn(ctx, r); err != nil {
				return err
			}
			continue
		}
		if bad, ok := err.(*syntaxError); ok {
			p.batch.refuse(pipeline.Place{Name: in.path, Line: r.start}, bad.code, bad.where(r.start))
		} else if err == io.EOF {
			return nil
		} else if err != nil {
			return in.explain(err, r.line-1)
		} else if len(p.names) > 1 && r.blank() {
			continue
		} else {
			p.batch.add(r, in.path)
		}
		if !p.batch.full() {
			continue
		}
		if err := p.passOn(ctx, r); err != nil {
			return err
		}
	}
}

// passOn passes the batch on, and lets go what r holds for it.
func (p *pass) passOn(ctx context.Context, r *reader) error {
	p.mark(r)
	if !p.flush() {
		return errBreak
	}
	r.release()
	return ctx.Err()
}

// mark takes down where r is.
func (p *pass) mark(r *reader) {
	sum := r.sum()
	p.at.Offset, p.at.Line, p.at.Open, p.at.Hash = r.offset, r.line, r.open, hex.EncodeToString(sum[:])
}

func (p *pass) flush() bool {
	ok := p.yield(p.batch.take(p.at.encode()), nil)
	p.batch.reset()
	return ok
}
