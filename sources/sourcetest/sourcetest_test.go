package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"go.uber.org/goleak"

	"sluice/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A slice is a small source that keeps every promise, but for the one that flaw breaks.
type slice struct {
	flaw   string
	schema *pipeline.Schema
	room   int
	texts  []byte           // of the last batch
	end    []byte           // reused by the flaw "reuse"
	values []pipeline.Value // shared by rows with the flaw "shared room"
	read   int
	file   *os.File
	stop   chan struct{}
}

const (
	sliceRows  = 25
	sliceBatch = 4
)

func newSlice(flaw string) *slice {
	return &slice{flaw: flaw, schema: &pipeline.Schema{Fields: []pipeline.Field{
		{Name: "id", Type: pipeline.Int}, {Name: "text", Type: pipeline.String},
	}}}
}

func opener(flaw string) openFunc {
	return func(context.Context) (pipeline.Source, error) { return newSlice(flaw), nil }
}

func (s *slice) Schema() *pipeline.Schema { return s.schema }

func (s *slice) Close() error {
	if s.flaw == "close" {
		return errors.New("closed with an error")
	}
	return nil
}

func (s *slice) Room(values int) { s.room = values }

func (s *slice) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		s.read++
		at, err := s.parse(from)
		if err != nil {
			yield(pipeline.Batch{}, err)
			return
		}
		s.leak()
		for at < sliceRows {
			if ctx.Err() != nil && s.flaw != "cancel" {
				if !yield(pipeline.Batch{}, ctx.Err()) || s.flaw != "after error" {
					return
				}
			}
			b := s.batch(at)
			at = min(at+sliceBatch, sliceRows)
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (s *slice) leak() {
	switch s.flaw {
	case "goroutine":
		if s.stop == nil {
			s.stop = make(chan struct{})
		}
		go func() { <-s.stop }()
	case "file":
		s.file, _ = os.Open("sourcetest_test.go")
	}
}

func (s *slice) parse(from pipeline.Position) (int, error) {
	if from == nil {
		return 0, nil
	}
	if s.flaw == "no resume" {
		return 0, nil
	}
	text, ok := strings.CutPrefix(string(from), "row ")
	at, err := strconv.Atoi(text)
	if s.flaw == "panic" && !ok {
		panic("index out of range")
	}
	if s.flaw == "trusting" && !ok {
		return sliceRows, nil
	}
	if !ok || err != nil || at < 0 || at > sliceRows {
		return 0, fmt.Errorf("not a position: %q", from)
	}
	if s.flaw == "skips one" && at > sliceBatch {
		at++
	}
	if s.flaw == "resumes once" && s.read > 1 {
		return sliceRows, nil
	}
	return at, nil
}

func (s *slice) batch(at int) pipeline.Batch {
	var b pipeline.Batch
	s.texts, s.values = slices.Grow(s.texts[:0], 1024), make([]pipeline.Value, 2*sliceBatch+s.room)
	for i := at; i < min(at+sliceBatch, sliceRows); i++ {
		place := pipeline.Place{Name: "slice", Line: int64(i + 1)}
		if i%7 == 6 {
			b.Rejects = append(b.Rejects, s.reject(place))
			continue
		}
		start := len(s.texts)
		s.texts = fmt.Appendf(s.texts, "text %03d", i)
		text := unsafe.String(&s.texts[start], len(s.texts)-start)
		b.Rows = append(b.Rows, s.row(place, i, text))
	}
	if s.flaw != "reuse" {
		s.end = nil
	}
	s.end = fmt.Appendf(s.end[:0], "row %d", min(at+sliceBatch, sliceRows))
	b.End = s.end
	if s.flaw == "no position" {
		b.End = nil
	}
	if s.flaw == "position too far" && at == 2*sliceBatch {
		b.End = pipeline.Position("row 13")
	}
	return b
}

func (s *slice) row(place pipeline.Place, i int, text string) pipeline.Row {
	values := []pipeline.Value{pipeline.IntValue(int64(i)), pipeline.StringValue(text)}
	row := pipeline.Row{Place: place, Values: append(make([]pipeline.Value, 0, max(2, s.room)), values...)}
	switch s.flaw {
	case "no room":
		row.Values = values
	case "shared room":
		row.Values = append(s.values[:0], values...)
		s.values = s.values[2:]
	case "ragged":
		row.Values = row.Values[:1]
	case "type":
		row.Values[0] = pipeline.StringValue("1")
	case "utf8":
		row.Values[1] = pipeline.StringValue("\xff")
	case "place":
		row.Place = pipeline.Place{}
	case "key":
		row.Key = "1"
	case "unstable":
		row.Values[0] = pipeline.IntValue(int64(s.read))
	}
	return row
}

func (s *slice) reject(place pipeline.Place) pipeline.Reject {
	rej := pipeline.Reject{Place: place, Stage: "source", Code: "bad", Err: errors.New("a bad row")}
	if s.flaw == "reject" {
		rej.Stage = "map"
	}
	if s.flaw == "unstable reject" {
		rej.Err = fmt.Errorf("a bad row in reading %d", s.read)
	}
	return rej
}

// The suite passes a source that keeps its promises.
func TestGoodSource(t *testing.T) { Run(t, opener("")) }

// The suite finds each broken promise, by the check that is named.
func TestBrokenSources(t *testing.T) {
	for _, tt := range []struct{ flaw, check, want string }{
		{"close", "schema", "close: closed with an error"},
		{"ragged", "rows", "slice:1: 1 values for 2 fields"},
		{"type", "rows", `slice:1: column "id" is of type int, but has a value of type string`},
		{"utf8", "rows", `slice:1: column "text" has a text that isn't UTF-8: "\xff"`},
		{"place", "rows", "a row has no place"},
		{"key", "rows", `slice:1: the source set the key "1"`},
		{"reject", "rows", `a reject needs a place, the stage "source"`},
		{"no position", "rows", "the batch after 0 rows has no position"},
		{"no resume", "positions", "rows read by a new source from position 0"},
		{"skips one", "positions", "rows read by a new source from position 1"},
		{"position too far", "positions", "rows read by a new source from position 2"},
		{"resumes once", "positions", "rows read by the same source from position 0"},
		{"unstable", "positions", "rows of the second reading differ at number 0"},
		{"unstable reject", "positions", "rejects of the second reading differ at number 0"},
		{"no resume", "steps", "rows read batch by batch"},
		{"skips one", "steps", "rows read batch by batch"},
		{"goroutine", "break", "found unexpected goroutines"},
		{"file", "break", "left the file"},
		{"cancel", "cancel", "read with a cancelled context: 7 batches and the error <nil>"},
		{"after error", "cancel", `Batches went on after the error "context canceled"`},
		{"no room", "room", "slice:1: there is room for 0 more values, want 3"},
		{"shared room", "room", "rows read with something appended to each"},
		{"reuse", "kept", `a position was "row 4" and has become`},
		{"panic", "garbage", "panic: index out of range"},
		{"trusting", "garbage", `read from the position "garbage": no error`},
	} {
		t.Run(tt.flaw+" "+tt.check, func(t *testing.T) {
			var made []*slice
			got := failures(t, tt.check, func(context.Context) (pipeline.Source, error) {
				made = append(made, newSlice(tt.flaw))
				return made[len(made)-1], nil
			})
			if !strings.Contains(got, tt.want) {
				t.Errorf("the suite said:\n%s\nwant %q in it", got, tt.want)
			}
			for _, s := range made {
				if s.stop != nil {
					close(s.stop)
				}
				s.file.Close()
			}
		})
	}
}

// The suite finds a bad schema, a source without rows, and one that can't be opened or read.
func TestBrokenSchemas(t *testing.T) {
	for _, tt := range []struct {
		want   string
		fields []pipeline.Field
	}{
		{"the schema has no fields", nil},
		{`field 1: the name "a" is there twice`, []pipeline.Field{{Name: "a"}, {Name: "a"}}},
		{"field 0 has no name", []pipeline.Field{{}}},
		{`field 0 "a" has role 1, want Column`, []pipeline.Field{{Name: "a", Role: pipeline.Property}}},
	} {
		got := failures(t, "schema", func(context.Context) (pipeline.Source, error) {
			s := newSlice("")
			s.schema = &pipeline.Schema{Fields: tt.fields}
			return s, nil
		})
		if !strings.Contains(got, tt.want) {
			t.Errorf("the suite said:\n%s\nwant %q in it", got, tt.want)
		}
	}
}

func TestBrokenOpen(t *testing.T) {
	got := failures(t, "rows", func(context.Context) (pipeline.Source, error) { return nil, errors.New("no such table") })
	if want := "open: no such table"; got != want {
		t.Errorf("the suite said %q, want %q", got, want)
	}
	got = failures(t, "rows", func(context.Context) (pipeline.Source, error) { return empty{newSlice("")}, nil })
	if want := "the source has no rows: nothing would be proved"; got != want {
		t.Errorf("the suite said %q, want %q", got, want)
	}
}

type empty struct{ *slice }

func (empty) Batches(context.Context, pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(func(pipeline.Batch, error) bool) {}
}

// failures runs one check and returns what it reported.
func failures(t *testing.T, name string, open openFunc) string {
	t.Helper()
	for _, c := range checks() {
		if c.name != name {
			continue
		}
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() { // because Fatalf ends the goroutine that calls it
			defer close(done)
			c.run(r, open)
		}()
		<-done
		return strings.Join(r.said, "\n")
	}
	t.Fatalf("no check is named %q", name)
	return ""
}

// A recorder is a testing.TB that keeps what is reported instead of failing.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
