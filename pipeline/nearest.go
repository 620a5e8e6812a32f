package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// longestName is the number of characters up to which names are compared.
const longestName = 100

// Nearest returns the one of some names that the given one is probably a misspelling of, or "". It is the first of
// those with the fewest edits, and only if these are at most two and at most a third of the longer name. Case and
// blanks around a name count for nothing, but a name isn't a misspelling of itself.
func Nearest(name string, among []string) string {
	s := folded(name)
	if len(s) > longestName {
		return ""
	}
	best, least := "", 3
	for _, other := range among {
		t := folded(other)
		if max(len(s)-len(t), len(t)-len(s)) > 2 || other == name {
			continue
		}
		if n := edits(s, t); n < least && n*3 <= max(len(s), len(t)) {
			best, least = other, n
		}
	}
	return best
}

// ByNearness returns the names, those with the fewest edits from the given one first, and otherwise in their order.
func ByNearness(name string, among []string) []string {
	type scored struct {
		name  string
		edits int
	}
	s := folded(name)
	all := make([]scored, len(among))
	for i, other := range among {
		t := folded(other)
		all[i] = scored{other, edits(s[:min(len(s), longestName)], t[:min(len(t), longestName)])}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(a.edits, b.edits) })
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = one.name
	}
	return names
}

// Suggest returns a hint for an unknown name: the one that was probably meant, or else what there is to choose from, up
// to 20 of them. What they are is a plural, such as "columns".
func Suggest(name string, among []string, what string) string {
	if near := Nearest(name, among); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	const most = 20
	switch more := len(among) - most; {
	case len(among) == 0:
		return "there are no " + what
	case more > 0:
		return fmt.Sprintf("%s: %s and %d more", what, strings.Join(among[:most], ", "), more)
	}
	return what + ": " + strings.Join(among, ", ")
}

func folded(name string) []rune { return []rune(strings.ToLower(strings.TrimSpace(name))) }

// edits returns how many insertions, deletions, replacements and swaps of neighbours make t of s.
func edits(s, t []rune) int {
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
