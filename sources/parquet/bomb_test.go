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
	values := data{values: make([]int64, n)}
	tb := table{groups: [][]data{nil}, props: []parquet.WriterProperty{
		parquet.WithCompression(codec), parquet.WithDictionaryDefault(false), parquet.WithStats(false), parquet.WithDataPageSize(1 << 30),
	}}
	for i := range columns {
		tb.fields = append(tb.fields, intField(fmt.Sprint("c", i), required))
		tb.groups[0] = append(tb.groups[0], values)
	}
	return tb.encode(t)
}

// thrift writes a structure of Thrift's compact protocol: each field is its number and an int64, []byte (as it is, a
// structure) or string.
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
		case [][]byte:
			b = append(b, head|thriftList, 0xf0|thriftStruct)
			b = append(binary.AppendUvarint(b, uint64(len(v))), bytes.Join(v, nil)...)
		}
	}
	return append(b, 0)
}

// repeatedly returns a list of n of the same.
func repeatedly(n int, one ...byte) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = one
	}
	return list
}

// columns returns the elements of a schema of n columns.
func columns(n int) [][]byte {
	list := [][]byte{thrift(4, "root", 5, n)}
	for i := range n {
		list = append(list, thrift(1, 2, 3, 0, 4, fmt.Sprint("c", i)))
	}
	return list
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

// endlessList returns a file with one row, a list of n nulls.
func endlessList(t *testing.T, n int) []byte {
	d := data{values: []int64{}, defs: make([]int16, n), reps: make([]int16, n)}
	for i := range n {
		d.defs[i], d.reps[i] = 2, int16(min(i, 1))
	}
	return table{fields: schema.FieldList{list3(strings.Repeat("c", 99), optional, intField("element", optional))}, groups: [][]data{{d}},
		props: []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Zstd), parquet.WithStats(false)}}.encode(t)
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
		{"chunks", withFooter(thrift(1, 1, 2, columns(1), 3, 0, 4, [][]byte{thrift(1, repeatedly(9*mega, thrift(2, 0)...), 2, 0, 3, 0)})), 0, "the file's footer is damaged: it takes more than 256 MiB of memory"},
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
