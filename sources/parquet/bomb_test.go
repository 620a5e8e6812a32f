package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// readAloneEnv names a file for a process of its own to read, whose memory nothing else has grown.
const readAloneEnv = "SLUICE_TEST_READ_PARQUET"

// A reading is what such a process tells.
type reading struct {
	Rows int
	Err  string
	Heap uint64 // bytes of the heap when it was largest
}

func readAlone(path string) {
	var r reading
	var err error
	if r.Rows, err = readSome(context.Background(), path); err != nil {
		r.Err = err.Error()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Heap = m.HeapSys
	_ = json.NewEncoder(os.Stdout).Encode(r)
}

// zeros returns a file of one row group whose columns have n zeros each, in one page each.
func zeros(t *testing.T, columns, n int, codec compress.Compression) []byte {
	tb := table{groups: [][]data{nil}}
	for i := range columns {
		tb.fields = append(tb.fields, intField(fmt.Sprint("c", i), required))
		tb.groups[0] = append(tb.groups[0], data{values: make([]int64, 1)})
	}
	return inflate(t, tb, codec, n, n, make([]byte, 8*n))
}

// endlessList returns a file with one row, a list of n nulls.
func endlessList(t *testing.T, n int) []byte {
	tb := table{
		fields: schema.FieldList{list3(strings.Repeat("c", 99), optional, intField("element", optional))},
		groups: [][]data{{{values: []int64{}, defs: []int16{2}, reps: []int16{0}}}},
	}
	var page []byte
	for _, runs := range [][]int{{1, 0, n - 1, 1}, {n, 2}} { // how often which repetition level, and which definition level
		var levels []byte
		for i := 0; i < len(runs); i += 2 {
			levels = append(binary.AppendUvarint(levels, uint64(runs[i])<<1), byte(runs[i+1]))
		}
		page = append(binary.LittleEndian.AppendUint32(page, uint32(len(levels))), levels...)
	}
	return inflate(t, tb, compress.Codecs.Zstd, 1, n, page)
}

// inflate returns a table's file with another page as each column's only one, of n values in a number of rows. To have it
// written by a writer would take many times the memory, and the time, that reading takes.
func inflate(t *testing.T, tb table, codec compress.Compression, rows, n int, plain []byte) []byte {
	tb.props = []parquet.WriterProperty{parquet.WithCompression(codec), parquet.WithDictionaryDefault(false), parquet.WithStats(false)}
	whole := tb.encode(t)
	size := int(binary.LittleEndian.Uint32(whole[len(whole)-tail:]))
	meta, err := parseFooter(whole[len(whole)-tail-size:len(whole)-tail], int64(len(whole)))
	must(t, err)
	c, err := compress.GetCodec(codec)
	must(t, err)
	body := c.Encode(nil, plain)
	const rle = 3
	page := append(thrift(1, dataPage, 2, len(plain), 3, len(body), 5, thrift(1, n, 2, 0, 3, rle, 4, rle)), body...)
	file := []byte("PAR1")
	group := meta.RowGroups[0]
	for _, column := range group.Columns {
		m := column.MetaData
		m.NumValues, m.DataPageOffset = int64(n), int64(len(file))
		m.TotalCompressedSize, m.TotalUncompressedSize = int64(len(page)), int64(len(page)-len(body)+len(plain))
		file = append(file, page...)
	}
	meta.NumRows, group.NumRows = int64(rows), int64(rows)
	footer, err := meta.Serialize(context.Background())
	must(t, err)
	return withData(file, footer)
}

// A run is a list of structures, one after the other.
type run struct {
	n    int
	body []byte
}

// thrift writes a structure of Thrift's compact protocol: each field is its number and an int64, []byte (as it is, a
// structure), string or run.
func thrift(fields ...any) (b []byte) {
	last := 0
	for i := 0; i < len(fields); i += 2 {
		id := fields[i].(int)
		head := byte(id-last) << 4
		last = id
		switch v := fields[i+1].(type) {
		case int:
			b = binary.AppendVarint(append(b, head|thriftI32), int64(v))
		case []byte:
			b = append(append(b, head|thriftStruct), v...)
		case string:
			b = append(binary.AppendUvarint(append(b, head|thriftBinary), uint64(len(v))), v...)
		case run:
			b = append(b, head|thriftList, 0xf0|thriftStruct)
			b = append(binary.AppendUvarint(b, uint64(v.n)), v.body...)
		}
	}
	return append(b, 0)
}

// repeatedly returns a list of n of the same.
func repeatedly(n int, one ...byte) run { return run{n, bytes.Repeat(one, n)} }

// columns returns the elements of a schema of n columns.
func columns(n int) run {
	body := thrift(4, "root", 5, n)
	for i := range n {
		body = append(body, thrift(1, 2, 3, 0, 4, fmt.Sprint("c", i))...)
	}
	return run{n + 1, body}
}

// dictionaryBomb returns a file whose dictionary has as many empty texts as there is room for in n bytes.
func dictionaryBomb(t *testing.T, n int) []byte {
	tb := table{fields: schema.FieldList{stringField("c", required)}, groups: [][]data{{{values: []string{"a", "b", "a", "b"}}}},
		props: []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Zstd), parquet.WithStats(false)}}
	whole := tb.encode(t)
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	must(t, err)
	body := codec.Encode(nil, make([]byte, n))
	page := append(thrift(1, dictionaryPage, 2, n, 3, len(body), 7, thrift(1, n/4, 2, 0)), body...)
	starts := pages(t, whole)
	return forgePage(t, whole, starts[0], starts[1]-starts[0], page)
}

// deltaBomb returns a file of a few bytes whose deltas come in blocks of four thousand million values.
func deltaBomb(t *testing.T) []byte {
	tb := oneColumn(1, 2, 3)
	tb.props = []parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithStats(false), parquet.WithEncoding(parquet.Encodings.DeltaBinaryPacked)}
	whole := tb.encode(t)
	start := pages(t, whole)[0]
	_, header := places(whole[start:])
	head := append(binary.AppendUvarint(nil, 1<<32-128), 1) // instead of blocks of 128 in 4 parts
	return forgePage(t, whole, start+header, 3, head)
}

// A small file that becomes a large one takes no more than half a GiB, whatever it is that grows; what would take more
// is refused.
func TestBombs(t *testing.T) {
	const most = 512 << 20
	const mega = 1 << 20
	c := compress.Codecs
	for _, bomb := range []struct {
		name    string
		content []byte
		rows    int
		want    string
	}{
		{"snappy", zeros(t, 1, 12*mega, c.Snappy), 5120, ""},
		{"gzip", zeros(t, 1, 12*mega, c.Gzip), 5120, ""},
		{"brotli", zeros(t, 1, 12*mega, c.Brotli), 5120, ""},
		{"zstd", zeros(t, 1, 30*mega, c.Zstd), 5120, ""},
		{"lz4", zeros(t, 1, 12*mega, c.Lz4Raw), 5120, ""},
		{"a page over the limit", zeros(t, 1, 33*mega, c.Zstd), 0, `row group 1: column "c0": the page at byte 4: its 276824064 bytes are more than the 268435456 that are supported`},
		{"columns together over the limit", zeros(t, 7, 8*mega, c.Zstd), 0, `row group 1: column "c5": its pages and those of the other columns need more than 384 MiB of memory`},
		{"dictionary", dictionaryBomb(t, 250*mega), 0, `row group 1: column "c": its pages and those of the other columns need more than 384 MiB of memory`},
		{"deltas", deltaBomb(t), 0, `row group 1: column "n": a page stores deltas in blocks of 4294967168 values, in 1 parts`},
		{"an endless list", endlessList(t, 18*mega), 0, `a list has more than 16777216 elements`},
		{"a million columns", withFooter(thrift(1, 1, 2, columns(1_000_000), 3, 0, 4, repeatedly(0))), 0, `the file's footer is damaged: its schema has more than the 10000 columns that are supported`},
		{"columns that are many", zeros(t, 10_000, 3, c.Snappy), 3, ""},
		{"chunks", withFooter(thrift(1, 1, 2, columns(1), 3, 0, 4, repeatedly(1, thrift(1, repeatedly(9*mega, thrift(2, 0)...), 2, 0, 3, 0)...))), 0, "the file's footer is damaged: it takes more than 256 MiB of memory"},
		{"row groups", withFooter(thrift(1, 1, 2, columns(1), 3, 0, 4, repeatedly(3*mega, thrift(1, repeatedly(0), 2, 0, 3, 0)...))), 0, "the file's footer is damaged: it takes more than 256 MiB of memory"},
		{"notes", withFooter(thrift(1, 1, 2, columns(1), 3, 0, 4, repeatedly(0), 5, repeatedly(9*mega, thrift(1, "")...))), 0, "the file's footer is damaged: it takes more than 256 MiB of memory"},
	} {
		t.Run(bomb.name, func(t *testing.T) {
			path := save(t, "bomb.parquet", bomb.content)
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env, cmd.Stderr = append(os.Environ(), readAloneEnv+"="+path), os.Stderr
			out, err := cmd.Output()
			must(t, err)
			var got reading
			must(t, json.Unmarshal(out, &got))
			t.Logf("%d bytes: %d MiB of memory; %d rows, %s", len(bomb.content), got.Heap>>20, got.Rows, got.Err)
			if got.Heap > most {
				t.Errorf("it took %d MiB", got.Heap>>20)
			}
			if got.Rows != bomb.rows || (bomb.want == "") != (got.Err == "") || bomb.want != "" && !(strings.HasPrefix(got.Err, path+": ") && strings.Contains(got.Err, bomb.want)) {
				t.Errorf("got %d rows and %q, want %d and %q", got.Rows, got.Err, bomb.rows, bomb.want)
			}
		})
	}
}
