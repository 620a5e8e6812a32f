package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/file"

	"sluice/pipeline"
)

// A stream reads one column of one row group. Its methods may panic at damaged data.
type stream interface {
	// ready returns how many rows can be taken at once: at least 1, at most n.
	ready(n int) (int, error)
	// weigh adds to sizes the bytes of the texts of the next rows, of which there are that many ready.
	weigh(sizes []int)
	// take stores the values of the next n rows in out, stride apart. Rows that can't be represented go to refuse.
	take(n int, out []pipeline.Value, stride int, a *arena, refuse func(row int, err error)) error
	// skip passes over n rows.
	skip(n int64) error
	close() error
}

// A rowGroup reads the columns of one row group in step.
type rowGroup struct {
	label   string // for errors: "row group 2"
	left    int64  // rows
	names   []string
	streams []stream
}

// openGroup opens row group i of a file, and passes over the first rows of it.
func openGroup(f *input, i int, columns []column, enc string, skip int64) (*rowGroup, error) {
	g := &rowGroup{label: fmt.Sprintf("row group %d", i+1), left: f.meta.RowGroups[i].NumRows - skip}
	if g.left == 0 {
		return g, nil
	}
	var reader *file.RowGroupReader
	if err := guard(func() error { reader = f.reader.RowGroup(i); return nil }); err != nil {
		return nil, fmt.Errorf("%s: %w", g.label, err)
	}
	for _, c := range columns {
		var s stream
		err := guard(func() (err error) {
			s, err = openColumn(f, reader, c, enc)
			return err
		})
		if err != nil {
			g.close()
			return nil, g.blame(c.field.Name, err)
		}
		g.names = append(g.names, c.field.Name)
		g.streams = append(g.streams, s)
	}
	for k, s := range g.streams {
		if err := guard(func() error { return s.skip(skip) }); err != nil {
			g.close()
			return nil, g.blame(g.names[k], err)
		}
	}
	return g, nil
}

func (g *rowGroup) blame(column string, err error) error {
	return fmt.Errorf("%s: column %q: %w", g.label, column, err)
}

func openColumn(f *input, reader *file.RowGroupReader, c column, enc string) (stream, error) {
	if c.flat() {
		return openLeaf(f, reader, c.leaf, true, enc)
	}
	var leaves []*leaf
	for i := range c.leaves {
		cells, err := openLeaf(f, reader, c.leaf+i, false, enc)
		if err != nil {
			for _, l := range leaves {
				l.cells.close()
			}
			return nil, err
		}
		leaves = append(leaves, &leaf{cells: cells, mem: f.mem, errs: map[int]error{}})
	}
	b := &treeBuilder{rest: leaves}
	return &nested{tree: b.node(c.node, 0, 0)}, nil
}

func openLeaf(f *input, reader *file.RowGroupReader, i int, flat bool, enc string) (cellReader, error) {
	chunk, err := locate(reader.MetaData(), i, f.size, flat)
	if err != nil {
		return nil, err
	}
	span, err := inspect(f.file, chunk)
	if err != nil {
		return nil, err
	}
	d := f.meta.Schema.Column(i)
	r, pages, err := newColumnReader(reader, d, i, f.mem)
	if err != nil {
		return nil, err
	}
	return newCellReader(r, leafInfo{
		maxDef: d.MaxDefinitionLevel(),
		maxRep: d.MaxRepetitionLevel(),
		piece:  span.piece(f.piece),
		binary: enc,
		pages:  pages,
	})
}

// ready returns how many rows can be taken from all columns, at most n.
func (g *rowGroup) ready(n int) (int, error) {
	n = int(min(int64(n), g.left))
	for i, s := range g.streams {
		err := guard(func() (err error) {
			n, err = s.ready(n)
			return err
		})
		if err != nil {
			return 0, g.blame(g.names[i], err)
		}
	}
	return n, nil
}

// take stores the values of the next n rows in slab, row after row.
func (g *rowGroup) take(n int, slab []pipeline.Value, a *arena, refuse func(row int, err error)) error {
	for i, s := range g.streams {
		blamed := func(row int, err error) { refuse(row, &columnError{g.names[i], err}) }
		err := guard(func() error { return s.take(n, slab[i:], len(g.streams), a, blamed) })
		if err != nil {
			return g.blame(g.names[i], err)
		}
	}
	g.left -= int64(n)
	return nil
}

// close releases the pages. What it can't release has been reported before.
func (g *rowGroup) close() {
	for _, s := range g.streams {
		_ = guard(s.close)
	}
}

// A columnError is the reason why a row is refused, with the column that is to blame.
type columnError struct {
	column string
	err    error
}

func (e *columnError) Error() string { return fmt.Sprintf("column %q: %v", e.column, e.err) }
func (e *columnError) Unwrap() error { return e.err }
