package pipeline

import "strconv"

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
