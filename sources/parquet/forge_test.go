package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// everything returns a table with a column of each physical type, with nulls, and the nested ones of mixed.
func everything(rows int, props ...parquet.WriterProperty) table {
	tb := mixed(rows)
	add := func(f schema.Node, d data) {
		tb.fields = append(tb.fields, f)
		tb.groups[0] = append(tb.groups[0], d)
	}
	var flags []bool
	var ints []int32
	var old []parquet.Int96
	var singles []float32
	var doubles []float64
	var texts, fixed, wide []string
	var defs []int16
	for i := range rows {
		flags, ints, old = append(flags, i%3 == 0), append(ints, int32(i*i)), append(old, int96(2440588, uint64(i)))
		singles, doubles = append(singles, float32(i)/3), append(doubles, float64(i)/7)
		fixed, wide = append(fixed, fmt.Sprintf("%04d", i)), append(wide, fmt.Sprintf("%016d", i))
		if defs = append(defs, int16(i%2)); i%2 == 1 {
			texts = append(texts, fmt.Sprintf("text number %d", i))
		}
	}
	add(field("flag", required, nil, types.Boolean, -1), data{values: flags})
	add(field("small", required, nil, types.Int32, -1), data{values: ints})
	add(field("old", required, nil, types.Int96, -1), data{values: old})
	add(field("single", required, nil, types.Float, -1), data{values: singles})
	add(field("double", required, nil, types.Double, -1), data{values: doubles})
	add(field("fixed", required, nil, types.FixedLenByteArray, 4), data{values: fixed})
	add(field("money", required, schema.NewDecimalLogicalType(38, 10), types.FixedLenByteArray, 16), data{values: wide})
	add(stringField("text", optional), data{values: texts, defs: defs})
	tb.props = append([]parquet.WriterProperty{parquet.WithStats(false), parquet.WithBatchSize(16)}, props...)
	return tb
}

// victims returns small files that together have each codec, encoding, version of pages and physical type.
func victims(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	c, e := compress.Codecs, parquet.Encodings
	for _, codec := range []compress.Compression{c.Uncompressed, c.Snappy, c.Gzip, c.Brotli, c.Zstd, c.Lz4Raw} {
		all[codec.String()] = everything(40, parquet.WithCompression(codec)).encode(t)
	}
	plain := parquet.WithDictionaryDefault(false)
	for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
		in := func(props ...parquet.WriterProperty) []byte {
			return everything(40, append(props, plain, parquet.WithDataPageVersion(version))...).encode(t)
		}
		name := fmt.Sprintf(" in pages of version %d", version+1)
		all["plain"+name] = in(parquet.WithDataPageSize(100))
		var deltas []parquet.WriterProperty
		for _, column := range []string{"id", "small", "place.x"} {
			deltas = append(deltas, parquet.WithEncodingFor(column, e.DeltaBinaryPacked))
		}
		for _, column := range []string{"name", "text", "tags.list.element"} {
			deltas = append(deltas, parquet.WithEncodingFor(column, e.DeltaByteArray))
		}
		for _, column := range []string{"single", "double", "fixed", "money"} {
			deltas = append(deltas, parquet.WithEncodingFor(column, e.ByteStreamSplit))
		}
		all["deltas"+name] = in(append(deltas, parquet.WithEncodingFor("place.lines.list.element", e.DeltaLengthByteArray))...)
	}
	return all
}

// A place is where a number is in a structure of Thrift's compact protocol.
type place struct{ pos, len int }

// A walker finds the numbers of a structure that isn't damaged: integers, and the lengths of lists and texts. It shares
// nothing with the reader that the source has.
type walker struct {
	b     []byte
	pos   int
	found []place
}

// places returns the numbers of the structure at the start of b, and its length.
func places(b []byte) ([]place, int) {
	w := &walker{b: b}
	w.structure()
	return w.found, w.pos
}

func (w *walker) number() int {
	v, n := binary.Uvarint(w.b[w.pos:])
	w.found = append(w.found, place{w.pos, n})
	w.pos += n
	return int(v)
}

func (w *walker) structure() {
	for {
		head := w.b[w.pos]
		if w.pos++; head == 0 {
			return
		}
		if head>>4 == 0 {
			_, n := binary.Uvarint(w.b[w.pos:])
			w.pos += n
		}
		w.value(head & 15)
	}
}

func (w *walker) value(typ byte) {
	switch typ {
	case thriftI16, thriftI32, thriftI64:
		w.number()
	case thriftByte:
		w.pos++
	case thriftDouble:
		w.pos += 8
	case thriftBinary:
		w.pos += w.number()
	case thriftStruct:
		w.structure()
	case thriftList, thriftSet:
		head := w.b[w.pos]
		w.pos++
		n := int(head >> 4)
		if n == 15 {
			n = w.number()
		}
		for range n {
			if w.value(head & 15); head&15 <= thriftFalse {
				w.pos++
			}
		}
	case thriftTrue, thriftFalse:
	default:
		panic(fmt.Sprint("an unexpected type ", typ))
	}
}

// extremes are what each number is replaced by: as an integer (zigzag) they are -1, 0, 1, -2, …; as a length what they are.
var extremes = []uint64{1, 0, 2, 3, 254, math.MaxInt32, 2 * math.MaxInt32, 2*math.MaxInt32 + 1, 1 << 32, 1 << 41, 1 << 62, math.MaxUint64 - 1, math.MaxUint64}

// forgeFooter returns the file with another number at a place of its footer.
func forgeFooter(whole []byte, at place, v uint64) []byte {
	size := int(binary.LittleEndian.Uint32(whole[len(whole)-tail:]))
	start := len(whole) - tail - size
	footer := whole[start : len(whole)-tail]
	forged := append(binary.AppendUvarint(bytes.Clone(footer[:at.pos]), v), footer[at.pos+at.len:]...)
	return withData(whole[:start], forged)
}

// withData returns a file of what comes before the footer, and the footer.
func withData(before, footer []byte) []byte {
	b := append(bytes.Clone(before), footer...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(footer))), "PAR1"...)
}

// forgePage returns the file with other bytes in place of n of its bytes at pos, in a page. Its footer is made to fit.
func forgePage(t testing.TB, whole []byte, pos, n int, with []byte) []byte {
	t.Helper()
	size := int(binary.LittleEndian.Uint32(whole[len(whole)-tail:]))
	start := len(whole) - tail - size
	meta, err := parseFooter(whole[start:len(whole)-tail], int64(len(whole)))
	must(t, err)
	shift := int64(len(with) - n)
	for _, g := range meta.RowGroups {
		for _, c := range g.Columns {
			m := c.MetaData
			from := m.DataPageOffset
			if m.DictionaryPageOffset != nil {
				from = min(from, *m.DictionaryPageOffset)
			}
			if from <= int64(pos) && int64(pos) < from+m.TotalCompressedSize {
				m.TotalCompressedSize += shift
			}
			if m.DataPageOffset > int64(pos) {
				m.DataPageOffset += shift
			}
			if m.DictionaryPageOffset != nil && *m.DictionaryPageOffset > int64(pos) {
				*m.DictionaryPageOffset += shift
			}
		}
	}
	footer, err := meta.Serialize(context.Background())
	must(t, err)
	return withData(append(append(bytes.Clone(whole[:pos]), with...), whole[pos+n:start]...), footer)
}

// pages returns where the headers of a file's pages are.
func pages(t testing.TB, whole []byte) (starts []int) {
	t.Helper()
	in, err := openInput(save(t, "whole.parquet", whole))
	must(t, err)
	defer in.close()
	for i := range in.meta.RowGroups {
		g := in.meta.RowGroup(i)
		for k := range in.meta.Schema.NumColumns() {
			c, err := locate(g, k, in.size, false)
			must(t, err)
			for pos := c.start; pos < c.end; {
				starts = append(starts, int(pos))
				h, err := readPageHeader(in.file, pos, c.end)
				must(t, err)
				pos += h.size + h.compressed
			}
		}
	}
	return starts
}
