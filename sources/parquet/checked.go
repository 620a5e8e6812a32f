package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// checkedPages passes on the pages of a column once it has checked what the decoders believe of their content: they
// allocate for as many values as a dictionary or a run of deltas declares, and no panic tells that there is no memory.
type checkedPages struct {
	file.PageReader
	column *schema.Column
	mem    *limited
	taken  int // bytes of mem for what the decoders make of the dictionary and of the current page
	page   int // of them, for the current page
	err    error

	entries int  // of the dictionary
	coded   bool // the values of the current page are entries of the dictionary
}

// newColumnReader returns Arrow's reader of a column's checked pages, and those.
func newColumnReader(g *file.RowGroupReader, c *schema.Column, i int, mem *limited) (file.ColumnChunkReader, *checkedPages, error) {
	pages, err := g.GetColumnPageReader(i)
	if err != nil {
		return nil, nil, err
	}
	checked := &checkedPages{PageReader: pages, column: c, mem: mem}
	buffers := &sync.Pool{New: func() any { return memory.NewResizableBuffer(mem) }}
	//lint:ignore SA1019 the other way to get a reader has none for the pages; nothing of the pool is shared
	return file.NewColumnReader(c, checked, mem, buffers), checked, nil
}

// Next is file.PageReader's.
func (p *checkedPages) Next() bool {
	p.release(p.page)
	p.page = 0
	if !p.PageReader.Next() {
		return false
	}
	p.err = p.check(p.Page())
	enc := parquet.Encoding(p.Page().Encoding())
	p.coded = enc == parquet.Encodings.PlainDict || enc == parquet.Encodings.RLEDict
	return p.err == nil
}

// Err is file.PageReader's.
func (p *checkedPages) Err() error {
	if p.err != nil {
		return p.err
	}
	return p.PageReader.Err()
}

// GetDictionaryPage is file.PageReader's.
func (p *checkedPages) GetDictionaryPage() (*file.DictionaryPage, error) {
	page, err := p.PageReader.GetDictionaryPage()
	if err == nil && page != nil {
		err = p.dictionary(page)
	}
	return page, err
}

// Close is file.PageReader's.
func (p *checkedPages) Close() error {
	p.release(p.taken)
	return p.PageReader.Close()
}

func (p *checkedPages) take(n int) {
	p.mem.take(n)
	p.taken += n
}

func (p *checkedPages) release(n int) {
	p.mem.give(n)
	p.taken -= n
}

func (p *checkedPages) check(page file.Page) error {
	switch page := page.(type) {
	case *file.DictionaryPage:
		return p.dictionary(page)
	case *file.DataPageV1:
		return p.values(page, func(b []byte) ([]byte, error) { return p.afterLevels(page, b) })
	case *file.DataPageV2:
		return p.values(page, func(b []byte) ([]byte, error) {
			return cut(b, int64(page.RepetitionLevelByteLen())+int64(page.DefinitionLevelByteLen()))
		})
	}
	return nil
}

// dictionary checks that a dictionary has as many values as it declares.
func (p *checkedPages) dictionary(page *file.DictionaryPage) error {
	stored, decoded := sizes(p.column)
	n := int(page.NumValues())
	if n > len(page.Data())/stored {
		return fmt.Errorf("it declares a dictionary of %d values in %d bytes: the file is damaged", n, len(page.Data()))
	}
	p.take(n * decoded)
	p.entries = n
	return nil
}

// sizes returns how many bytes a value takes, at least, in a page, and how many once it is decoded.
func sizes(c *schema.Column) (stored, decoded int) {
	const slice = int(unsafe.Sizeof([]byte(nil)))
	switch c.PhysicalType() {
	case parquet.Types.ByteArray:
		return 4, slice
	case parquet.Types.FixedLenByteArray:
		return max(1, c.TypeLength()), slice
	case parquet.Types.Int96:
		return 12, 12
	case parquet.Types.Int64, parquet.Types.Double:
		return 8, 8
	case parquet.Types.Int32, parquet.Types.Float:
		return 4, 4
	}
	return 1, 1
}

// values checks the lengths that values stored as deltas begin with.
func (p *checkedPages) values(page file.Page, afterLevels func([]byte) ([]byte, error)) error {
	enc := parquet.Encoding(page.Encoding())
	streams := map[parquet.Encoding]int{
		parquet.Encodings.DeltaBinaryPacked: 1, parquet.Encodings.DeltaLengthByteArray: 1, parquet.Encodings.DeltaByteArray: 2,
	}[enc]
	if streams == 0 {
		return nil
	}
	rest, err := afterLevels(page.Data())
	for range streams {
		if err != nil {
			return err
		}
		var n int
		if n, rest, err = passDeltas(rest, int64(page.NumValues())); err == nil && enc != parquet.Encodings.DeltaBinaryPacked {
			p.take(4 * n)
			p.page += 4 * n
		}
	}
	return err
}

// afterLevels returns what comes after the levels of a page of version 1.
func (p *checkedPages) afterLevels(page *file.DataPageV1, b []byte) ([]byte, error) {
	for _, levels := range []struct {
		most     int16
		encoding parquet.Encoding
	}{
		{p.column.MaxRepetitionLevel(), page.RepetitionLevelEncoding()},
		{p.column.MaxDefinitionLevel(), page.DefinitionLevelEncoding()},
	} {
		if levels.most == 0 {
			continue
		}
		if levels.encoding != parquet.Encodings.RLE || len(b) < 4 {
			return nil, fmt.Errorf("%s for the levels of values that are stored as deltas is not supported", levels.encoding)
		}
		var err error
		if b, err = cut(b, 4+int64(binary.LittleEndian.Uint32(b))); err != nil {
			return nil, err
		}
	}
	return b, nil
}

var errShortPage = errors.New("a page ends too early: the file is damaged")

// cut returns b without its first n bytes.
func cut(b []byte, n int64) ([]byte, error) {
	if n < 0 || n > int64(len(b)) {
		return nil, errShortPage
	}
	return b[n:], nil
}
