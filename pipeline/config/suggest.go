package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// nearest returns the name in list that text is probably a misspelling of, or "". It is the first of those with the
// smallest distance, and only if that is at most two edits and less than a third of the longer name.
func nearest(text string, list []string) string {
	if len(text) > 64 {
		return ""
	}
	best, least := "", 3
	for _, name := range list {
		n := distance(strings.ToLower(text), strings.ToLower(name))
		longer := max(utf8.RuneCountInString(text), utf8.RuneCountInString(name))
		if n < least && n*3 < longer+1 && name != text {
			best, least = name, n
		}
	}
	return best
}

// distance returns how many insertions, deletions, replacements and swaps of neighbours make b of a.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s)-len(t) > 2 || len(t)-len(s) > 2 {
		return 3
	}
	before, last, now := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		now[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			now[j+1] = min(last[j]+cost, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(t)]
}

// suggestion returns a hint for an unknown name: the one that was probably meant, or else all that there are.
func suggestion(name string, list []string, what string) string {
	if near := nearest(name, list); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(list) == 0 {
		return "there are no " + what
	}
	return what + ": " + strings.Join(list, ", ")
}
