package pipeline_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"sluice/pipeline"
)

// A simRow is a row of the simulated source: what it is called, and whose child it is. One whose id is "unreadable" is a
// reject of the source's own.
type simRow struct {
	id, name, parent string
	line             int
}

// number numbers rows from 1.
func number(rows []simRow) []simRow {
	for i := range rows {
		rows[i].line = i + 1
	}
	return rows
}

// sends tells whether the row gets as far as the destination.
func (r simRow) sends() bool {
	return r.id != "" && r.id != unreadable && r.name != "drop" && r.name != "bad"
}

const unreadable = "unreadable"

// A simSource yields rows page by page. Its positions are good for one version of the rows, but for an incremental one,
// whose rows are only ever added to.
type simSource struct {
	p       *process
	rows    []simRow
	version int
}

func (s *simSource) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return s, nil }
func (s *simSource) Close() error                                                { return nil }
func (s *simSource) Schema() *pipeline.Schema                                    { return (&sliceSource{}).Schema() }
func (s *simSource) Incremental() bool                                           { return s.p.w.incremental }
func (s *simSource) Since(context.Context, string) (pipeline.Position, error) {
	return nil, errLost
}

func (s *simSource) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		version, row, _ := strings.Cut(string(from), ":")
		at, _ := strconv.Atoi(row)
		if from != nil && version != strconv.Itoa(s.version) && !s.p.w.incremental {
			s.p.w.met("stale position")
			yield(pipeline.Batch{}, pipeline.ErrStalePosition)
			return
		}
		for at < len(s.rows) {
			var texts lent
			b, err := s.page(ctx, &at, &texts)
			more := yield(b, err)
			if texts.takeBack(); !more || err != nil {
				return
			}
		}
	}
}

// page reads a page from the given row on, which it moves.
func (s *simSource) page(ctx context.Context, at *int, texts *lent) (b pipeline.Batch, err error) {
	d := s.p.dice("page")
	if err := s.p.step("before a page"); err != nil {
		return b, err
	}
	if err := s.p.sleep(d.wide(d.between(1, 100), s.p.w.slow), d); err != nil {
		return b, err
	}
	if ctx.Err() != nil {
		return b, context.Cause(ctx)
	}
	if d.chance(s.p.w.fault(s.p.w.pageFaults)) {
		s.p.w.met("page failed")
		return b, errLost
	}
	end := min(len(s.rows), *at+s.p.w.page)
	for _, row := range s.rows[*at:end] {
		place := pipeline.Place{Name: "rows", Line: int64(row.line)}
		if row.id == unreadable {
			b.Rejects = append(b.Rejects, pipeline.Reject{Place: place, Stage: "source", Code: "ragged", Err: pipeline.Rejectf("ragged", "too few cells")})
			continue
		}
		values := make([]pipeline.Value, 3)
		for i, cell := range []string{row.id, row.name, row.parent} {
			if cell != "" {
				values[i] = pipeline.StringValue(texts.lend(cell))
			}
		}
		b.Rows = append(b.Rows, pipeline.Row{Place: place, Values: values})
	}
	*at = end
	b.End = pipeline.Position(fmt.Sprintf("%d:%d", s.version, end))
	return b, nil
}

// newRows makes rows with repeated keys, keys that the destination takes for the same, parents before and behind their
// children, and some that are dropped, unreadable, rejected and refused.
func newRows(d *dice, n int, collisions bool) []simRow {
	rows := make([]simRow, n)
	for i := range rows {
		r := simRow{id: fmt.Sprintf("k%d", d.n(n)), name: fmt.Sprintf("name %d", d.n(4))}
		if d.chance(0.3) {
			r.parent = fmt.Sprintf("k%d", d.n(n+4))
		}
		switch d.n(40) {
		case 0:
			r.name = "drop"
		case 1:
			r.name = "bad"
		case 2:
			r.name = "refused"
		case 3:
			r.id = ""
		case 4:
			r.id = unreadable
		case 5:
			if collisions {
				r.id = "K" + r.id[1:]
			}
		}
		rows[i] = r
	}
	return rows
}

// effective returns the last row of every key that gets as far as the destination, in the order of the source.
func effective(rows []simRow) (last []simRow) {
	seen := map[string]bool{}
	for _, r := range slices.Backward(rows) {
		if r.sends() && !seen[r.id] {
			seen[r.id] = true
			last = append(last, r)
		}
	}
	slices.Reverse(last)
	return last
}
