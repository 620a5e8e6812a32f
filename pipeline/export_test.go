package pipeline

import "context"

// SetTurns makes the pipeline's runs call f where two of their goroutines would otherwise go on at one instant: before a
// group is written ("write"), before it is committed ("commit"), and before the reading goes on after it was sent ("read").
func (p *Pipeline) SetTurns(f func(of string)) { p.turns = f }

// Hashing returns what takes a batch through the keys and transforms of a run, and hashes its rows.
func (p *Pipeline) Hashing() func(ctx context.Context, b Batch) (sum byte, err error) {
	r := &run{Pipeline: p}
	return func(ctx context.Context, b Batch) (sum byte, err error) {
		items, err := r.transform(ctx, b)
		for i := range items {
			hash := r.plan.hash(items[i].Values)
			sum ^= hash[0]
		}
		r.spans = r.spans[:0]
		return sum, err
	}
}

// AppendKey appends the key of a row whose key columns have the values.
func AppendKey(b []byte, values []Value) ([]byte, bool) {
	columns := make([]int, len(values))
	for i := range columns {
		columns[i] = i
	}
	return appendKey(b, values, columns)
}
