package state

import (
	"encoding/json"
	"strings"

	"sluice/pipeline"
)

// decodeSent reads what a column of the ledger holds of properties that were sent; nil for a null. An object of texts, as it
// always is, is taken apart by hand: encoding/json takes several times the CPU time, and a name and a value of memory each.
func decodeSent(b []byte) (pipeline.Sent, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if sent, ok := splitSent(string(b)); ok {
		return sent, nil
	}
	var sent pipeline.Sent
	return sent, json.Unmarshal(b, &sent)
}

// splitSent returns the properties of a JSON object of texts, or false if it is anything else. Names that come twice are left
// to encoding/json.
func splitSent(text string) (pipeline.Sent, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "{")
	if !ok {
		return nil, false
	}
	sent := make(pipeline.Sent, 0, strings.Count(rest, `":`))
	for rest = skipSpace(rest); !strings.HasPrefix(rest, "}"); {
		var v pipeline.SentValue
		if v.Property, rest, ok = cutText(rest); ok {
			rest, ok = strings.CutPrefix(skipSpace(rest), ":")
		}
		if ok {
			v.Value, rest, ok = cutText(skipSpace(rest))
		}
		if !ok {
			return nil, false
		}
		sent = append(sent, v)
		if rest = skipSpace(rest); strings.HasPrefix(rest, ",") {
			rest = skipSpace(rest[1:])
		} else if rest != "}" {
			return nil, false
		}
	}
	return sent, sent.Order()
}

func skipSpace(text string) string {
	for text != "" && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// cutText takes a JSON string off the front of text.
func cutText(text string) (value, rest string, ok bool) {
	if text == "" || text[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return text[1:i], text[i+1:], true
		case c == '\\':
			return cutEscaped(text, i)
		case c < ' ':
			return "", "", false
		}
	}
	return "", "", false
}

// cutEscaped is cutText of a string with an escape at i.
func cutEscaped(text string, i int) (value, rest string, ok bool) {
	for ; i < len(text); i++ {
		switch text[i] {
		case '"':
			err := json.Unmarshal([]byte(text[:i+1]), &value)
			return value, text[i+1:], err == nil
		case '\\':
			i++
		}
	}
	return "", "", false
}
