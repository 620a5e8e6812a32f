package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A span is a record or a reject as a reader found it.
type span struct {
	Fields []string // nil for a reject
	Quoted []bool
	Raw    string // of a record
	Code   string // of a reject
	Line   int64
}

// spans reads everything, and checks that nothing was passed over: each byte is in a record or in a reject.
func spans(t testing.TB, data []byte, r *reader) []span {
	t.Helper()
	var all []span
	for from := int64(0); ; from = r.offset {
		err := r.next()
		if err == io.EOF {
			if r.offset != int64(len(data)) {
				t.Fatalf("%q: the end was found at %d", data, r.offset)
			}
			return all
		}
		if r.offset <= from {
			t.Fatalf("%q: no progress at %d: %v", data, from, err)
		}
		if want := 1 + r.lines(data[:r.offset]); r.line != want && r.offset != int64(len(data)) {
			t.Fatalf("%q: line %d at offset %d, want %d", data, r.line, r.offset, want)
		}
		s := span{Line: r.start}
		if bad, ok := errors.AsType[*syntaxError](err); ok {
			s.Code = bad.code
		} else if err != nil {
			t.Fatalf("%q: %v", data, err)
		} else {
			s.fill(r)
			if want := string(data[from:r.offset]); s.Raw != want {
				t.Fatalf("%q: the record at %d is %q, want %q", data, from, s.Raw, want)
			}
		}
		all = append(all, s)
	}
}

func (s *span) fill(r *reader) {
	s.Raw, s.Fields = string(r.record), []string{}
	for _, f := range r.fields[:r.count] {
		s.Fields = append(s.Fields, string(r.plain(f)))
		s.Quoted = append(s.Quoted, f.is(quoted))
	}
}

func reading(src io.Reader, block, limit int) *reader {
	r := newReader(src, &dialect{delimiter: ',', quote: '"'})
	r.wide, r.limit = true, limit
	r.buf = make([]byte, block+slack)
	return r
}

// expectedOf returns the records that encoding/csv finds before its first error, with the changes it makes to them
// undone as far as they can be: it drops blank lines, and the CR of CRLF within quotes.
func expectedOf(data []byte) (records [][]string, whole bool) {
	r := stdcsv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord = -1
	for {
		record, err := r.Read()
		if err != nil {
			return records, err == io.EOF
		}
		records = append(records, record)
	}
}

// compare checks a reading against encoding/csv, for all that both define.
func compare(t testing.TB, data []byte, got []span) {
	t.Helper()
	want, whole := expectedOf(data)
	n := 0
	for _, s := range got {
		if len(s.Fields) == 1 && s.Fields[0] == "" && !s.Quoted[0] {
			continue // a blank line
		}
		if n == len(want) {
			if whole {
				t.Fatalf("%q: there is a record or reject too many: %+v", data, s)
			}
			if s.Code == "" {
				t.Fatalf("%q: record %d is %q, want a reject", data, n, s.Fields)
			}
			return
		}
		fields := make([]string, len(s.Fields))
		for i, f := range s.Fields {
			fields[i] = strings.ReplaceAll(f, "\r\n", "\n")
		}
		if diff := cmp.Diff(want[n], fields); diff != "" {
			t.Fatalf("%q: record %d (-want +got):\n%s", data, n, diff)
		}
		n++
	}
	if n < len(want) || !whole {
		t.Fatalf("%q: got %d records, want %d and the end: %v", data, n, len(want), whole)
	}
}

// check reads data in several ways, which must all find the same, and compares it with encoding/csv.
func check(t testing.TB, data []byte) {
	t.Helper()
	got := spans(t, data, reading(bytes.NewReader(data), 4096, maxRecord))
	compare(t, data, got)
	small := spans(t, data, reading(iotest.OneByteReader(bytes.NewReader(data)), 1, maxRecord))
	if diff := cmp.Diff(got, small); diff != "" {
		t.Fatalf("%q: read through a small buffer (-large +small):\n%s", data, diff)
	}
	bounded := spans(t, data, reading(bytes.NewReader(data), 4096, 16))
	small = spans(t, data, reading(iotest.HalfReader(bytes.NewReader(data)), 3, 16))
	if diff := cmp.Diff(bounded, small); diff != "" {
		t.Fatalf("%q: read with a limit, through a small buffer (-large +small):\n%s", data, diff)
	}
	r := reading(bytes.NewReader(data), 4096, 16)
	r.cr = true
	carriage := spans(t, data, r)
	r = reading(iotest.OneByteReader(bytes.NewReader(data)), 2, 16)
	r.cr = true
	if diff := cmp.Diff(carriage, spans(t, data, r)); diff != "" {
		t.Fatalf("%q: read with lone CRs, through a small buffer (-large +small):\n%s", data, diff)
	}
}

// FuzzReader: every byte is in a record or in a reject; how the text comes in makes no difference; and where
// encoding/csv defines the records, they are the same.
func FuzzReader(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { check(t, data) })
}

func seeds() []string {
	all := []string{
		"", "\n", "\r", "\r\n", "a", "a,b\n", ",", ",\n,", "\"\"", "\"a\"\"b\"", "\"a\nb\",c\r\n", "a\rb\n", "\"a\r\nb\"\r\n",
		"\"", "\"a\"b\n", "a\"b\nc", "\"\r", "\"a\"\r", "\"a\"\rb", "\"open\na,b\nc", "a,\"\",\n", "\x00,\xff\n", "äöü,\"日本\"\n",
		"12345678,12345678\n", "0123456789abcdef", "0123456789abcdef\n", "0123456789abcde\n", "1234567,\"1234567\"\n,,,,,,,,,,,,\n", "an unquoted record that is too long\nshort\n",
		"\"a quoted record that is too long\"\nshort\n", "\"a quoted\nrecord that\nis too long\"\nshort\n", "\"x\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\n\n",
	}
	for _, c := range append(textCases(), badCases()...) {
		all = append(all, c.content)
	}
	return all
}

// The same, for texts made of little but what has a meaning.
func TestReaderAgainstStandard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"\"", "\"\"", ",", "\n", "\r\n", "\r", "a", "bc", "12345678", "ö"}), 0, 40).Draw(rt, "parts")
		check(t, []byte(strings.Join(parts, "")))
	})
}

// The real files are what encoding/csv finds in them.
func TestCongressAgainstStandard(t *testing.T) {
	for _, name := range []string{"legislators-current.csv", "committees-current.csv", "committee-membership-current.csv"} {
		data, err := os.ReadFile("../../testdata/congress/" + name)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, data, spans(t, data, reading(bytes.NewReader(data), blockSize, maxRecord)))
	}
}

// A record that is too long, or whose quote is never closed, costs its line and nothing more, however long it is; and
// the buffer doesn't grow beyond the limit.
func TestLongRecords(t *testing.T) {
	const limit = 1 << 20
	long := strings.Repeat("x", 3*limit)
	for _, tt := range []struct {
		name, content, want string
	}{
		{"long", "1\n" + long + "\n2\n", "1; line 2 long_record: the record has more than 1048576 bytes, which is the most that is read; 2"},
		{"long, to the end", "1\n" + long, "1; line 2 long_record: the record has more than 1048576 bytes, which is the most that is read"},
		{"quoted", "1\n\"" + long + "\"\n2\n", "1; line 2 open_quote: the quote that opens field 1 isn't closed within 1048576 bytes: close it, or double it if it is part of the text; 2"},
		{"stray quote", "1,\"a\n2\n" + strings.Repeat(long[:99]+"\n", limit/100+1) + "3", "line 1 open_quote: the quote that opens field 2 isn't closed within 1048576 bytes: close it, or double it if it is part of the text; 2; " +
			strings.Repeat("x; ", limit/100+1) + "3"},
	} {
		r := reading(strings.NewReader(tt.content), 1000, limit)
		var got []string
		err := r.next()
		for ; err != io.EOF; err = r.next() {
			if bad, ok := errors.AsType[*syntaxError](err); ok {
				got = append(got, fmt.Sprintf("line %d %s: %s", r.start, bad.code, bad))
			} else if text := string(bytes.TrimSpace(r.record)); len(text) > 80 {
				got = append(got, "x")
			} else {
				got = append(got, text)
			}
		}
		if got := strings.Join(got, "; "); got != tt.want {
			t.Errorf("%s: got %.300s, want %.300s", tt.name, got, tt.want)
		}
		if len(r.buf) > limit+1+slack {
			t.Errorf("%s: the buffer has grown to %d bytes", tt.name, len(r.buf))
		}
	}
}

// An error of what is read comes after the records before it, and isn't taken for the end.
func TestReaderError(t *testing.T) {
	broken := errors.New("broken")
	r := reading(io.MultiReader(strings.NewReader("1\n2"), iotest.ErrReader(broken)), blockSize, maxRecord)
	if err := r.next(); err != nil || string(r.record) != "1\n" {
		t.Errorf("got %q and %v, want the first record", r.record, err)
	}
	if err := r.next(); err != broken {
		t.Errorf("got %v, want %v", err, broken)
	}
	r = reading(stuck{}, blockSize, maxRecord)
	if err := r.next(); err != io.ErrNoProgress {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
