package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// suggest returns a hint for an unknown name: the one of list that was probably meant (the first with the least
// distance, at most two edits and less than a third of the longer name), or else all that there are.
func suggest(name string, list []string, what string) string {
	best, least := "", 3
	for _, known := range list {
		n := distance(strings.ToLower(name), strings.ToLower(known))
		if n < least && n*3 <= max(utf8.RuneCountInString(name), utf8.RuneCountInString(known)) {
			best, least = known, n
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return what + ": " + strings.Join(list, ", ")
}

// distance returns how many insertions, deletions, replacements and swaps of neighbours make b of a, up to 3.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s)-len(t) > 2 || len(t)-len(s) > 2 {
		return 3
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j-1]+cost, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}
