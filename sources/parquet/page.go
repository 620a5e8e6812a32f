package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// A chunk is where the pages of one column of a row group are.
type chunk struct {
	start, end int64
	rows       int64 // of the row group
	values     int64 // with nulls, and with a value for each empty list
	flat       bool  // each row has one value
	growth     int64 // the most bytes that its codec makes of one; 0 if there is no such number
}

// growth returns the most bytes that a codec makes of one byte, by its format; 0 if there is no such number.
func growth(codec compress.Compression) int64 {
	switch codec {
	case compress.Codecs.Uncompressed:
		return 1
	case compress.Codecs.Snappy: // a copy of 64 bytes takes 3
		return 22
	case compress.Codecs.Lz4Raw: // a byte of a length stands for 255
		return 256
	case compress.Codecs.Gzip: // a copy of 258 bytes takes two bits
		return 1032
	}
	return 0
}

// A span is what is learnt of a chunk's pages before they are decoded.
type span struct {
	largest    int64 // bytes of the largest page, uncompressed
	deltaBytes bool  // values are stored as differences to the value before: small pages make large values
}

// piece returns how many values should be decoded at a time.
func (s span) piece(most int) int {
	if !s.deltaBytes {
		return most
	}
	return int(min(int64(most), max(1, 4*maxValue/max(1, s.largest))))
}

// locate returns where column i of a row group is, after having checked that the file has it.
func locate(g *metadata.RowGroupMetaData, i int, size int64, flat bool) (chunk, error) {
	m, err := g.ColumnChunk(i)
	if err != nil {
		return chunk{}, err
	}
	if m.CryptoMetadata() != nil {
		return chunk{}, errors.New("it is encrypted, which is not supported")
	}
	if m.FilePath() != "" {
		return chunk{}, fmt.Errorf("its data is in another file, %q, which is not supported", m.FilePath())
	}
	c := chunk{start: m.DataPageOffset(), rows: g.NumRows(), values: m.NumValues(), flat: flat, growth: growth(m.Compression())}
	if m.HasDictionaryPage() && m.DictionaryPageOffset() > 0 {
		c.start = min(c.start, m.DictionaryPageOffset())
	}
	length := m.TotalCompressedSize()
	if c.start < 4 || length <= 0 || c.start > size || length > size-c.start {
		return chunk{}, fmt.Errorf("its %d bytes at %d are outside of the file's %d: the file is damaged", length, c.start, size)
	}
	c.end = c.start + length
	if flat && c.values != c.rows || c.values < c.rows || c.values > size*maxRowsPerByte {
		return chunk{}, fmt.Errorf("it declares %d values for %d rows: the file is damaged", c.values, c.rows)
	}
	return c, nil
}

// A pageHeader is what is checked of a page's header.
type pageHeader struct {
	kind                     int64
	compressed, uncompressed int64
	values                   int64
	encoding                 int64
	size                     int64 // of the header itself
}

// smallPage is added to a page's size before it is asked how large the page can become: of a few bytes it doesn't matter.
const smallPage = 64

// Kinds of pages.
const (
	dataPage       = 0
	dictionaryPage = 2
	dataPageV2     = 3
)

// inspect reads the headers of a chunk's pages and checks what they declare.
func inspect(r io.ReaderAt, c chunk) (span, error) {
	// Old writers left the dictionary page's header out of the chunk's length.
	const slack = 100
	var s span
	var seen int64
	for pos := c.start; pos < c.end && seen < c.values; {
		h, err := readPageHeader(r, pos, c.end+slack)
		if err != nil {
			return s, fmt.Errorf("the header of the page at byte %d is damaged: %w", pos, err)
		}
		if err := h.check(c, seen); err != nil {
			return s, fmt.Errorf("the page at byte %d: %w", pos, err)
		}
		if h.kind != dictionaryPage {
			seen += h.values
			s.deltaBytes = s.deltaBytes || parquet.Encoding(h.encoding) == parquet.Encodings.DeltaByteArray
		}
		s.largest = max(s.largest, h.uncompressed)
		pos += h.size + h.compressed
		if pos > c.end+slack {
			return s, fmt.Errorf("the page at byte %d ends %d bytes after the column: the file is damaged", pos, pos-c.end)
		}
	}
	return s, nil
}

func (h pageHeader) check(c chunk, seen int64) error {
	switch {
	case h.kind != dataPage && h.kind != dictionaryPage && h.kind != dataPageV2:
		return fmt.Errorf("pages of kind %d are not supported", h.kind)
	case h.compressed < 0 || h.uncompressed < 0 || h.values < 0:
		return errors.New("it declares a negative size: the file is damaged")
	case h.uncompressed > maxPage:
		return fmt.Errorf("its %d bytes are more than the %d that are supported", h.uncompressed, int64(maxPage))
	case c.growth > 0 && h.uncompressed > (h.compressed+smallPage)*c.growth:
		return fmt.Errorf("it declares that its %d bytes become %d, which they can't: the file is damaged", h.compressed, h.uncompressed)
	case h.kind == dictionaryPage && h.values > h.uncompressed:
		return fmt.Errorf("it declares a dictionary of %d values in %d bytes: the file is damaged", h.values, h.uncompressed)
	case h.kind != dictionaryPage && h.values > c.values-seen:
		return fmt.Errorf("it declares %d values, but only %d are left: the file is damaged", h.values, c.values-seen)
	}
	return nil
}

// readPageHeader reads the header at pos, which it expects to be short.
func readPageHeader(r io.ReaderAt, pos, end int64) (pageHeader, error) {
	const largest = 4 << 20
	for n := int64(512); ; n *= 8 {
		buf := make([]byte, min(n, end-pos))
		read, err := r.ReadAt(buf, pos)
		if err != nil && err != io.EOF {
			return pageHeader{}, err
		}
		c := &compact{buf: buf[:read]}
		h := parsePageHeader(c)
		if c.err == nil {
			return h, nil
		}
		if int64(read) < n || n >= largest {
			return pageHeader{}, c.err
		}
	}
}

func parsePageHeader(c *compact) pageHeader {
	h := pageHeader{kind: -1, compressed: -1, uncompressed: -1, values: -1}
	c.structure(func(id int64, typ byte) {
		switch {
		case id == 1 && typ == thriftI32:
			h.kind = c.int()
		case id == 2 && typ == thriftI32:
			h.uncompressed = c.int()
		case id == 3 && typ == thriftI32:
			h.compressed = c.int()
		case (id == 5 || id == 7 || id == 8) && typ == thriftStruct:
			encodingField := map[int64]int64{5: 2, 7: 2, 8: 4}[id]
			c.structure(func(id int64, typ byte) {
				switch {
				case id == 1 && typ == thriftI32:
					h.values = c.int()
				case id == encodingField && typ == thriftI32:
					h.encoding = c.int()
				default:
					c.skip(typ)
				}
			})
		default:
			c.skip(typ)
		}
	})
	h.size = int64(c.pos)
	return h
}
