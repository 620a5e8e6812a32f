package parquet

import (
	"errors"
	"math"

	"sluice/pipeline"
)

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
