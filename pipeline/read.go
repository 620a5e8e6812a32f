package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"sluice/pipeline/failpoint"
)

// An item is a row after the transforms, and the span of the source that it came from.
type item struct {
	Row
	span *span
	hash Hash // of its content
}

// A reading is how far the source was read, and the memory that its batches use, one after the other. Only the reading goroutine
// uses it.
type reading struct {
	blind bool // a row couldn't be read far enough to know its key
	ended bool // the source was read to its last row
	whole bool // and from its first

	keys  []byte  // of a batch
	ends  []int   // where each of them ends
	slab  []Value // of a batch's rows
	items []item  // of a batch
}

var keySeed = maphash.MakeSeed()

// keyHash stands for a key in the run's own tables.
func keyHash(key string) uint64 { return maphash.String(keySeed, key) }

// batches yields the source's batches from the checkpoint on. A checkpoint that no longer fits what is read is dropped:
// reading from the start is safe, since every row is compared. It ends with ErrInterrupted when the run is drained.
func (r *run) batches(ctx context.Context) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		from := r.resume.Position
		fresh := true
		for {
			stale := false
			if err := failpoint.At("source.open"); err != nil {
				yield(Batch{}, err)
				return
			}
			for batch, err := range r.Source.Batches(ctx, from) {
				if err == nil {
					err = failpoint.At("source.page")
				}
				if fresh && from != nil && r.opts.From == nil && errors.Is(err, ErrStalePosition) {
					r.log.Warn("the checkpoint is dropped: reading from the start", "pipeline", r.Name, "reason", err)
					stale = true
					break
				}
				fresh = false
				if err == nil && r.draining() {
					err = ErrInterrupted
				}
				if err == nil {
					err = r.failed()
				}
				if !yield(batch, err) || err != nil {
					return
				}
				if r.opts.Limit > 0 && r.books.report.Read >= r.opts.Limit {
					return
				}
			}
			if !stale {
				failpoint.Reach("source.end")
				r.reading.ended = r.failed() == nil && ctx.Err() == nil
				r.reading.whole = r.reading.ended && from == nil
				return
			}
			from = nil
			r.watch()
		}
	}
}

// transform gives the batch's rows their keys, takes them through the transforms, and books what is dropped on the way. What
// it returns is valid until the next batch.
func (r *run) transform(ctx context.Context, batch Batch) ([]item, error) {
	s := &span{end: batch.End}
	rows := batch.Rows
	if left := r.opts.Limit - r.books.report.Read - int64(len(batch.Rejects)); r.opts.Limit > 0 && int64(len(rows)) > left {
		rows, s.end = rows[:max(0, left)], nil
	}
	r.mu.Lock()
	r.books.spans = append(r.books.spans, s)
	r.books.report.Read += int64(len(rows) + len(batch.Rejects))
	r.mu.Unlock()
	for _, reject := range batch.Rejects {
		r.reading.blind = r.reading.blind || reject.Key == ""
		r.rejectRow(reject)
	}
	rows = r.keyed(rows)
	r.roomy(rows)
	for _, t := range r.Transforms {
		before, refused := len(rows), 0
		var err error
		rows, err = apply(ctx, t, rows, func(reject Reject) {
			refused++
			r.rejectRow(reject)
		})
		if err != nil {
			return nil, err
		}
		r.count(&r.books.report.Filtered, before-refused-len(rows))
	}
	if err := failpoint.At("transform.after"); err != nil {
		return nil, err
	}
	items := slices.Grow(r.reading.items[:0], len(rows))[:len(rows)]
	for i := range rows {
		it := &items[i]
		it.Row, it.span, it.hash = rows[i], s, r.layout.hash(rows[i].Values)
	}
	r.mu.Lock()
	s.undecided = len(rows) // each is taken off where its end is booked
	r.mu.Unlock()
	r.reading.items = items
	return items, nil
}

// apply takes rows through one transform.
func apply(ctx context.Context, t Transform, rows []Row, reject func(Reject)) ([]Row, error) {
	rows, err := t.Apply(ctx, rows, func(row Row, err error) {
		reject(Reject{Key: row.Key, Place: row.Place, Stage: stageName(t), Code: rejectCode(err), Err: err})
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stageName(t), err)
	}
	return rows, nil
}

// keyed sets the rows' keys and rejects those that have none.
func (r *run) keyed(rows []Row) []Row {
	text, ends := r.reading.keyText(rows, r.key)
	start, plain := 0, isPlain(r.reading.keys)
	kept := 0
	for i := range rows {
		row := &rows[i]
		row.Key = text[start:ends[i]]
		start = ends[i]
		var err error
		if !plain || row.Key == "" {
			err = r.checkKey(row)
		}
		if err != nil {
			r.reading.blind = true
			r.rejectRow(Reject{Place: row.Place, Stage: "key", Code: rejectCode(err), Err: err})
			continue
		}
		if kept < i {
			rows[kept] = *row
		}
		kept++
	}
	return rows[:kept]
}

// keyText returns the keys of a batch as parts of one text, and where each of them ends. A row without a key has an empty part.
func (d *reading) keyText(rows []Row, columns []int) (text string, ends []int) {
	d.keys, d.ends = d.keys[:0], d.ends[:0]
	for i := range rows {
		b, ok := appendKey(d.keys, rows[i].Values, columns)
		if !ok {
			b = b[:len(d.keys)]
		}
		d.keys, d.ends = b, append(d.ends, len(b))
	}
	return string(d.keys), d.ends
}

// isPlain tells whether a text is ASCII without NUL bytes: whatever it is cut into, each part may be a key, unless it is empty.
func isPlain(text []byte) bool {
	if bytes.IndexByte(text, 0) >= 0 {
		return false
	}
	var seen uint64 // all bytes, one over the other
	for ; len(text) >= 8; text = text[8:] {
		seen |= binary.LittleEndian.Uint64(text)
	}
	for _, c := range text {
		seen |= uint64(c)
	}
	return seen&0x8080808080808080 == 0
}

// checkKey returns why a row can't have its key.
func (r *run) checkKey(row *Row) error {
	switch key := row.Key; {
	case key == "":
		return Rejectf("empty_key", "the key (%s) is empty%s: every row needs one, so that it can be told from others", strings.Join(r.keyNames, ", "), r.emptyIn(row))
	case strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key):
		return Rejectf("bad_key", "the key %q holds a NUL byte or isn't UTF-8: neither the state nor the destination can keep it", key)
	}
	return nil
}

// emptyIn says which columns of a key of several are empty: the others aren't, and it takes all of them to tell rows apart.
func (r *run) emptyIn(row *Row) string {
	if len(r.key) == 1 {
		return ""
	}
	var names []string
	for i, at := range r.key {
		if row.Values[at].String() == "" {
			names = append(names, r.keyNames[i])
		}
	}
	return " in " + strings.Join(names, " and ")
}

// roomy moves the rows' values into the run's own memory, with room for what the transforms append, unless the source has
// made that room.
func (r *run) roomy(rows []Row) {
	if _, ok := r.Source.(Roomy); !ok && len(r.Transforms) > 0 {
		r.reading.room(rows, len(r.schema.Fields))
	}
}

// room moves the rows' values into the slab, with room for width values each.
func (d *reading) room(rows []Row, width int) {
	if need := len(rows) * width; cap(d.slab) < need {
		d.slab = make([]Value, need)
	}
	for i := range rows {
		room := d.slab[:cap(d.slab)][i*width : (i+1)*width : (i+1)*width]
		rows[i].Values = room[:copy(room, rows[i].Values)]
	}
}

// stageName names a transform for messages: by itself if it has a name, else by its type.
func stageName(t Transform) string {
	if s, ok := t.(fmt.Stringer); ok {
		return s.String()
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", t), "*")
}
