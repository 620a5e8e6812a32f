package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// Limits of what a footer may ask for. They are far above what real files have.
const (
	maxFooter      = 32 << 20
	maxFooterTree  = 256 << 20 // bytes that a footer takes once it is decoded, about
	maxColumns     = 10_000
	maxSchemaDepth = 64
	maxSchemaPaths = 16 << 20 // bytes of all leaves' full names
	maxRowsPerByte = 1 << 16  // of a file: a constant column takes next to nothing
	maxScale       = 1000     // of a decimal
)

const tail = 8 // the footer's length and the magic bytes

// readFooter returns the bytes of a file's footer.
func readFooter(f *os.File, size int64) ([]byte, error) {
	if size == 0 {
		return nil, errors.New("the file is empty")
	}
	if size < 4+tail {
		return nil, fmt.Errorf("not a Parquet file: %d bytes are too few", size)
	}
	var head [4]byte
	var end [tail]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, err
	}
	if _, err := f.ReadAt(end[:], size-tail); err != nil {
		return nil, err
	}
	if err := checkMagic(string(head[:]), string(end[4:])); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(end[:4]))
	if n > size-4-tail {
		return nil, fmt.Errorf("the file is damaged: it declares a footer of %d bytes, but has only %d", n, size-4-tail)
	}
	if n > maxFooter {
		return nil, fmt.Errorf("the footer of %d bytes is larger than the %d that are supported", n, maxFooter)
	}
	buf := make([]byte, n)
	_, err := f.ReadAt(buf, size-tail-n)
	return buf, err
}

func checkMagic(head, end string) error {
	switch {
	case end == "PARE" || head == "PARE":
		return errors.New("the file's footer is encrypted, which is not supported")
	case head == "PAR1" && end == "PAR1":
		return nil
	case head == "PAR1":
		return fmt.Errorf("the file is cut short or still being written: it ends in %q, not in \"PAR1\"", end)
	}
	return fmt.Errorf("not a Parquet file: it begins with %q and ends in %q, not \"PAR1\"", head, end)
}

// parseFooter decodes a footer after having checked what a decoder would believe: the sizes of lists, and the shape of
// the schema.
func parseFooter(buf []byte, size int64) (*metadata.FileMetaData, error) {
	if err := checkFooter(buf); err != nil {
		return nil, fmt.Errorf("the file's footer is damaged: %w", err)
	}
	var meta *metadata.FileMetaData
	err := guard(func() (err error) {
		if meta, err = metadata.NewFileMetaData(buf, nil); err != nil {
			return err
		}
		meta.SetSourceFileSize(size)
		return checkRowCounts(meta, size)
	})
	if err != nil {
		return nil, fmt.Errorf("the file's footer is damaged: %w", err)
	}
	return meta, nil
}

func checkFooter(buf []byte) error {
	const schemaField = 2
	c := &compact{buf: buf, most: maxFooterTree}
	var shape schemaShape
	c.structure(func(id int64, typ byte) {
		if id != schemaField || typ != thriftList {
			c.skip(typ)
			return
		}
		n, elem := c.list()
		if elem != thriftStruct && n > 0 {
			c.fail(errors.New("its schema isn't a list of structures"))
		}
		for i := uint64(0); i < n && c.err == nil; i++ {
			if err := shape.add(readElement(c), n-i-1); err != nil {
				c.fail(err)
			}
		}
	})
	if c.err != nil {
		return c.err
	}
	return shape.end()
}

// An element is what is checked of one element of a schema.
type element struct {
	name     int // length
	children int64
	typed    bool
}

func readElement(c *compact) (e element) {
	c.structure(func(id int64, typ byte) {
		switch {
		case id == 4 && typ == thriftBinary:
			e.name = len(c.binary())
		case id == 5 && typ == thriftI32:
			e.children = c.int()
		default:
			e.typed = e.typed || id == 1
			c.skip(typ)
		}
	})
	return e
}

// A schemaShape follows a schema, which is a tree given in depth-first order.
type schemaShape struct {
	open   []group // from the root to the current one
	seen   bool
	leaves int
	paths  int
}

type group struct {
	left int64 // children still to come
	path int   // length of its full name
}

func (s *schemaShape) add(e element, left uint64) error {
	for len(s.open) > 0 && s.open[len(s.open)-1].left == 0 {
		s.open = s.open[:len(s.open)-1]
	}
	path := e.name + 1
	switch {
	case s.seen && len(s.open) == 0:
		return errors.New("its schema has more than one root")
	case s.seen:
		parent := &s.open[len(s.open)-1]
		parent.left--
		path += parent.path
	}
	root := !s.seen
	s.seen = true
	switch {
	case e.children < 0 || uint64(e.children) > left:
		return fmt.Errorf("a group declares %d children, but %d elements are left", e.children, left)
	case e.children > 0 || root:
		s.open = append(s.open, group{e.children, path})
	case !e.typed:
		return errors.New("a group of its schema has no columns")
	default:
		s.leaves++
		s.paths += path
	}
	if s.leaves > maxColumns {
		return fmt.Errorf("its schema has more than the %d columns that are supported", maxColumns)
	}
	if len(s.open) > maxSchemaDepth {
		return fmt.Errorf("its schema is nested more than %d deep", maxSchemaDepth)
	}
	if s.paths > maxSchemaPaths {
		return errors.New("the names of its columns are too long")
	}
	return nil
}

func (s *schemaShape) end() error {
	for _, g := range s.open {
		if g.left > 0 {
			return errors.New("its schema ends too early")
		}
	}
	if !s.seen {
		return errors.New("it has no schema")
	}
	return nil
}

// checkRowCounts holds the declared numbers of rows, and the sizes of columns, against each other and against the file's
// size.
func checkRowCounts(meta *metadata.FileMetaData, size int64) error {
	var sum, bytes int64
	for i, g := range meta.RowGroups {
		if g.NumRows < 0 || g.NumRows > size*maxRowsPerByte-sum {
			return fmt.Errorf("row group %d declares %d rows, which a file of %d bytes can't hold", i+1, g.NumRows, size)
		}
		sum += g.NumRows
		if len(g.Columns) != meta.Schema.NumColumns() {
			return fmt.Errorf("row group %d has %d columns, but the schema has %d", i+1, len(g.Columns), meta.Schema.NumColumns())
		}
		for k, c := range g.Columns {
			if c.MetaData == nil {
				return fmt.Errorf("row group %d: column %d isn't described", i+1, k+1)
			}
			if n := c.GetMetaData().GetTotalCompressedSize(); n > 0 {
				bytes += min(n, size)
			}
		}
		if bytes > size {
			return fmt.Errorf("row group %d: its columns and those before it declare more bytes than the file's %d", i+1, size)
		}
	}
	if sum != meta.NumRows {
		return fmt.Errorf("the file declares %d rows, but its row groups have %d", meta.NumRows, sum)
	}
	return nil
}
