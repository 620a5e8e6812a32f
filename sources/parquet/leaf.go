package parquet

import (
	"fmt"

	"sluice/pipeline"
)

const (
	maxElements = 1 << 20 // of one leaf in one row
	maxDropped  = 1 << 24 // of a row that has more, before it is taken for damage
	leafText    = 4 << 20 // bytes that a leaf reads ahead, about
)

// A leaf holds the entries of a leaf of a nested column, already written as JSON, for whole rows.
type leaf struct {
	cells cellReader
	mem   *limited // counts text
	arena arena    // of texts that are on their way into text
	text  []byte
	defs  []int16
	reps  []int16
	ends  []int         // of an entry's text; it starts where the one before ends
	errs  map[int]error // of entries that can't be represented

	pos   int // next entry
	rows  int // whole rows from pos on
	start int // first entry of the row that may not be whole yet
	large int // entries of it that were dropped, because it is too large; 0 if it isn't
	done  bool
}

// fill appends the next entries to l, up to a bound of their text; false at the end.
func (c *cells[T]) fill(l *leaf) (bool, error) {
	if c.level == c.n {
		if ok, err := c.load(); !ok || err != nil {
			return false, err
		}
	}
	before := len(l.text)
	for ; c.level < c.n && len(l.text)-before < leafText; c.level++ {
		def, rep := c.maxDef, int16(0)
		if c.defs != nil {
			def = c.defs[c.level]
		}
		if c.reps != nil {
			rep = c.reps[c.level]
		}
		wanted := l.begin(rep)
		if l.large > maxDropped {
			return false, fmt.Errorf("a list has more than %d elements: the file is damaged", maxDropped)
		}
		if def == c.maxDef {
			if wanted {
				l.add(c.conv.of(&l.arena, c.values[c.value]))
			}
			c.value++
		}
		if wanted {
			l.end(def, rep)
		}
	}
	l.mem.take(len(l.text) - before)
	return true, nil
}

var errTooLarge = pipeline.Rejectf("value_too_large", "a list is longer than %d elements or %d bytes", maxElements, maxValue)

// begin notes that an entry follows; false if it is to be dropped, because its row is too large.
func (l *leaf) begin(rep int16) bool {
	if rep == 0 {
		if len(l.defs) > l.start {
			l.rows++
		}
		l.start, l.large = len(l.defs), 0
		return true
	}
	if l.large > 0 {
		l.large++
		return false
	}
	first := 0
	if l.start > 0 {
		first = l.ends[l.start-1]
	}
	if len(l.defs)-l.start >= maxElements || len(l.text)-first > maxValue {
		l.errs[l.start] = errTooLarge
		l.large++
		return false
	}
	return true
}

// add appends the text of the entry in the making.
func (l *leaf) add(v pipeline.Value, err error) {
	if err == nil {
		l.text, err = appendJSON(l.text, v)
	}
	if err != nil {
		l.errs[len(l.defs)] = err
	}
}

func (l *leaf) end(def, rep int16) {
	l.defs = append(l.defs, def)
	l.reps = append(l.reps, rep)
	l.ends = append(l.ends, len(l.text))
}

// ready reads until there are n whole rows, or fewer that are large; 0 at the end.
func (l *leaf) ready(n int) (int, error) {
	if l.rows == 0 || l.pos >= pipeline.BatchRows {
		l.drop()
	}
	for l.rows < n && !l.done && (l.rows == 0 || len(l.text) < leafText) {
		ok, err := l.cells.fill(l)
		if err != nil {
			return 0, err
		}
		if len(l.reps) > 0 && l.pos == 0 && l.reps[0] != 0 {
			return 0, errLevels
		}
		if !ok {
			l.done = true
			if len(l.defs) > l.start {
				l.rows++
				l.start = len(l.defs)
			}
		}
	}
	return min(n, l.rows), nil
}

// drop forgets the entries before pos.
func (l *leaf) drop() {
	if l.pos == 0 {
		return
	}
	cut := l.ends[l.pos-1]
	l.mem.give(cut)
	l.text = append(l.text[:0], l.text[cut:]...)
	l.defs = append(l.defs[:0], l.defs[l.pos:]...)
	l.reps = append(l.reps[:0], l.reps[l.pos:]...)
	l.ends = append(l.ends[:0], l.ends[l.pos:]...)
	for i := range l.ends {
		l.ends[i] -= cut
	}
	errs := map[int]error{}
	for i, err := range l.errs {
		if i >= l.pos {
			errs[i-l.pos] = err
		}
	}
	l.errs = errs
	l.start -= l.pos
	l.pos = 0
}

// row returns where the row at i ends, and the first fault in it.
func (l *leaf) row(i int) (end int, err error) {
	end = i + 1
	for end < len(l.reps) && l.reps[end] != 0 {
		end++
	}
	if len(l.errs) == 0 {
		return end, nil
	}
	for ; i < end; i++ {
		if err := l.errs[i]; err != nil {
			return end, err
		}
	}
	return end, nil
}
