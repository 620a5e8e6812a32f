package parquet

import (
	"errors"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"sluice/pipeline"
)

// A typedChunk is one of Arrow's readers of a leaf of a row group.
type typedChunk[T any] interface {
	ReadBatchInPage(most int64, values []T, defs, reps []int16) (levels int64, read int, err error)
	Err() error
	Close() error
}

// Cells reads one leaf of one row group piece by piece. A piece lies within one page, and its values are views of the
// page that are valid until the next piece is loaded.
type cells[T any] struct {
	chunk  typedChunk[T]
	conv   conversion[T]
	weight func(T) int // bytes of a value's text; nil if they don't matter
	piece  int         // values in a piece, at most
	maxDef int16
	maxRep int16
	pages  *checkedPages                               // that the chunk reads
	memo   func(a *arena, v T) (pipeline.Value, error) // conv.of for entries of the dictionary; nil where it is as good

	values []T
	defs   []int16 // nil where there are no nulls
	reps   []int16 // nil where nothing repeats
	n      int     // levels in the piece
	level  int     // next level
	value  int     // next value
}

func newCells[T any](chunk typedChunk[T], conv conversion[T], weight func(T) int, l leafInfo) *cells[T] {
	c := &cells[T]{chunk: chunk, conv: conv, weight: weight, piece: l.piece, maxDef: l.maxDef, maxRep: l.maxRep, pages: l.pages}
	c.values = make([]T, l.piece)
	if l.maxDef > 0 {
		c.defs = make([]int16, l.piece)
	}
	if l.maxRep > 0 {
		c.reps = make([]int16, l.piece)
	}
	return c
}

var errLevels = errors.New("its levels and values don't fit together: the file is damaged")

// load reads the next piece; false at the end.
func (c *cells[T]) load() (bool, error) {
	levels, read, err := c.chunk.ReadBatchInPage(int64(c.piece), c.values, c.defs, c.reps)
	if err != nil {
		return false, err
	}
	if err := c.chunk.Err(); err != nil {
		return false, err
	}
	c.n, c.level, c.value = int(levels), 0, 0
	if levels == 0 {
		return false, nil
	}
	want := int(levels)
	if c.defs != nil {
		want = 0
		for _, d := range c.defs[:levels] {
			if d == c.maxDef {
				want++
			} else if d > c.maxDef || d < 0 {
				return false, errLevels
			}
		}
	}
	for _, r := range c.reps[:min(len(c.reps), int(levels))] {
		if r > c.maxRep || r < 0 {
			return false, errLevels
		}
	}
	if want != read {
		return false, errLevels
	}
	return true, nil
}

// ready returns how many rows can be taken from the piece at hand, at most n. It is for leaves that have one value a row.
func (c *cells[T]) ready(n int) (int, error) {
	if c.level == c.n {
		ok, err := c.load()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, errors.New("it ends before its row group does: the file is damaged")
		}
	}
	return min(n, c.n-c.level), nil
}

// weigh adds the bytes of the texts of the next rows to sizes.
func (c *cells[T]) weigh(sizes []int) {
	if c.weight == nil {
		return
	}
	v := c.value
	for i := range sizes {
		if c.defs == nil || c.defs[c.level+i] == c.maxDef {
			sizes[i] += c.weight(c.values[v])
			v++
		}
	}
}

// take stores the values of the next n rows, stride apart.
func (c *cells[T]) take(n int, out []pipeline.Value, stride int, a *arena, refuse func(row int, err error)) error {
	of := c.conv.of
	if c.memo != nil && c.pages.coded && c.pages.entries <= mostEntries {
		of = c.memo
	}
	for i := range n {
		if c.defs != nil && c.defs[c.level+i] != c.maxDef {
			out[i*stride] = pipeline.Value{}
			continue
		}
		v, err := of(a, c.values[c.value])
		if err != nil {
			refuse(i, err)
		}
		out[i*stride] = v
		c.value++
	}
	c.level += n
	return nil
}

// skip passes over n rows. It decodes them: Arrow's own skipping doesn't come to an end where values are missing.
func (c *cells[T]) skip(n int64) error {
	for n > 0 {
		step, err := c.ready(int(min(n, int64(c.piece))))
		if err != nil {
			return err
		}
		for i := range step {
			if c.defs == nil || c.defs[c.level+i] == c.maxDef {
				c.value++
			}
		}
		c.level += step
		n -= int64(step)
	}
	return nil
}

func (c *cells[T]) close() error { return c.chunk.Close() }

// A leafInfo is what is known of a leaf before it is read.
type leafInfo struct {
	maxDef, maxRep int16
	piece          int
	binary         string
	pages          *checkedPages
}

// A cellReader is a *cells of any type.
type cellReader interface {
	stream
	fill(l *leaf) (bool, error)
}

// newCellReader returns the reader of a leaf with the conversion that its logical type asks for.
func newCellReader(r file.ColumnChunkReader, l leafInfo) (cellReader, error) {
	n := r.Descriptor().SchemaNode()
	switch r := r.(type) {
	case *file.BooleanColumnChunkReader:
		return newCells(r, boolean(primitive(n)), nil, l), nil
	case *file.Int32ColumnChunkReader:
		return newCells(r, int32s(primitive(n)), nil, l), nil
	case *file.Int64ColumnChunkReader:
		return newCells(r, int64s(primitive(n)), nil, l), nil
	case *file.Int96ColumnChunkReader:
		return newCells(r, int96s(primitive(n)), nil, l), nil
	case *file.Float32ColumnChunkReader:
		return newCells(r, float32s(primitive(n)), nil, l), nil
	case *file.Float64ColumnChunkReader:
		return newCells(r, float64s(primitive(n)), nil, l), nil
	case *file.ByteArrayColumnChunkReader:
		conv := byteArrays[parquet.ByteArray](bytesOf(primitive(n), l.binary))
		c := newCells(r, conv, func(v parquet.ByteArray) int { return len(v) }, l)
		c.memo = (&memo{conv: conv}).of
		return c, nil
	case *file.FixedLenByteArrayColumnChunkReader:
		conv := byteArrays[parquet.FixedLenByteArray](bytesOf(primitive(n), l.binary))
		return newCells(r, conv, func(v parquet.FixedLenByteArray) int { return len(v) }, l), nil
	}
	return nil, errors.New("its type is unknown")
}
