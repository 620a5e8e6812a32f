package crm

import (
	"strconv"
	"unicode/utf8"
)

// Bodies are appended by hand: a map per record through encoding/json costs about ten times the CPU (see
// BenchmarkEncode). Field order is fixed, so that equal inputs make equal bodies.

const (
	inputsStart = `{"inputs":[`
	inputsEnd   = `]}`
)

// Size returns the number of bytes that the input takes in a request, with the comma before it.
func (in *Input) Size() int {
	n := len(`,{"properties":{}}`)
	for _, f := range [...]struct{ start, value string }{
		{`"objectWriteTraceId":,`, in.TraceID}, {`"id":,`, in.ID}, {`"idProperty":,`, in.IDProperty},
	} {
		if f.value != "" {
			n += len(f.start) + quotedLen(f.value)
		}
	}
	for i, p := range in.Properties {
		n += quotedLen(p.Name) + quotedLen(p.Value) + len(":")
		if i > 0 {
			n += len(",")
		}
	}
	if len(in.Associations) > 0 {
		n += len(appendInline(nil, in.Associations))
	}
	return n
}

// guess returns about the number of bytes that the input takes, without reading its values.
func (in *Input) guess() int {
	n := 96 + len(in.TraceID) + len(in.ID) + len(in.IDProperty) + 96*len(in.Associations)
	for i := range in.Properties {
		n += len(in.Properties[i].Name) + len(in.Properties[i].Value) + len(`"":"",`)
	}
	return n
}

// Most returns a number of bytes that Size doesn't exceed. Where there are no links it doesn't read the values: a byte of
// theirs takes six at most.
func (in *Input) Most() int {
	if len(in.Associations) > 0 {
		return in.Size()
	}
	return len(`\u0000`) * in.guess()
}

func encodeInputs(inputs []Input) []byte {
	n := len(inputsStart) + len(inputsEnd)
	for i := range inputs {
		n += inputs[i].guess()
	}
	b := append(make([]byte, 0, n), inputsStart...)
	for i := range inputs {
		b = appendComma(b, i)
		b = appendInput(b, &inputs[i])
	}
	return append(b, inputsEnd...)
}

func appendInput(b []byte, in *Input) []byte {
	b = append(b, '{')
	if in.TraceID != "" {
		b = appendQuoted(append(b, `"objectWriteTraceId":`...), in.TraceID)
		b = append(b, ',')
	}
	if in.ID != "" {
		b = appendQuoted(append(b, `"id":`...), in.ID)
		b = append(b, ',')
	}
	if in.IDProperty != "" {
		b = appendQuoted(append(b, `"idProperty":`...), in.IDProperty)
		b = append(b, ',')
	}
	b = append(b, `"properties":{`...)
	for i, p := range in.Properties {
		b = appendComma(b, i)
		b = append(appendQuoted(b, p.Name), ':')
		b = appendQuoted(b, p.Value)
	}
	b = append(b, '}')
	if len(in.Associations) > 0 {
		b = appendInline(b, in.Associations)
	}
	return append(b, '}')
}

func appendInline(b []byte, links []InlineAssociation) []byte {
	b = append(b, `,"associations":[`...)
	for i, link := range links {
		b = appendComma(b, i)
		b = appendQuoted(append(b, `{"to":{"id":`...), link.ToID)
		b = appendTypes(append(b, `},"types":`...), link.Types)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendTypes(b []byte, types []AssociationType) []byte {
	b = append(b, '[')
	for i, t := range types {
		b = appendComma(b, i)
		b = appendQuoted(append(b, `{"associationCategory":`...), t.Category)
		b = strconv.AppendInt(append(b, `,"associationTypeId":`...), int64(t.ID), 10)
		b = append(b, '}')
	}
	return append(b, ']')
}

func encodeRead(idProperty string, properties, ids []string) []byte {
	b := []byte(`{"properties":[`)
	for i, p := range properties {
		b = appendQuoted(appendComma(b, i), p)
	}
	b = append(b, ']')
	if idProperty != "" {
		b = appendQuoted(append(b, `,"idProperty":`...), idProperty)
	}
	b = append(b, `,"inputs":`...)
	return append(appendIDs(b, ids), '}')
}

func encodeIDs(ids []string) []byte {
	return append(appendIDs([]byte(`{"inputs":`), ids), '}')
}

func appendIDs(b []byte, ids []string) []byte {
	b = append(b, '[')
	for i, id := range ids {
		b = append(appendComma(b, i), `{"id":`...)
		b = append(appendQuoted(b, id), '}')
	}
	return append(b, ']')
}

func encodeLinks(links []Association, withTypes bool) []byte {
	b := []byte(inputsStart)
	for i, l := range links {
		b = append(appendComma(b, i), `{"from":{"id":`...)
		b = append(appendQuoted(b, l.From), `},"to":{"id":`...)
		b = append(appendQuoted(b, l.To), '}')
		if withTypes {
			b = appendTypes(append(b, `,"types":`...), l.Types)
		}
		b = append(b, '}')
	}
	return append(b, inputsEnd...)
}

// encodeUnlinks names the other ends of each record in one input: {"from":…,"to":[…]} (API.md 10.2).
func encodeUnlinks(pairs []Pair) []byte {
	var order []string
	ends := map[string][]string{}
	for _, p := range pairs {
		if _, ok := ends[p.From]; !ok {
			order = append(order, p.From)
		}
		ends[p.From] = append(ends[p.From], p.To)
	}
	b := []byte(inputsStart)
	for i, from := range order {
		b = append(appendComma(b, i), `{"from":{"id":`...)
		b = append(appendQuoted(b, from), `},"to":`...)
		b = append(appendIDs(b, ends[from]), '}')
	}
	return append(b, inputsEnd...)
}

// encodePages asks for the associations of records, each from its page on ("" for the first).
func encodePages(pages []page) []byte {
	b := []byte(inputsStart)
	for i, p := range pages {
		b = appendQuoted(append(appendComma(b, i), `{"id":`...), p.id)
		if p.after != "" {
			b = appendQuoted(append(b, `,"after":`...), p.after)
		}
		b = append(b, '}')
	}
	return append(b, inputsEnd...)
}

func appendComma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// plain are the bytes that stand for themselves in a JSON string.
var plain = func() (p [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		p[c] = c != '"' && c != '\\'
	}
	return p
}()

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as encoding/json writes it without HTML escapes: what isn't UTF-8 becomes U+FFFD.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = appendEscape(append(b, s[done:i]...), c)
			i++
			done = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, s[done:i]...), `\ufffd`...)
			done = i + size
		case r == '\u2028' || r == '\u2029':
			b = append(append(b, s[done:i]...), `\u202`...)
			b = append(b, hexDigits[r&0xF])
			done = i + size
		}
		i += size
	}
	return append(append(b, s[done:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	if short := shortEscape(c); short != 0 {
		return append(b, '\\', short)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}

func shortEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return 0
}

// quotedLen returns the number of bytes that appendQuoted appends.
func quotedLen(s string) int {
	n := len(s) + len(`""`)
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			n += escapeLen(c) - 1
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			n += len(`\ufffd`) - size
		}
		i += size
	}
	return n
}

func escapeLen(c byte) int {
	if shortEscape(c) != 0 {
		return len(`\n`)
	}
	return len(`\u0000`)
}
