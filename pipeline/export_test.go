package pipeline

import (
	"context"

	"sluice/pipeline/internal/digest"
)

// SetTurns makes the pipeline's runs call f where two of their goroutines would otherwise go on at one instant: before a
// group is written ("write"), before it is committed ("commit"), and before the reading goes on after it was sent ("read").
func (p *Pipeline) SetTurns(f func(of string)) { p.turns = f }

// Scanning returns what takes a batch like b through the keys and transforms of a run, hashes its rows and looks them up in a
// digest that has all rows of b; it returns how many are unchanged.
func (p *Pipeline) Scanning(ctx context.Context, b Batch) func(Batch) (int64, error) {
	r := &run{Pipeline: p}
	scan := func(b Batch) (int64, error) {
		items, err := r.transform(ctx, b)
		before := r.books.report.Unchanged
		r.sift(items)
		r.books.spans = r.books.spans[:0]
		return r.books.report.Unchanged - before, err
	}
	r.lookout.table = digest.NewTable(len(b.Rows))
	items, err := r.transform(ctx, b)
	if err != nil {
		panic(err)
	}
	for i := range items {
		r.lookout.table.Put(digest.Key(items[i].Key), digest.Content(items[i].hash))
	}
	r.books.spans = nil
	return scan
}

// AppendKey appends the key of a row whose key columns have the values.
func AppendKey(b []byte, values []Value) ([]byte, bool) {
	columns := make([]int, len(values))
	for i := range columns {
		columns[i] = i
	}
	return appendKey(b, values, columns)
}
