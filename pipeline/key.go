package pipeline

import (
	"bytes"
	"strings"
)

// Key returns the identity of a row whose key columns have these texts: the one text as it is, or several joined by
// "|" with "|" and "\" in them escaped by "\". It is false if one of them is empty.
func Key(texts ...string) (string, bool) {
	for _, text := range texts {
		if text == "" {
			return "", false
		}
	}
	if len(texts) == 1 {
		return texts[0], true
	}
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteByte('|')
		}
		if strings.ContainsAny(text, `|\`) {
			text = keyEscapes.Replace(text)
		}
		b.WriteString(text)
	}
	return b.String(), len(texts) > 0
}

var keyEscapes = strings.NewReplacer(`\`, `\\`, `|`, `\|`)

// appendKey appends the Key of a row to b; it is false if one of the columns is null or empty.
func appendKey(b []byte, values []Value, columns []int) ([]byte, bool) {
	for i, at := range columns {
		if i > 0 {
			b = append(b, '|')
		}
		start := len(b)
		if b = values[at].Append(b); len(b) == start {
			return b, false
		}
		if len(columns) > 1 && bytes.ContainsAny(b[start:], `|\`) {
			b = append(b[:start], keyEscapes.Replace(string(b[start:]))...)
		}
	}
	return b, len(columns) > 0
}
