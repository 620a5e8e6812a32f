package state

import (
	"unicode/utf8"

	"sluice/pipeline"
)

// encodeSent returns, as JSON objects and as JSON lists of them, what was sent and what was tried of each row; "" where that is
// nothing. They are appended by hand to one text: for maps encoding/json takes several times the CPU time.
func encodeSent(rows []*patched) (sent, tried []string) {
	size := 0
	for _, e := range rows {
		for _, v := range e.Sent {
			size += len(v.Property) + len(v.Value) + len(`"":"",`)
		}
	}
	b := make([]byte, 0, size+size/8) // some for what is escaped
	ends := make([]int, 0, 2*len(rows))
	for _, e := range rows {
		if len(e.Sent) > 0 {
			b = appendSent(b, e.Sent)
		}
		ends = append(ends, len(b))
		if len(e.Tried) > 0 {
			b = appendTried(b, e.Tried)
		}
		ends = append(ends, len(b))
	}
	all, from := string(b), 0
	sent, tried = make([]string, len(rows)), make([]string, len(rows))
	for i, end := range ends {
		list := sent
		if i%2 == 1 {
			list = tried
		}
		list[i/2], from = all[from:end], end
	}
	return sent, tried
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

func appendSent(b []byte, sent pipeline.Sent) []byte {
	if sent == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i, v := range sent {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, v.Property), ':'), v.Value)
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
