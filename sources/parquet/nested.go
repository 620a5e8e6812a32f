package parquet

import (
	"errors"
	"math"

	"sluice/pipeline"
)

const (
	maxElements = 1 << 20 // of one leaf in one row
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
	large bool
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
		l.start, l.large = len(l.defs), false
		return true
	}
	if l.large {
		return false
	}
	first := 0
	if l.start > 0 {
		first = l.ends[l.start-1]
	}
	if len(l.defs)-l.start >= maxElements || len(l.text)-first > maxValue {
		l.errs[l.start] = errTooLarge
		l.large = true
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

// A nested reads a column that has lists, maps or structs, as JSON.
type nested struct {
	tree *node
	doc  []byte
	ends []int // of the current row, one a leaf
}

func (s *nested) ready(n int) (int, error) {
	for _, l := range s.tree.leaves {
		got, err := l.ready(n)
		if err != nil {
			return 0, err
		}
		if got == 0 {
			return 0, errors.New("it ends before its row group does: the file is damaged")
		}
		n = min(n, got)
	}
	return n, nil
}

func (s *nested) weigh(sizes []int) {
	for _, l := range s.tree.leaves {
		at := l.pos
		for i := range sizes {
			end, _ := l.row(at)
			sizes[i] += l.ends[end-1]
			if at > 0 {
				sizes[i] -= l.ends[at-1]
			}
			at = end
		}
	}
}

func (s *nested) take(n int, out []pipeline.Value, stride int, a *arena, refuse func(row int, err error)) error {
	for i := range n {
		v, err := s.next(a)
		if reject, ok := errors.AsType[*pipeline.RowError](err); ok {
			refuse(i, reject)
		} else if err != nil {
			return err
		}
		out[i*stride] = v
	}
	return nil
}

// next assembles one row.
func (s *nested) next(a *arena) (pipeline.Value, error) {
	var fault error
	s.ends = s.ends[:0]
	for _, l := range s.tree.leaves {
		end, err := l.row(l.pos)
		s.ends = append(s.ends, end)
		if fault == nil {
			fault = err
		}
	}
	var v pipeline.Value
	if fault == nil {
		v, fault = s.assemble(a)
	}
	if _, refused := errors.AsType[*pipeline.RowError](fault); fault != nil && !refused {
		return v, fault
	}
	for i, l := range s.tree.leaves {
		if fault == nil && l.pos != s.ends[i] {
			return v, errLevels
		}
		l.pos = s.ends[i]
		l.rows--
	}
	return v, fault
}

func (s *nested) assemble(a *arena) (pipeline.Value, error) {
	first := s.tree.leaves[0]
	null := first.defs[first.pos] < s.tree.def
	doc, err := s.tree.write(s.doc[:0])
	s.doc = doc[:0]
	if err != nil || null {
		return pipeline.Value{}, err
	}
	return pipeline.JSONValue(a.add(doc)), nil
}

func (s *nested) skip(n int64) error {
	for n > 0 {
		got, err := s.ready(int(min(n, pipeline.BatchRows)))
		if err != nil {
			return err
		}
		for _, l := range s.tree.leaves {
			for range got {
				l.pos, _ = l.row(l.pos)
			}
			l.rows -= got
		}
		n -= int64(got)
	}
	return nil
}

func (s *nested) close() error {
	var errs []error
	for _, l := range s.tree.leaves {
		errs = append(errs, l.cells.close())
		l.mem.give(len(l.text))
	}
	return errors.Join(errs...)
}

var errNotFinite = pipeline.Rejectf("bad_float", "a number that isn't finite has no place in JSON")

// appendJSON appends v as JSON.
func appendJSON(b []byte, v pipeline.Value) ([]byte, error) {
	switch v.Type() {
	case pipeline.Null:
		return append(b, "null"...), nil
	case pipeline.Float:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return b, errNotFinite
		}
	case pipeline.String:
		return appendQuoted(b, v.Text()), nil
	case pipeline.Date, pipeline.Time:
		return append(v.Append(append(b, '"')), '"'), nil
	}
	return v.Append(b), nil
}

// appendQuoted appends UTF-8 text as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
