package sourcetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
)

// A reading is what one call of Batches yielded, copied out of the source's memory.
type reading struct {
	rows    []string
	rejects []string
	marks   []mark
	err     error
}

// A mark is a position and how much had been read when it was yielded.
type mark struct {
	end           string
	rows, rejects int
}

// read collects what src yields after from. A limit above 0 breaks out of the loop after so many batches.
func read(ctx context.Context, t testing.TB, src pipeline.Source, from pipeline.Position, limit int) reading {
	t.Helper()
	var r reading
	for b, err := range src.Batches(ctx, from) {
		if r.err != nil {
			t.Errorf("Batches went on after the error %q", r.err)
			break
		}
		if err != nil {
			r.err = err
			continue
		}
		r.add(b)
		if len(r.marks) == limit {
			break
		}
	}
	return r
}

func (r *reading) add(b pipeline.Batch) {
	for _, row := range b.Rows {
		r.rows = append(r.rows, describe(row))
	}
	for _, rej := range b.Rejects {
		r.rejects = append(r.rejects, fmt.Sprintf("%s: %s: %s: %v", rej.Place, rej.Stage, rej.Code, rej.Err))
	}
	r.marks = append(r.marks, mark{string(b.End), len(r.rows), len(r.rejects)})
}

// readAll reads everything and wants no error.
func readAll(t testing.TB, src pipeline.Source, from pipeline.Position) reading {
	t.Helper()
	r := read(t.Context(), t, src, from, 0)
	if r.err != nil {
		t.Fatalf("read: %v", r.err)
	}
	return r
}

func describe(row pipeline.Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", row.Place)
	for _, v := range row.Values {
		fmt.Fprintf(&b, " %s:%q", v.Type(), v.String())
	}
	return b.String()
}

// same reports the first difference between what was wanted and what was read.
func same(t testing.TB, what string, want, got []string) {
	t.Helper()
	if slices.Equal(want, got) {
		return
	}
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Errorf("%s differ at number %d of %d:\n got %s\nwant %s", what, i, len(want), got[i], want[i])
			return
		}
	}
	t.Errorf("%s: got %d, want %d", what, len(got), len(want))
}
