package state

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"sluice/pipeline"
)

// encodeLedger is encode of the rows that each commit writes a hundred of. They are appended by hand: for maps encoding/json
// takes several times the CPU time.
func encodeLedger(rows []ledgerRow) string {
	b := []byte{'['}
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = rows[i].appendTo(b)
	}
	return string(append(b, ']'))
}

func (r *ledgerRow) appendTo(b []byte) []byte {
	b = appendText(append(b, `{"key":`...), r.Key)
	b = strconv.AppendInt(append(b, `,"version":`...), r.Version, 10)
	b = appendText(append(b, `,"record_id":`...), r.ID)
	b = appendText(append(b, `,"merged_from":`...), r.Merged)
	b = appendText(append(b, `,"matched":`...), r.Match)
	b = strconv.AppendBool(append(b, `,"held":`...), r.Held)
	b = strconv.AppendBool(append(b, `,"made":`...), r.Made)
	if r.Hash != "" {
		b = appendText(append(b, `,"hash":`...), string(r.Hash))
	}
	if r.Rejected != "" {
		b = appendText(append(b, `,"rejected":`...), string(r.Rejected))
	}
	if r.Links != "" {
		b = append(append(b, `,"links":`...), r.Links...)
	}
	if len(r.Sent) > 0 {
		b = appendSent(append(b, `,"sent":`...), r.Sent)
	}
	if len(r.Tried) > 0 {
		b = appendTried(append(b, `,"tried":`...), r.Tried)
	}
	if r.Answered {
		b = appendText(append(b, `,"request":`...), r.Request)
		b = appendText(append(b, `,"answer":`...), r.Answer)
	}
	return append(b, '}')
}

func appendTried(b []byte, tried []pipeline.Sent) []byte {
	b = append(b, '[')
	for i, sent := range tried {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSent(b, sent)
	}
	return append(b, ']')
}

// appendSent appends properties in the order of their names.
func appendSent(b []byte, sent pipeline.Sent) []byte {
	if sent == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(sent)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, name), ':')
		b = appendText(b, sent[name])
	}
	return append(b, '}')
}

// appendText appends a text as a JSON string. What is no UTF-8 becomes what encoding/json makes of it.
func appendText(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return append(b, encode(s)...)
	}
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		if from = i + 1; c < ' ' {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	return append(append(b, s[from:]...), '"')
}
