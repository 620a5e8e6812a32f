package hubspottest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A reader walks over JSON text once, without building a tree: batches of 100 records are most of what the portal
// reads. Every method begins and ends at a token; the first error sticks.
type reader struct {
	data  []byte
	pos   int
	depth int
	names map[string]string // property names seen in this text, so that each is allocated once
}

// A syntaxError is text that isn't JSON, or not of the shape that is expected.
type syntaxError struct {
	offset int
	what   string
}

func (e *syntaxError) Error() string { return e.what }

func (r *reader) fail(what string) error { return &syntaxError{r.pos, what} }

// invalidJSON is the answer to a body that can't be read (6.5).
func invalidJSON(data []byte, err error) *apiError {
	offset, what := 0, err.Error()
	var own *syntaxError
	var std *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &own):
		offset = own.offset
	case errors.As(err, &std):
		offset = int(std.Offset)
	case errors.As(err, &kind):
		offset, what = int(kind.Offset), fmt.Sprintf("unexpected %s for %s", kind.Value, kind.Field)
	}
	before := data[:min(offset, len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return invalid("Invalid input JSON on line %d, column %d: %s", line, column, what)
}

// decode reads a small body into v.
func (c *call) decode(v any) *apiError {
	if err := json.Unmarshal(c.body, v); err != nil {
		return invalidJSON(c.body, err)
	}
	return nil
}

func (r *reader) space() {
	for r.pos < len(r.data) && strings.IndexByte(" \t\r\n", r.data[r.pos]) >= 0 {
		r.pos++
	}
}

// peek returns the first byte of the next token, or 0 at the end.
func (r *reader) peek() byte {
	r.space()
	if r.pos == len(r.data) {
		return 0
	}
	return r.data[r.pos]
}

func (r *reader) accept(b byte) bool {
	if r.peek() != b {
		return false
	}
	r.pos++
	return true
}

// end returns an error if anything follows.
func (r *reader) end() error {
	if r.peek() != 0 {
		return r.fail("unexpected text after the end")
	}
	return nil
}

// object calls member for every member; it must consume the value.
func (r *reader) object(member func(name []byte) error) error {
	if !r.accept('{') {
		return r.fail("expected an object")
	}
	if r.depth++; r.depth > 200 {
		return r.fail("nested too deeply")
	}
	defer func() { r.depth-- }()
	if r.accept('}') {
		return nil
	}
	for {
		name, err := r.text()
		if err != nil {
			return err
		}
		if !r.accept(':') {
			return r.fail("expected a colon")
		}
		if err := member(name); err != nil {
			return err
		}
		if r.accept('}') {
			return nil
		}
		if !r.accept(',') {
			return r.fail("expected a comma or the end of the object")
		}
	}
}

// array calls element for every element; it must consume the value.
func (r *reader) array(element func() error) error {
	if !r.accept('[') {
		return r.fail("expected an array")
	}
	if r.depth++; r.depth > 200 {
		return r.fail("nested too deeply")
	}
	defer func() { r.depth-- }()
	if r.accept(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if r.accept(']') {
			return nil
		}
		if !r.accept(',') {
			return r.fail("expected a comma or the end of the array")
		}
	}
}

// text reads a string. The bytes may belong to the input.
func (r *reader) text() ([]byte, error) {
	if r.peek() != '"' {
		return nil, r.fail("expected a string")
	}
	start, plain := r.pos, true
	for i := start + 1; i < len(r.data); i++ {
		switch b := r.data[i]; {
		case b == '"':
			r.pos = i + 1
			if plain {
				return r.data[start+1 : i], nil
			}
			return r.unescape(start)
		case b == '\\':
			plain = false
			i++
		case b < ' ':
			r.pos = i
			return nil, r.fail("control character in a string")
		case b >= 0x80:
			plain = false // the slow way repairs invalid UTF-8
		}
	}
	r.pos = len(r.data)
	return nil, r.fail("unexpected end of a string")
}

func (r *reader) unescape(start int) ([]byte, error) {
	var s string
	if err := json.Unmarshal(r.data[start:r.pos], &s); err != nil {
		r.pos = start
		return nil, r.fail("invalid escape in a string")
	}
	return []byte(s), nil
}

// scalar reads a string, number, boolean or null as text.
func (r *reader) scalar() (text string, null bool, err error) {
	switch b := r.peek(); {
	case b == '"':
		raw, err := r.text()
		return string(raw), false, err
	case b == '{' || b == '[' || b == 0:
		return "", false, r.fail("expected a string")
	}
	start := r.pos
	for r.pos < len(r.data) && strings.IndexByte(",]} \t\r\n", r.data[r.pos]) < 0 {
		r.pos++
	}
	raw := r.data[start:r.pos]
	if !json.Valid(raw) {
		r.pos = start
		return "", false, r.fail("unexpected token")
	}
	return string(raw), string(raw) == "null", nil
}

// skip passes over any value.
func (r *reader) skip() error {
	switch r.peek() {
	case '{':
		return r.object(func([]byte) error { return r.skip() })
	case '[':
		return r.array(r.skip)
	}
	_, _, err := r.scalar()
	return err
}

// name returns the same string for equal names.
func (r *reader) name(raw []byte) string {
	if s, ok := r.names[string(raw)]; ok {
		return s
	}
	if r.names == nil {
		r.names = make(map[string]string)
	}
	s := string(raw)
	r.names[s] = s
	return s
}

// strings reads an array of strings.
func (r *reader) strings() (list []string, err error) {
	err = r.array(func() error {
		s, _, err := r.scalar()
		list = append(list, s)
		return err
	})
	return list, err
}
