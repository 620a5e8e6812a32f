package pipeline

import (
	"slices"
	"strconv"
	"strings"
)

// Quote returns a text of the data for a message to people: quoted as in Go, so that blanks, line breaks and bytes that
// aren't UTF-8 show, and cut to 80 characters, the last of which is then an ellipsis after the quotes.
func Quote(text string) string {
	const most = 80
	n, last := 0, 0
	for i := range text {
		if n++; n == most {
			last = i
		} else if n > most {
			return strconv.Quote(text[:last]) + "…"
		}
	}
	return strconv.Quote(text)
}

// OneLine returns a text of several lines in one, with a line that is the same as the one before it only once. Postgres's driver
// puts the errors of attempts below each other, such as of one with TLS and one without, which often fail in the same way.
func OneLine(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Replace(strings.Join(slices.Compact(lines), "; "), ":; ", ": ", 1)
}
