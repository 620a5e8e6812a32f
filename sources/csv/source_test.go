package csv

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"sluice/pipeline"
	"sluice/sources/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config returns the defaults with a path, changed by set.
func config(path string, set func(*Config)) *Config {
	c := Kind.New().(*Config)
	c.Path = []string{path}
	if set != nil {
		set(c)
	}
	return c
}

func open(t testing.TB, path string, set func(*Config)) pipeline.Source {
	t.Helper()
	src, err := config(path, set).Open(t.Context(), pipeline.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// in writes a file into a new folder and makes that the working directory, so that messages can be compared.
func in(t testing.TB, name, content string) {
	t.Helper()
	if tt, ok := t.(*testing.T); ok {
		tt.Chdir(t.TempDir())
	}
	write(t, name, content)
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lines reads all rows and rejects, one text each, rejects after rows, and at last the error if there is one.
func lines(t testing.TB, src pipeline.Source, from pipeline.Position) []string {
	t.Helper()
	var rows, rejects []string
	for b, err := range src.Batches(t.Context(), from) {
		if err != nil {
			rejects = append(rejects, "error: "+err.Error())
		}
		for _, row := range b.Rows {
			rows = append(rows, row.Place.String()+show(row.Values))
		}
		for _, rej := range b.Rejects {
			rejects = append(rejects, fmt.Sprintf("%s %s %s: %v", rej.Stage, rej.Code, rej.Place, rej.Err))
		}
	}
	return append(rows, rejects...)
}

func show(values []pipeline.Value) string {
	var b strings.Builder
	for _, v := range values {
		switch v.Type() {
		case pipeline.Null:
			b.WriteString(" null")
		case pipeline.String:
			fmt.Fprintf(&b, " %q", v.Text())
		default:
			fmt.Fprintf(&b, " %s:%s", v.Type(), v)
		}
	}
	return b.String()
}

func gzipped(t testing.TB, texts ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, text := range texts { // a member each
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func zstandard(t testing.TB, text string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

func encoded(t testing.TB, e encoding.Encoding, text string) string {
	t.Helper()
	s, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// many returns a file of n records: quoted line breaks, umlauts, blank lines and rejects of several kinds among them.
func many(n int) string {
	var b strings.Builder
	b.WriteString("id,name,amount\n")
	for i := range n {
		switch i % 100 {
		case 7:
			fmt.Fprintf(&b, "%d,\"two\nlines, \"\"quoted\"\"\",%d\r\n", i, i)
		case 13:
			fmt.Fprintf(&b, "%d,ragged\n", i)
		case 31:
			fmt.Fprintf(&b, "%d,5\" pipe,1\n", i)
		case 57:
			fmt.Fprintf(&b, "%d,\"stray,2\n\n", i)
		case 58:
			fmt.Fprintf(&b, "%d,\"Jürgen\",x\n", i)
		default:
			fmt.Fprintf(&b, "%d,Zoë %d,%d.50\n", i, i, i)
		}
	}
	return b.String()
}

// The source keeps the promises of pipeline.Source, however its files are written.
func TestConformance(t *testing.T) {
	typed := func(c *Config) { c.Types = map[string]string{"id": "int", "amount": "decimal"} }
	text := many(3000)
	for _, tt := range []struct{ name, content string }{
		{"plain", text},
		{"CRLF", strings.ReplaceAll(text, "\n", "\r\n")},
		{"CR", strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r")},
		{"gzip", gzipped(t, text[:20000], text[20000:])},
		{"zstd", zstandard(t, text)},
		{"UTF-16", encoded(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), text)},
		{"no line break at the end", strings.TrimRight(text, "\n")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "many.csv", tt.content)
			sourcetest.Run(t, func(ctx context.Context) (pipeline.Source, error) {
				return config("many.csv", typed).Open(ctx, pipeline.Env{})
			})
		})
	}
}

// The source keeps its promises over several files, of which one has no rows and one is compressed.
func TestConformanceOfSeveralFiles(t *testing.T) {
	in(t, "a.csv", many(1500))
	write(t, "b.csv", many(0))
	write(t, "c.csv", gzipped(t, many(700)))
	write(t, "d.csv", strings.TrimSpace(many(1300)))
	sourcetest.Run(t, func(ctx context.Context) (pipeline.Source, error) {
		return config("*.csv", nil).Open(ctx, pipeline.Env{Needed: []string{"amount", "id"}})
	})
}

// The congress files have as many rows as their makers say, each with all its fields, and no rejects.
func TestCongress(t *testing.T) {
	for _, tt := range []struct {
		name         string
		rows, fields int
	}{
		{name: "legislators-current.csv", rows: 537, fields: 36},
		{name: "committees-current.csv", rows: 230, fields: 16},
		{name: "committee-membership-current.csv", rows: 3879, fields: 10},
	} {
		rows := 0
		for b, err := range open(t, "../../testdata/congress/"+tt.name, nil).Batches(t.Context(), nil) {
			if err != nil || len(b.Rejects) > 0 {
				t.Fatalf("%s: %v, %v", tt.name, err, b.Rejects)
			}
			rows += len(b.Rows)
			if n := len(b.Rows[0].Values); n != tt.fields {
				t.Errorf("%s: %d fields, want %d", tt.name, n, tt.fields)
			}
		}
		if rows != tt.rows {
			t.Errorf("%s: %d rows, want %d", tt.name, rows, tt.rows)
		}
	}
}

// Rows hold only the columns that later stages name, in the order of the file, and a bad value elsewhere does no harm.
func TestNeeded(t *testing.T) {
	in(t, "p.csv", "id,name,age,note\n1,Ann,x,\xff\n2,Bo,3,\n")
	set := func(c *Config) { c.Types = map[string]string{"age": "int"} }
	src, err := config("p.csv", set).Open(t.Context(), pipeline.Env{Needed: []string{"name", "missing"}, Key: []string{"id"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []pipeline.Field{{Name: "id", Type: pipeline.String}, {Name: "name", Type: pipeline.String}}
	if diff := cmp.Diff(want, src.Schema().Fields); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`p.csv:2 "1" "Ann"`, `p.csv:3 "2" "Bo"`}, lines(t, src, nil)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// What a file holds becomes these rows and rejects.
func TestRows(t *testing.T) {
	for _, tt := range rowCases() {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "p.csv", tt.content)
			if diff := cmp.Diff(tt.want, lines(t, open(t, "p.csv", tt.set), nil)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

type rowCase struct {
	name    string
	content string
	set     func(*Config)
	want    []string
}
