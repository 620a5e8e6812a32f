package crm

import (
	"encoding/json"
)

// skimBatch reads an answer like decodeBatch, but looks only at what is kept: of some 50 kB of results that is a few
// ids. It returns false for whatever it doesn't expect; then encoding/json decides.
func skimBatch(body []byte, keep map[string]bool, answer *BatchAnswer) bool {
	s := skimmer{b: body}
	s.object(func(key []byte) {
		switch string(key) {
		case "results":
			answer.Results = make([]Result, 0, MaxInputs)
			s.array(func() { answer.Results = append(answer.Results, s.result(keep)) })
		case "status":
			answer.Status = s.text()
		case "errors":
			s.decode(&answer.Errors)
		default:
			s.skip()
		}
	})
	s.space()
	return !s.bad && s.i == len(s.b)
}

// A skimmer walks through a JSON document. Once something is unexpected, bad is set and all else does nothing.
type skimmer struct {
	b     []byte
	i     int
	depth int
	bad   bool
}

// maxDepth of nesting is left to encoding/json, which has a limit too.
const maxDepth = 100

func (s *skimmer) result(keep map[string]bool) Result {
	var r Result
	s.object(func(key []byte) {
		switch string(key) {
		case "id":
			r.ID = s.text()
		case "objectWriteTraceId":
			r.TraceID = s.text()
		case "new":
			r.New = s.flag()
		case "archived":
			archived := s.flag()
			r.Archived = archived != nil && *archived
		case "createdAt":
			r.Created = instant(string(s.quoted()))
		case "properties":
			r.Properties = s.properties(keep)
		case "warnings":
			var w warningsWire
			s.decode(&w)
			r.Warnings = w.warnings()
		default:
			s.skip()
		}
	})
	return r
}

func (s *skimmer) properties(keep map[string]bool) map[string]string {
	var kept map[string]string
	s.object(func(name []byte) {
		if keep != nil && !keep[string(name)] || s.peek() == 'n' {
			s.skip()
			return
		}
		if kept == nil {
			kept = make(map[string]string)
		}
		kept[string(name)] = s.text()
	})
	return kept
}

// object calls f for each key of an object; f must read the value.
func (s *skimmer) object(f func(key []byte)) {
	s.list('{', '}', func() {
		key := s.quoted()
		s.expect(':')
		if !s.bad {
			f(key)
		}
	})
}

// array calls f for each element of an array; f must read it.
func (s *skimmer) array(f func()) { s.list('[', ']', f) }

func (s *skimmer) list(start, end byte, f func()) {
	s.depth++
	defer func() { s.depth-- }()
	if s.expect(start); s.depth > maxDepth {
		s.bad = true
	}
	if s.peek() == end {
		s.i++
		return
	}
	for !s.bad {
		f()
		if s.peek() == end {
			s.i++
			return
		}
		s.expect(',')
	}
}

// text reads a string.
func (s *skimmer) text() string {
	if s.peek() != '"' {
		s.bad = true
		return ""
	}
	return string(s.quoted())
}

// quoted reads a string; the result is valid until the next one. One with escapes is left to encoding/json.
func (s *skimmer) quoted() []byte {
	s.space()
	start := s.i
	plain := s.scanQuoted()
	if s.bad {
		return nil
	}
	if plain {
		return s.b[start+1 : s.i-1]
	}
	var text string
	if json.Unmarshal(s.b[start:s.i], &text) != nil {
		s.bad = true
	}
	return []byte(text)
}

// flag reads true, false or null.
func (s *skimmer) flag() *bool {
	flag := new(s.peek() == 't')
	switch s.peek() {
	case 't':
		s.skipWord("true")
	case 'f':
		s.skipWord("false")
	default:
		flag = nil
		s.skipWord("null")
	}
	return flag
}

// decode reads a value with encoding/json.
func (s *skimmer) decode(v any) {
	s.space()
	start := s.i
	s.skip()
	if !s.bad && json.Unmarshal(s.b[start:s.i], v) != nil {
		s.bad = true
	}
}

func (s *skimmer) expect(c byte) {
	if s.peek() != c {
		s.bad = true
		return
	}
	s.i++
}

// peek returns the next byte that is no blank; 0 at the end or once something was unexpected.
func (s *skimmer) peek() byte {
	if s.space(); s.bad || s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *skimmer) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}
