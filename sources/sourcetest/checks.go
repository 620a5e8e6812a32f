package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"unicode/utf8"

	"sluice/pipeline"
)

// checkSchema: every field is a Column; names are there and unique.
func checkSchema(t testing.TB, open openFunc) {
	src, done := start(t, open)
	defer done()
	s := src.Schema()
	if s == nil || len(s.Fields) == 0 {
		t.Fatalf("the schema has no fields")
	}
	seen := map[string]bool{}
	for i, f := range s.Fields {
		if f.Role != pipeline.Column {
			t.Errorf("field %d %q has role %d, want Column", i, f.Name, f.Role)
		}
		if f.Name == "" {
			t.Errorf("field %d has no name", i)
		}
		if seen[f.Name] {
			t.Errorf("field %d: the name %q is there twice", i, f.Name)
		}
		seen[f.Name] = true
	}
}

// checkRows: each row fits the schema, each reject tells its reason, each batch has a position.
func checkRows(t testing.TB, open openFunc) {
	src, done := start(t, open)
	defer done()
	n := 0
	for b, err := range src.Batches(t.Context(), nil) {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if len(b.End) == 0 {
			t.Fatalf("the batch after %d rows has no position", n)
		}
		for _, row := range b.Rows {
			checkRow(t, src.Schema(), row)
		}
		for _, rej := range b.Rejects {
			checkReject(t, rej)
		}
		n += len(b.Rows) + len(b.Rejects)
	}
	if n == 0 {
		t.Fatalf("the source has no rows: nothing would be proved")
	}
}

func checkRow(t testing.TB, s *pipeline.Schema, row pipeline.Row) {
	t.Helper()
	if len(row.Values) != len(s.Fields) {
		t.Fatalf("%s: %d values for %d fields", row.Place, len(row.Values), len(s.Fields))
	}
	if row.Place.Name == "" {
		t.Fatalf("a row has no place: %s", describe(row))
	}
	if row.Key != "" {
		t.Fatalf("%s: the source set the key %q: that is up to the engine", row.Place, row.Key)
	}
	for i, v := range row.Values {
		f := s.Fields[i]
		if !v.IsNull() && f.Type != pipeline.Null && v.Type() != f.Type {
			t.Fatalf("%s: column %q is of type %s, but has a value of type %s", row.Place, f.Name, f.Type, v.Type())
		}
		if !utf8.ValidString(v.Text()) {
			t.Fatalf("%s: column %q has a text that isn't UTF-8: %q", row.Place, f.Name, v.Text())
		}
	}
}

func checkReject(t testing.TB, rej pipeline.Reject) {
	t.Helper()
	if rej.Stage != "source" || rej.Code == "" || rej.Err == nil || rej.Place.Name == "" {
		t.Fatalf(`a reject needs a place, the stage "source", a code and an error: %+v`, rej)
	}
}

// checkPositions: for every position p, the rows before p and the rows read from p are together all rows. p is a
// copy, as a store would return it, and is used twice: by a new source, and by one that has been read before.
func checkPositions(t testing.TB, open openFunc) {
	src, done := start(t, open)
	defer done()
	all := readAll(t, src, nil)
	again := readAll(t, src, nil)
	same(t, "rows of the second reading", all.rows, again.rows)
	same(t, "rejects of the second reading", all.rejects, again.rejects)
	for i, m := range all.marks {
		fresh, done := start(t, open)
		checkMark(t, fmt.Sprintf("read by a new source from position %d", i), fresh, all, m)
		done()
		checkMark(t, fmt.Sprintf("read by the same source from position %d", i), src, all, m)
	}
}

func checkMark(t testing.TB, how string, src pipeline.Source, all reading, m mark) {
	t.Helper()
	r := read(t.Context(), t, src, pipeline.Position(m.end), 0)
	if r.err != nil {
		t.Fatalf("%s: %v", how, r.err)
	}
	same(t, "rows "+how, all.rows[m.rows:], r.rows)
	same(t, "rejects "+how, all.rejects[m.rejects:], r.rejects)
}

// checkSteps: positions yielded after resuming hold too. Each batch is read by a source of its own.
func checkSteps(t testing.TB, open openFunc) {
	src, done := start(t, open)
	defer done()
	all := readAll(t, src, nil)
	var got reading
	var from pipeline.Position
	for range len(all.rows) + len(all.rejects) + len(all.marks) + 1 { // more batches than there can be
		src, done := start(t, open)
		r := read(t.Context(), t, src, from, 1)
		done()
		if r.err != nil {
			t.Fatalf("step %d: %v", len(got.marks), r.err)
		}
		if len(r.marks) == 0 {
			break
		}
		got.rows = append(got.rows, r.rows...)
		got.rejects = append(got.rejects, r.rejects...)
		got.marks = append(got.marks, r.marks...)
		from = pipeline.Position(r.marks[0].end)
	}
	same(t, "rows read batch by batch", all.rows, got.rows)
	same(t, "rejects read batch by batch", all.rejects, got.rejects)
}

// checkCancel: a context that has ended ends the reading with its error, before the first batch and between two.
func checkCancel(t testing.TB, open openFunc) {
	src, done := start(t, open)
	defer done()
	all := readAll(t, src, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := read(ctx, t, src, nil, 0)
	if !errors.Is(r.err, context.Canceled) || len(r.marks) > 0 {
		t.Errorf("read with a cancelled context: %d batches and the error %v, want none and %v", len(r.marks), r.err, context.Canceled)
	}
	checkCancelBetween(t, src, all)
}

func checkCancelBetween(t testing.TB, src pipeline.Source, all reading) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var r reading
	for b, err := range src.Batches(ctx, nil) {
		if err != nil {
			r.err = err
			break
		}
		r.add(b)
		cancel()
	}
	whole := len(r.rows) == len(all.rows) && len(r.rejects) == len(all.rejects)
	if !errors.Is(r.err, context.Canceled) && (r.err != nil || !whole) {
		t.Errorf("cancelled after the first of %d batches: %d batches and the error %v, want %v", len(all.marks), len(r.marks), r.err, context.Canceled)
	}
	if len(all.marks) > 2 && whole {
		t.Errorf("cancelled after the first of %d batches: the source was read to its end", len(all.marks))
	}
}
