package csv

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// typed returns the options for one column of a type.
func typed(typ string) func(*Config) {
	return func(c *Config) { c.Types = map[string]string{"a": typ} }
}

// TestHostileRows says what becomes of rows that are made to break readers: of edges of types, and of bytes that mean
// something elsewhere.
func TestHostileRows(t *testing.T) {
	refused := func(line int, code, text, want string) string {
		return fmt.Sprintf(`source bad_%s p.csv:%d: column "a" has %s, want %s`, code, line, text, want)
	}
	whole, number, date, decimal := "a whole number of at most 64 bits, such as -12", "a number, such as 1.5 or 6e23", "a date, such as 2026-09-30", "a decimal number, such as -1234.50"
	nines := strings.Repeat("9", 38)
	for _, tt := range []rowCase{
		{name: "edges of 64 bits", set: typed("int"), content: "a\n9223372036854775807\n-9223372036854775808\n+1\n-0\n007\n",
			want: []string{"p.csv:2 int:9223372036854775807", "p.csv:3 int:-9223372036854775808", "p.csv:4 int:1", "p.csv:5 int:0", "p.csv:6 int:7"}},
		{name: "beyond 64 bits", set: typed("int"), content: "a\n9223372036854775808\n-9223372036854775809\n1e3\n0x10\n1_000\n1.0\n٣\n", want: []string{
			refused(2, "int", `"9223372036854775808"`, whole), refused(3, "int", `"-9223372036854775809"`, whole), refused(4, "int", `"1e3"`, whole),
			refused(5, "int", `"0x10"`, whole), refused(6, "int", `"1_000"`, whole), refused(7, "int", `"1.0"`, whole), refused(8, "int", `"٣"`, whole)}},
		{name: "floats that aren't finite", set: typed("float"), content: "a\nInf\n-Inf\n+Infinity\nnan\n1e999\n0x1p-2\n1e-999\n", want: []string{
			"p.csv:8 float:0",
			refused(2, "float", `"Inf"`, number), refused(3, "float", `"-Inf"`, number), refused(4, "float", `"+Infinity"`, number), refused(5, "float", `"nan"`, number),
			refused(6, "float", `"1e999"`, number), refused(7, "float", `"0x1p-2"`, number)}},
		{name: "decimals of 38 digits", set: typed("decimal"), content: "a\n" + nines + "\n-0." + nines + "\n" + nines + "." + nines + "\n.\n-\n", want: []string{
			"p.csv:2 decimal:" + nines, "p.csv:3 decimal:-0." + nines, "p.csv:4 decimal:" + nines + "." + nines,
			refused(5, "decimal", `"."`, decimal)}},
		{name: "dates", set: typed("date"), content: "a\n9999-12-31\n0001-01-01\n2024-02-29\n0000-01-01\n2023-02-29\n10000-01-01\n2023-13-01\n2023-1-1\n", want: []string{
			"p.csv:2 date:9999-12-31", "p.csv:3 date:0001-01-01", "p.csv:4 date:2024-02-29",
			refused(5, "date", `"0000-01-01"`, date)}},
		{name: "a byte order mark that isn't at the start", content: "a,b\n\xef\xbb\xbf1,2\n", want: []string{`p.csv:2 "\ufeff1" "2"`}},
		{name: "two byte order marks", content: "\xef\xbb\xbf\xef\xbb\xbfa\n1\n", want: []string{`p.csv:2 "1"`}},
		{name: "UTF-16 of an odd length", content: "\xff\xfea\x00\n\x001\x00\n\x002", want: []string{`p.csv:2 "1"`,
			`source bad_encoding p.csv:3: column "a" has "` + "\ufffd" + `", which isn't utf-16le text: correct it, or set encoding to the one that the file has`}},
		{name: "overlong UTF-8, and a surrogate", content: "a\n\xc0\xaf\n\xed\xa0\x80\n\xf4\x90\x80\x80\nok\n", want: []string{`p.csv:5 "ok"`,
			`source bad_encoding p.csv:2: column "a" has "\xc0\xaf", which isn't utf-8 text: correct it, or set encoding to the one that the file has`,
			`source bad_encoding p.csv:3: column "a" has "\xed\xa0\x80", which isn't utf-8 text: correct it, or set encoding to the one that the file has`,
			`source bad_encoding p.csv:4: column "a" has "\xf4\x90\x80\x80", which isn't utf-8 text: correct it, or set encoding to the one that the file has`}},
		{name: "controls of a terminal", content: "a\n\x1b[31mred\x07\n\u202eabc\n", want: []string{`p.csv:2 "\x1b[31mred\a"`, `p.csv:3 "\u202eabc"`}},
		{name: "formulas are data", content: "a\n=1+1\n@SUM(A1)\n", want: []string{`p.csv:2 "=1+1"`, `p.csv:3 "@SUM(A1)"`}},
		{name: "line separators that aren't line breaks", content: "a\nx\u2028y\vz\fw\u0085\n", want: []string{`p.csv:2 "x\u2028y\vz\fw\u0085"`}},
		{name: "the end of the file in the old way", content: "a\n1\n\x1a", want: []string{`p.csv:2 "1"`, `p.csv:3 "\x1a"`}},
		{name: "quotes alone", content: "a\n\"\"\"\"\n\"\"\"\"\"\"\n\"\n", want: []string{`p.csv:2 "\""`, `p.csv:3 "\"\""`,
			"source open_quote p.csv:4: the quote that opens field 1 isn't closed before the file ends: close it, or double it if it is part of the text"}},
		{name: "lone CRs after quotes", content: "a,b\n\"1\"\r,2\n3,4\n", want: []string{`p.csv:3 "3" "4"`,
			`source bad_quote p.csv:2: field 1 goes on after its closing quote, near "\"1\"": double the quotes within it`}},
		{name: "a row of nothing but delimiters", content: "a,b,c\n,,\n,,,\n", want: []string{`p.csv:2 null null null`,
			"source ragged_row p.csv:3: the row has 4 fields, want 3, as in the header"}},
		{name: "gzip of nothing behind gzip", content: gzipped(t, "a\n1\n", "", "2\n"), want: []string{`p.csv:2 "1"`, `p.csv:3 "2"`}},
		{name: "gzip in gzip", content: gzipped(t, gzipped(t, "a\n1\n")), want: []string{"open: p.csv:1: the name of column 1 isn't utf-8 text"}},
		{name: "zstd", content: zstandard(t, "a\n1\n") + zstandard(t, "2\n"), want: []string{`p.csv:2 "1"`, `p.csv:3 "2"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "p.csv", tt.content)
			got := attempt(t, tt.set)
			if strings.HasPrefix(tt.want[0], "open: ") {
				if len(got) != 1 || !strings.HasPrefix(got[0], tt.want[0]) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				return
			}
			if len(got) > len(tt.want) && tt.set != nil { // further rows of the same kind
				for _, line := range got[len(tt.want):] {
					if !strings.HasPrefix(line, "source bad_") {
						t.Errorf("unexpected %s", line)
					}
				}
				got = got[:len(tt.want)]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// attempt returns what becomes of p.csv: an error of opening it, or its rows and rejects.
func attempt(t *testing.T, set func(*Config)) []string {
	t.Helper()
	src, err := config("p.csv", set).Open(t.Context(), pipeline.Env{})
	if err != nil {
		return []string{"open: " + err.Error()}
	}
	defer src.Close()
	return lines(t, src, nil)
}

// A pass over a file: what there was, and the most of live memory that was found between batches.
type counted struct {
	rows, rejects int
	heap          uint64
	err           error
}

func count(t *testing.T, path string, set func(*Config)) (c counted) {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, total := m.HeapAlloc, m.TotalAlloc
	src, err := config(path, set).Open(t.Context(), pipeline.Env{})
	if err != nil {
		return counted{err: err}
	}
	defer src.Close()
	for b, err := range src.Batches(t.Context(), nil) {
		c.rows, c.rejects, c.err = c.rows+len(b.Rows), c.rejects+len(b.Rejects), err
		runtime.ReadMemStats(&m)
		if m.TotalAlloc-total > 64<<20 { // before the next look, much of it is garbage
			runtime.GC()
			runtime.ReadMemStats(&m)
			total = m.TotalAlloc
			c.heap = max(c.heap, m.HeapAlloc-min(before, m.HeapAlloc))
		}
	}
	return c
}

// TestLargeRows proves that what makes a small file large, or a row, doesn't decide how much memory is needed.
func TestLargeRows(t *testing.T) {
	const mega = 1 << 20
	header := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "c%d,", i)
		}
		return strings.TrimSuffix(b.String(), ",") + "\n"
	}
	row := strings.Repeat(",", 100_000-1) + "\n"
	for _, tt := range []struct {
		name, content string
		rows, rejects int
		most          uint64
	}{
		{"rows of 8 MiB", gzipped(t, "a\n"+strings.Repeat(strings.Repeat("x", 8*mega)+"\n", 12)), 12, 0, 128 * mega},
		{"rows over the limit", gzipped(t, "a\n"+strings.Repeat(strings.Repeat("x", 17*mega)+"\n", 3)+"1\n"), 1, 3, 128 * mega},
		{"a row without an end", gzipped(t, "a\n"+strings.Repeat("x", 40*mega)), 0, 1, 128 * mega},
		{"a quote without an end", gzipped(t, "a\n\""+strings.Repeat("x", 40*mega)+"\n1\n"), 1, 1, 128 * mega},
		{"100,000 columns", header(100_000) + strings.Repeat(row, 100), 100, 0, 256 * mega},
		{"400,000 columns", header(400_000) + strings.Repeat(",", 400_000-1) + "\n", 1, 0, 512 * mega},
		{"a row of a million fields among others", "a,b\n1,2\n" + strings.Repeat(",", mega) + "\n3,4\n", 2, 1, 64 * mega},
		{"6 MiB of line breaks", gzipped(t, "a,b\n"+strings.Repeat("\n", 6*mega)), 0, 0, 64 * mega},
		{"zstd of 6 MiB", zstandard(t, "a,b\n"+strings.Repeat("\n", 6*mega)), 0, 0, 160 * mega},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in(t, "p.csv", tt.content)
			c := count(t, "p.csv", nil)
			t.Logf("%d bytes: %d MiB", len(tt.content), c.heap>>20)
			if c.err != nil || c.rows != tt.rows || c.rejects != tt.rejects || c.heap > tt.most {
				t.Errorf("%d rows, %d rejects, %d MiB, %v; want %d, %d and at most %d MiB", c.rows, c.rejects, c.heap>>20, c.err, tt.rows, tt.rejects, tt.most>>20)
			}
		})
	}
}

// TestWhatIsNoFile proves that devices, and links to what is no file, are refused at once; a link to a file is one.
func TestWhatIsNoFile(t *testing.T) {
	in(t, "p.csv", "a\n1\n")
	for link, target := range map[string]string{"zero.csv": "/dev/zero", "folder.csv": os.TempDir(), "none.csv": "nothing", "good.csv": "p.csv"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"/dev/zero": "isn't a regular file", "zero.csv": "isn't a regular file", "folder.csv": "is a folder", "none.csv": "doesn't exist",
		"/proc/self": "is a folder", "good.csv": "", filepath.Join(".", ".", "p.csv"): "",
	} {
		c := count(t, path, nil)
		if want == "" && (c.err != nil || c.rows != 1) || want != "" && (c.err == nil || !strings.Contains(c.err.Error(), want)) {
			t.Errorf("%s: %d rows, %v; want %q", path, c.rows, c.err, want)
		}
	}
}
