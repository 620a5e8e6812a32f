package crm

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// skip steps over a value. It is as strict as encoding/json: what is no JSON is no answer, wherever in it that is.
func (s *skimmer) skip() {
	switch c := s.peek(); c {
	case 0:
		s.bad = true // the end
	case '{', '[':
		s.skipList(c == '{')
	case '"':
		s.scanQuoted()
	case 't':
		s.skipWord("true")
	case 'f':
		s.skipWord("false")
	case 'n':
		s.skipWord("null")
	default:
		s.skipNumber()
	}
}

// skipList steps over an object or an array.
func (s *skimmer) skipList(object bool) {
	end := byte(']')
	if object {
		end = '}'
	}
	s.i++
	if s.depth++; s.depth > maxDepth {
		s.bad = true
	}
	for more := s.peek() != end; more && !s.bad; {
		if object {
			s.space()
			s.scanQuoted()
			s.expect(':')
		}
		s.skip()
		if more = s.peek() != end; more {
			s.expect(',')
		}
	}
	s.depth--
	if !s.bad {
		s.i++
	}
}

// scanQuoted steps over a string that begins here, and tells whether it can be taken as it is.
func (s *skimmer) scanQuoted() (plain bool) {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		s.bad = true
		return false
	}
	plain = true
	for s.i++; ; s.i++ {
		s.i += ordinary(s.b[s.i:])
		if s.i >= len(s.b) || s.b[s.i] < ' ' {
			s.bad = true
			return false
		}
		switch s.b[s.i] {
		case '"':
			s.i++
			return plain
		case '\\':
			if s.skipEscape(); s.bad {
				return false
			}
		}
		plain = false
	}
}

// ordinary returns how many bytes at the beginning are ASCII without controls, quotes and backslashes.
func ordinary(b []byte) (n int) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, backslash := x^'"'*ones, x^'\\'*ones
		// Subtracting from a byte that is too small sets its top bit. It may set that of bytes after it, too, but never before.
		if found := (x | (x - ' '*ones) | (quote - ones) | (backslash - ones)) & tops; found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for n < len(b) && b[n] >= ' ' && b[n] < 0x80 && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

// skipEscape steps over the backslash and all but the last byte of the escape that follows.
func (s *skimmer) skipEscape() {
	s.i++
	digits := 0
	if s.i < len(s.b) && s.b[s.i] == 'u' {
		digits = 4
	} else if s.i >= len(s.b) || bytes.IndexByte([]byte(`"\\/bfnrt`), s.b[s.i]) < 0 {
		s.bad = true
	}
	for ; digits > 0 && !s.bad; digits-- {
		if s.i++; s.i >= len(s.b) || !isHex(s.b[s.i]) {
			s.bad = true
		}
	}
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|' ' >= 'a' && c|' ' <= 'f' }

func (s *skimmer) skipWord(word string) {
	if !bytes.HasPrefix(s.b[s.i:], []byte(word)) {
		s.bad = true
		return
	}
	s.i += len(word)
}

func (s *skimmer) skipNumber() {
	start := s.i
	for s.i < len(s.b) && (s.b[s.i] >= '0' && s.b[s.i] <= '9' || s.b[s.i] == '-' || s.b[s.i] == '+' || s.b[s.i] == '.' || s.b[s.i]|' ' == 'e') {
		s.i++
	}
	if !json.Valid(s.b[start:s.i]) {
		s.bad = true
	}
}
