package csv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// positions returns the positions that a reading yields, and how many rows were read before each.
func positions(t *testing.T, src pipeline.Source) (all []pipeline.Position) {
	t.Helper()
	for b, err := range src.Batches(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b.End)
	}
	return all
}

// numbered returns a file of n rows.
func numbered(n int) string {
	var b strings.Builder
	b.WriteString("id,name\n")
	for i := range n {
		fmt.Fprintf(&b, "%06d,x\n", i)
	}
	return b.String()
}

// A position doesn't fit any more when what was read has changed; the error says what has.
func TestStale(t *testing.T) {
	const suffix = ": what is read has changed since the checkpoint was made"
	text := numbered(1500)
	read := len("id,name\n") + 1024*len("000000,x\n")
	for _, tt := range []struct{ name, b, want string }{
		{"header", strings.Replace(text, "name", "nam2", 1), `b.csv: the first 9224 bytes of text aren't what they were`},
		{"a row before", strings.Replace(text, "000007", "000008", 1), `b.csv: the first 9224 bytes of text aren't what they were`},
		{"the last row before", text[:read-2] + "y" + text[read-1:], `b.csv: the first 9224 bytes of text aren't what they were`},
		{"a row less", strings.Replace(text, "000007,x\n", "", 1), `b.csv: the first 9224 bytes of text aren't what they were`},
		{"cut short", text[:read-1], `b.csv: the text has 9223 bytes, but 9224 had been read`},
		{"header only", "id,name\n", `b.csv: the text has 8 bytes, but 9224 had been read`},
		{"long header", "id," + strings.Repeat("x", 10000) + "\n", `b.csv: the header is longer than it was`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "b.csv", text)
			p := positions(t, open(t, "b.csv", nil))[0]
			write(t, "b.csv", tt.b)
			err := resumeError(t, "b.csv", p)
			if !errors.Is(err, pipeline.ErrStalePosition) || err.Error() != tt.want+suffix {
				t.Errorf("got  %v\nwant %s", err, tt.want+suffix)
			}
		})
	}
}

func resumeError(t *testing.T, path string, p pipeline.Position) error {
	t.Helper()
	for _, err := range open(t, path, nil).Batches(t.Context(), p) {
		if err != nil {
			return err
		}
	}
	return nil
}

// The files before a position must be the ones that were read; later ones may come, go and change.
func TestStaleFiles(t *testing.T) {
	const suffix = ": what is read has changed since the checkpoint was made"
	for _, tt := range []struct {
		name, path string
		change     func() error
		want       string
	}{
		{"an earlier file has changed", "*.csv", func() error { return os.WriteFile("a.csv", []byte("id,name\n2,x\n"), 0o600) },
			"of what is read before b.csv, something isn't what it was (1 file)"},
		{"a file has come before", "*.csv", func() error { return os.WriteFile("aa.csv", []byte("id,name\n"), 0o600) },
			"b.csv was file 2, which is aa.csv now"},
		{"an earlier file has gone", "*.csv", func() error { return os.Remove("a.csv") }, "b.csv was file 2, which is c.csv now"},
		{"files have gone", "*.csv", func() error { return errors.Join(os.Remove("a.csv"), os.Remove("c.csv")) },
			"b.csv was file 2, but the list has 1 file now"},
		{"a later file has changed", "*.csv", func() error { return os.WriteFile("c.csv", []byte("id,name\n2,x\n"), 0o600) }, ""},
		{"a file has come behind", "*.csv", func() error { return os.WriteFile("d.csv", []byte("id,name\n2,x\n"), 0o600) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "a.csv", numbered(1))
			write(t, "b.csv", numbered(1500))
			write(t, "c.csv", numbered(1))
			p := positions(t, open(t, tt.path, nil))[0]
			if err := tt.change(); err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := resumeError(t, tt.path, p); err != nil {
				got = strings.TrimSuffix(err.Error(), suffix)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A file that has grown is read on; unless its last line has grown, which would be read by halves.
func TestGrown(t *testing.T) {
	in(t, "p.csv", "id,name\n1,x\n")
	p := positions(t, open(t, "p.csv", nil))[0]
	write(t, "p.csv", "id,name\n1,x\n2,y\n")
	if diff := cmp.Diff([]string{`p.csv:3 "2" "y"`}, lines(t, open(t, "p.csv", nil), p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	write(t, "p.csv", "id,name\n1,x")
	p = positions(t, open(t, "p.csv", nil))[0]
	write(t, "p.csv", "id,name\n1,xyz\n")
	want := "error: p.csv: the last line goes on where it had ended: what is read has changed since the checkpoint was made"
	if diff := cmp.Diff([]string{want}, lines(t, open(t, "p.csv", nil), p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A position holds for the text, however it is compressed.
func TestRecompressed(t *testing.T) {
	in(t, "p.csv", numbered(1500))
	p := positions(t, open(t, "p.csv", nil))[0]
	write(t, "p.csv", gzipped(t, numbered(1500)))
	if got := lines(t, open(t, "p.csv", nil), p); len(got) != 1500-1024 || got[0] != `p.csv:1026 "001024" "x"` {
		t.Errorf("got %d rows, the first of them %s", len(got), got[0])
	}
}

// What is no position is stale, so that the run starts over; the error says why.
func TestBadPositions(t *testing.T) {
	in(t, "p.csv", numbered(2))
	for from, want := range map[string]string{
		"":         `error: read the checkpoint "" of a csv source: EOF`,
		"{}":       `error: read the checkpoint "{}" of a csv source: something is missing, or out of range`,
		`{"x": 1}`: `error: read the checkpoint "{\"x\": 1}" of a csv source: json: unknown field "x"`,
		"null}":    `error: read the checkpoint "null}" of a csv source: there is something behind it`,
	} {
		if diff := cmp.Diff([]string{want + ": what is read has changed since the checkpoint was made"}, lines(t, open(t, "p.csv", nil), pipeline.Position(from))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", from, diff)
		}
	}
}

// FuzzPosition proves that what is no position is stale, and that one that isn't gives the rows from some row on: none is
// skipped behind it, and none comes twice.
func FuzzPosition(f *testing.F) {
	dir := f.TempDir()
	for name, content := range map[string]string{"a.csv": "id\n1\n2\n3\n", "b.csv": "id\n\n5\n\"6\n6\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	open := func(t testing.TB) pipeline.Source {
		src, err := config(filepath.Join(dir, "*.csv"), nil).Open(t.Context(), pipeline.Env{})
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	var last pipeline.Position
	for b, err := range open(f).Batches(f.Context(), nil) {
		if err != nil {
			f.Fatal(err)
		}
		last = b.End
	}
	good := strings.ReplaceAll(string(last), dir, "DIR")
	f.Add(good)
	for _, edit := range [][2]string{{`"file":1`, `"file":0`}, {`"v":1`, `"v":2`}, {`"line":`, `"line":9`}, {`"offset":`, `"offset":1`}, {`"offset":`, `"offset":-`}, {`"hash":"`, `"hash":"0`}, {`{`, `{"open":true,`}, {"b.csv", "a.csv"}} {
		f.Add(strings.Replace(good, edit[0], edit[1], 1))
	}
	f.Fuzz(func(t *testing.T, position string) {
		all := texts(t, open(t), nil)
		src := open(t)
		got, err := all[:0:0], error(nil)
		for b, e := range src.Batches(t.Context(), pipeline.Position(strings.ReplaceAll(position, "DIR", dir))) {
			if err = e; err != nil {
				break
			}
			for _, r := range b.Rows {
				got = append(got, show(r.Values))
			}
		}
		switch {
		case err != nil && (!errors.Is(err, pipeline.ErrStalePosition) || len(got) > 0):
			t.Errorf("%q: %d rows, then %v", position, len(got), err)
		case err == nil && !slices.Equal(got, all[len(all)-min(len(got), len(all)):]):
			t.Errorf("%q: %q, which isn't the rest of %q", position, got, all)
		}
	})
}

// texts returns the rows after a position.
func texts(t *testing.T, src pipeline.Source, from pipeline.Position) (all []string) {
	t.Helper()
	for b, err := range src.Batches(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Rows {
			all = append(all, show(r.Values))
		}
	}
	return all
}

// A file that changes while it is read ends the reading with an error; the rows before it are yielded.
func TestChangedWhileRead(t *testing.T) {
	text := numbered(1500)
	longAgo := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		change func() error
		want   string
	}{
		{"grown", func() error { return os.WriteFile("p.csv", []byte(text+"x"), 0o600) },
			"p.csv has changed while it was being read: it had 13508 bytes and has 13509 now: run again when it is complete"},
		{"written to", func() error { return os.Chtimes("p.csv", longAgo, longAgo) },
			"p.csv has changed while it was being read: it was written to at 2020-01-02T03:04:05Z: run again when it is complete"},
		{"replaced", func() error {
			return errors.Join(os.WriteFile("q.csv", []byte(text), 0o600), os.Rename("q.csv", "p.csv"))
		}, "p.csv was replaced by another file while it was being read: run again"},
		{"removed", func() error { return os.Remove("p.csv") },
			"p.csv has gone while it was being read: stat p.csv: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "p.csv", text)
			rows, got := 0, ""
			for b, err := range open(t, "p.csv", nil).Batches(t.Context(), nil) {
				if err != nil {
					got = err.Error()
				}
				if rows == 0 {
					if err := tt.change(); err != nil {
						t.Fatal(err)
					}
				}
				rows += len(b.Rows)
			}
			if rows != 1500 || got != tt.want {
				t.Errorf("%d rows, got  %s\nwant %s", rows, got, tt.want)
			}
		})
	}
}

// A header that changes between Open and the reading is an error, not a shift of columns.
func TestHeaderChanged(t *testing.T) {
	in(t, "p.csv", "id,name\n1,x\n")
	src := open(t, "p.csv", nil)
	write(t, "p.csv", "name,id\nx,1\n")
	want := []string{`error: p.csv: the header has changed since the run began: column 1 is "name" instead of "id": run again`}
	if diff := cmp.Diff(want, lines(t, src, nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := os.Remove("p.csv"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`error: the file "p.csv" doesn't exist`}, lines(t, src, nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Compressed data that is cut short or damaged is an error after the rows before it, and never the end.
func TestBadCompression(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"gzip", cutShort(gzipped(t, "id,name\n1,x\n", "2,y\n"), 4),
			"error: p.csv: after line 3: the gzip data ends too early: the file was cut short, or is still being written: unexpected EOF"},
		{"gzip checksum", damaged(gzipped(t, "id,name\n1,x\n2,y\n"), 5),
			"error: p.csv: after line 3: decompress gzip data: gzip: invalid checksum"},
		{"gzip, more behind it", gzipped(t, "id,name\n1,x\n2,y\n") + "0123456789",
			"error: p.csv: after line 3: decompress gzip data: gzip: invalid header"},
		{"zstd", cutShort(zstandard(t, "id,name\n1,x\n2,y\n"), 2),
			"error: p.csv: after line 3: the zstd data ends too early: the file was cut short, or is still being written: unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "p.csv", tt.content)
			want := []string{`p.csv:2 "1" "x"`, `p.csv:3 "2" "y"`, tt.want}
			if diff := cmp.Diff(want, lines(t, open(t, "p.csv", nil), nil)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func cutShort(s string, n int) string { return s[:len(s)-n] }

// damaged changes the byte that is n before the end.
func damaged(s string, n int) string {
	b := []byte(s)
	b[len(b)-n] ^= 1
	return string(b)
}
