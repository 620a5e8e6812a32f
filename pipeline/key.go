package pipeline

import "strings"

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
