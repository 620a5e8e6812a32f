package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// readSome reads at most a few thousand rows of a file, without caring what is in them.
func readSome(ctx context.Context, path string) (rows int, err error) {
	src, err := (&Config{Path: []string{path}, Binary: encodeBase64}).Open(ctx, noEnv)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	for b, err := range src.Batches(ctx, nil) {
		if err != nil {
			return rows, err
		}
		for _, r := range b.Rows {
			show(r.Values)
		}
		if rows += len(b.Rows) + len(b.Rejects); rows > 5000 {
			break
		}
	}
	return rows, nil
}

// seeds returns small files that together have every part that can be damaged.
func seeds(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	c := compress.Codecs
	for _, codec := range []compress.Compression{c.Uncompressed, c.Snappy, c.Gzip, c.Brotli, c.Zstd, c.Lz4Raw} {
		tb := mixed(3, 20)
		tb.props = []parquet.WriterProperty{parquet.WithCompression(codec), parquet.WithStats(false)}
		all[codec.String()] = tb.encode(t)
	}
	tb := mixed(3, 20)
	tb.props = []parquet.WriterProperty{parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithDictionaryDefault(false),
		parquet.WithEncoding(parquet.Encodings.DeltaByteArray), parquet.WithEncodingFor("id", parquet.Encodings.DeltaBinaryPacked),
		parquet.WithEncodingFor("place.x", parquet.Encodings.ByteStreamSplit)}
	all["deltas"] = tb.encode(t)
	tb = mixed(3, 20)
	tb.props = []parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(30), parquet.WithBatchSize(5), parquet.WithStats(true)}
	all["plain"] = tb.encode(t)
	return all
}

// A file that is cut short at any byte gives an error that names it. One with a byte changed gives rows or such an error;
// in either case soon, and without taking more memory than the limits allow.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "damaged.parquet")
	try := func(t *testing.T, what string, content []byte) error {
		must(t, os.WriteFile(path, content, 0o600))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := readSome(ctx, path)
		if ctx.Err() != nil {
			t.Fatalf("%s: it took more than a minute", what)
		}
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error doesn't name the file: %v", what, err)
		}
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, whole := range seeds(t) {
		t.Run(name, func(t *testing.T) {
			step := max(1, len(whole)/60)
			for n := 0; n < len(whole); n += step {
				if err := try(t, fmt.Sprintf("cut at %d", n), whole[:n]); err == nil {
					t.Errorf("cut at %d of %d: no error", n, len(whole))
				}
			}
			for i := 0; i < len(whole); i += 1 + step/2 {
				for _, bits := range []byte{0x01, 0xff} {
					damaged := bytes.Clone(whole)
					damaged[i] ^= bits
					_ = try(t, fmt.Sprintf("byte %d ^ %#x", i, bits), damaged)
				}
			}
		})
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 512<<20 {
		t.Errorf("the heap has grown by %d MiB", grown>>20)
	}
}

// FuzzOpen reads whatever it is given, from its start and from the middle: it must come to an end, with the rows that
// the file declares or with an error that names the file.
func FuzzOpen(f *testing.F) {
	for _, seed := range victims(f) {
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
	}
	f.Add([]byte("PAR1"))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"))
	path := filepath.Join(f.TempDir(), "fuzz.parquet")
	f.Fuzz(func(t *testing.T, content []byte) {
		tr := &trial{t: t, path: path}
		tr.read(content, "fuzz")
	})
}

// withFooter returns a file that has nothing but the given footer.
func withFooter(footer []byte) []byte {
	b := append([]byte("PAR1"), footer...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(footer)))
	return append(b, "PAR1"...)
}

// What isn't a Parquet file, or one that can't be read, is told as what it is.
func TestNotReadable(t *testing.T) {
	good := mixed(3).encode(t)
	magic := func(head, end string) []byte {
		b := bytes.Clone(good)
		copy(b, head)
		copy(b[len(b)-4:], end)
		return b
	}
	length := bytes.Clone(good)
	binary.LittleEndian.PutUint32(length[len(length)-8:], 1<<31)
	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", nil, "the file is empty"},
		{"short", []byte("PAR1"), "not a Parquet file: 4 bytes are too few"},
		{"CSV", []byte("id,name\n1,Maria\n"), `not a Parquet file: it begins with "id,n" and ends in "ria\n"`},
		{"cut short", good[:len(good)-1], "the file is cut short or still being written"},
		{"encrypted", magic("PARE", "PARE"), "the file's footer is encrypted, which is not supported"},
		{"length", length, "it declares a footer of 2147483648 bytes, but has only"},
		{"no footer", withFooter(nil), "the file's footer is damaged: it ends too early"},
		{"empty footer", withFooter([]byte{0}), "the file's footer is damaged: it has no schema"},
		{"huge list", withFooter([]byte{0x29, 0xfc, 0xff, 0xff, 0xff, 0x07, 0}), "a list of 16777215 elements in 1 bytes"},
		{"deep", withFooter(bytes.Repeat([]byte{0x1c}, 1000)), "it is nested too deeply"},
		{"children", withFooter([]byte{0x29, 0x1c, 0x48, 0x01, 'a', 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0}), "declares 2147483647 children, but 0 elements are left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := save(t, "t.parquet", test.content)
			_, err := readSome(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		want := `"` + dir + `" is a folder: name its files, such as "` + dir + `/*.parquet"`
		if _, err := readSome(t.Context(), dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

// A footer that promises more rows than there can be is refused before they are looked for.
func TestForgedRowCounts(t *testing.T) {
	tb := table{fields: schema.FieldList{intField("c", required)}, groups: [][]data{{{values: []int64{1, 2, 3}}}}}
	in, err := openInput(tb.save(t, "t.parquet"))
	must(t, err)
	defer in.close()
	for _, test := range []struct {
		group, file int64
		want        string
	}{
		{-1, -1, "declares -1 rows"},
		{1 << 40, 1 << 40, "declares 1099511627776 rows, which a file of"},
		{3, 4, "the file declares 4 rows, but its row groups have 3"},
	} {
		in.meta.RowGroups[0].NumRows, in.meta.NumRows = test.group, test.file
		if err := checkRowCounts(in.meta, in.size); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	in.meta.RowGroups[0].NumRows, in.meta.NumRows = 4, 4
	_, err = openGroup(in, 0, mustColumns(t, in), encodeBase64, 0)
	if want := `row group 1: column "c": it declares 3 values for 4 rows`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func mustColumns(t *testing.T, in *input) []column {
	t.Helper()
	columns, err := columnsOf(in.meta.Schema.Root(), encodeBase64)
	must(t, err)
	return columns
}

// Damage to a page names the file, the row group and the column.
func TestDamageNamesItsPlace(t *testing.T) {
	tb := table{
		fields: schema.FieldList{intField("id", required), stringField("name", required)},
		groups: [][]data{{{values: []int64{1}}, {values: []string{"first"}}}, {{values: []int64{2}}, {values: []string{"second"}}}},
		props:  []parquet.WriterProperty{parquet.WithDictionaryDefault(false), parquet.WithStats(false)},
	}
	content := tb.encode(t)
	at := bytes.Index(content, []byte("second"))
	content[at-4] = 0x7f // the length of the text
	path := save(t, "t.parquet", content)
	rows, err := readSome(t.Context(), path)
	if want := path + `: row group 2: column "name": `; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if rows != 1 {
		t.Errorf("%d rows before the damage, want 1", rows)
	}
}

// The codecs that would decode whatever they are asked to stop at the size that the page's header declares.
func TestBoundedCodecs(t *testing.T) {
	boundCodecs()
	for _, id := range []compress.Compression{compress.Codecs.Snappy, compress.Codecs.Zstd, compress.Codecs.Gzip, compress.Codecs.Brotli, compress.Codecs.Lz4Raw} {
		codec, err := compress.GetCodec(id)
		must(t, err)
		bomb := codec.Encode(nil, make([]byte, 64<<20))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if got, err := compress.Decode(codec, make([]byte, 100), bomb); err == nil {
			t.Errorf("%s: %d bytes for 100, and no error", id, len(got))
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 40<<20 {
			t.Errorf("%s: decoding allocated %d MiB", id, grown>>20)
		}
	}
}

// The pages of all columns together can't take more memory than the limit.
func TestPageMemory(t *testing.T) {
	mem := newLimited(1000)
	b := mem.Allocate(600)
	err := guard(func() error { mem.Allocate(600); return nil })
	if err != tooMuch(1000) {
		t.Errorf("got %v", err)
	}
	mem.Free(b)
	b = mem.Reallocate(900, mem.Allocate(500))
	if err := guard(func() error { mem.Reallocate(1001, b); return nil }); err != tooMuch(1000) {
		t.Errorf("got %v", err)
	}
}

// A file of one large row group is read page by page: its values would take 100 MiB.
func TestMemoryOfOneLargeRowGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.parquet")
	must(t, os.WriteFile(path, synthetic(t, 400_000, 1<<30), 0o600))
	src := open(t, nil, path)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most, n := m.HeapAlloc, m.HeapAlloc, 0
	for b, err := range src.Batches(t.Context(), nil) {
		must(t, err)
		n += len(b.Rows)
		if n%(64*1024) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	size, err := os.Stat(path)
	must(t, err)
	if most-before > 24<<20 || n != 400_000 {
		t.Errorf("%d rows of a file of %d MiB took %d MiB of live memory", n, size.Size()>>20, (most-before)>>20)
	}
}
