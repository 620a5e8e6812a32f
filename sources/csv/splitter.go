package csv

import (
	"bytes"
	"fmt"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// A field is one field of a record: a part of it, without quotes around it. It is one word, so that it is written and read
// as one.
type field uint64

const (
	quoted   field = 1 << 31 // it was within quotes
	doubled  field = 1 << 63 // quotes in it are doubled
	placeMax       = 1<<31 - 1
)

// newField returns a field that was not within quotes.
func newField(start, end int) field { return field(start) | field(end)<<32 }

func (f field) start() int { return int(f & placeMax) }
func (f field) end() int   { return int(f >> 32 & placeMax) }

func (f field) empty() bool { return f.start() == f.end() }

// is tells whether the field is quoted, or doubled.
func (f field) is(what field) bool { return f&what != 0 }

// of returns the field's text, in which quotes may be doubled.
func (f field) of(record []byte) []byte { return record[f.start():f.end()] }

// A splitter finds where fields begin and end.
type splitter struct {
	delimiter byte
	quote     byte // lineFeed: nothing is quoted
	cr        bool // a lone CR ends a record

	// Of the last record.
	fields    []field // the first of them: as many as there is room for
	count     int     // how many there are
	multiline bool    // there may be line breaks in them
	opened    int     // where the quoted field begins that isn't closed; -1 if there is none
}

// A syntaxError says why a record can't be split.
type syntaxError struct {
	code string
	at   int   // the offset within the record of what is to blame
	line int64 // the line that this is on
	text string
}

// Error says what is wrong; the caller tells where.
func (e *syntaxError) Error() string { return e.text }

// split finds the fields of the record at the start of b, and returns its length with its line break. The length is 0
// if b ends before the record does; where last is set, the end of b ends the record. marks are those of b.
func (s *splitter) split(b []byte, marks marks, last bool) (int, *syntaxError) {
	s.multiline, s.opened = false, -1
	fields, count, delimiter := s.fields, 0, s.delimiter
	start := 0 // of the field
	word, left := marks.from(0)
	for {
		for left == 0 {
			if word++; word<<6-marks.skew >= len(b) {
				s.count = count
				return s.ended(b, start, last), nil
			}
			left = marks.bits[word]
		}
		i := word<<6 - marks.skew + bits.TrailingZeros64(left)
		if i >= len(b) {
			s.count = count
			return s.ended(b, start, last), nil
		}
		left &= left - 1
		c := b[i]
		if c == delimiter {
			if count < len(fields) {
				fields[count] = newField(start, i)
			}
			count++
			start = i + 1
			continue
		}
		s.count = count
		if c != s.quote || c == lineFeed {
			return s.finish(b, start, i, last), nil
		}
		if i > start {
			return 0, s.bareQuote(b, i)
		}
		next, n, err := s.quotedField(b, marks, i, last)
		if err != nil || next == 0 {
			return n, err
		}
		count, start = s.count, next
		word, left = marks.from(next)
	}
}

// ended adds the record's last field, which starts at start, if the end of b ends the record. It returns the record's length.
func (s *splitter) ended(b []byte, start int, last bool) int {
	if !last || len(b) == 0 {
		return 0
	}
	s.addLast(b, start, len(b))
	return len(b)
}

// finish adds the record's last field, which starts at start and ends with the line break at b[i].
func (s *splitter) finish(b []byte, start, i int, last bool) int {
	n := s.breakAt(b, i, last)
	if n > 0 {
		s.addLast(b, start, i)
	}
	return n
}

// quotedField adds the field whose quote opens at i. It returns where the next field starts; 0 if there is none,
// together with the record's length as split does.
func (s *splitter) quotedField(b []byte, marks marks, i int, last bool) (next, n int, err *syntaxError) {
	s.opened = i
	flags := quoted
	end, feed := i+1, s.cr // whether there may be a line break in it
	for word, left := marks.from(end); ; {
		for left == 0 {
			if word++; word<<6-marks.skew >= len(b) {
				return 0, 0, s.unclosed(i, last)
			}
			left = marks.bits[word]
		}
		end = word<<6 - marks.skew + bits.TrailingZeros64(left)
		left &= left - 1
		if end >= len(b) {
			return 0, 0, s.unclosed(i, last)
		}
		if c := b[end]; c != s.quote {
			feed = feed || c == lineFeed
			continue
		}
		if end+1 == len(b) && !last {
			return 0, 0, nil
		}
		if end+1 == len(b) || b[end+1] != s.quote {
			break
		}
		flags |= doubled
		word, left = marks.from(end + 2)
	}
	f := newField(i+1, end) | flags
	end++
	switch {
	case end == len(b):
		n = end
	case b[end] == s.delimiter:
		next = end + 1
	case end+1 == len(b) && b[end] == carriageReturn && !last:
		return 0, 0, nil
	default:
		if n = s.breakAt(b, end, last); n == 0 {
			return 0, 0, s.badQuote(b, i, end)
		}
	}
	s.opened = -1
	s.multiline = s.multiline || feed
	s.add(f)
	return next, n, nil
}

// breakAt returns where the line break at b[i] ends; 0 if there is none, or b doesn't tell.
func (s *splitter) breakAt(b []byte, i int, last bool) int {
	switch {
	case b[i] == lineFeed:
		return i + 1
	case b[i] != carriageReturn:
		return 0
	case i+1 == len(b):
		if last {
			return i + 1
		}
		return 0
	case b[i+1] == lineFeed:
		return i + 2
	case s.cr:
		return i + 1
	}
	return 0
}

func (s *splitter) add(f field) {
	if s.count < len(s.fields) {
		s.fields[s.count] = f
	}
	s.count++
}

// addLast adds the unquoted field that the line break at b[end] ends, of which a CR may be the first half.
func (s *splitter) addLast(b []byte, start, end int) {
	if end > start && b[end-1] == carriageReturn && !s.cr {
		end--
	}
	s.add(newField(start, end))
}

func (s *splitter) bareQuote(b []byte, i int) *syntaxError {
	return &syntaxError{code: "bad_quote", at: i, text: fmt.Sprintf(
		"field %d has a quote in it, near %s, but doesn't begin with one: quote the whole field, and double the quotes within it",
		s.count+1, near(b, i))}
}

func (s *splitter) badQuote(b []byte, i, end int) *syntaxError {
	return &syntaxError{code: "bad_quote", at: i, text: fmt.Sprintf(
		"field %d goes on after its closing quote, near %s: double the quotes within it", s.count+1, near(b, end-1))}
}

// unclosed returns the error about the quote that opens at i, if there is no more text that could close it.
func (s *splitter) unclosed(i int, last bool) *syntaxError {
	if !last {
		return nil
	}
	return &syntaxError{code: "open_quote", at: i, text: fmt.Sprintf(
		"the quote that opens field %d isn't closed before the file ends: close it, or double it if it is part of the text",
		s.count+1)}
}

// tooLong returns the error about a record that doesn't end within limit bytes.
func (s *splitter) tooLong(limit int) *syntaxError {
	if s.opened >= 0 {
		return &syntaxError{code: "open_quote", at: s.opened, text: fmt.Sprintf(
			"the quote that opens field %d isn't closed within %d bytes: close it, or double it if it is part of the text",
			s.count+1, limit)}
	}
	return &syntaxError{code: "long_record", at: limit - 1, text: fmt.Sprintf(
		"the record has more than %d bytes, which is the most that is read", limit)}
}

// near returns the text around b[i] that is on the same line, quoted.
func near(b []byte, i int) string {
	const span = 20
	from, to := max(0, i-span), min(len(b), i+span)
	for from > 0 && !utf8.RuneStart(b[from]) {
		from--
	}
	for to < len(b) && !utf8.RuneStart(b[to]) {
		to++
	}
	if k := bytes.LastIndexAny(b[from:i], "\r\n"); k >= 0 {
		from += k + 1
	}
	if k := bytes.IndexAny(b[i:to], "\r\n"); k >= 0 {
		to = i + k
	}
	return strconv.Quote(string(b[from:to]))
}

// where returns the error with the line that it is on, if that isn't the record's first one.
func (e *syntaxError) where(first int64) error {
	if e.line == first {
		return e
	}
	return fmt.Errorf("line %d: %w", e.line, e)
}
