package main

import (
	"strconv"
	"strings"
	"unicode"
)

// argument returns a key as it can be copied into a shell's command line, such as that of explain: as it is, or in the shell's
// quotes where the shell would act on it, or where blanks at its ends wouldn't show. What doesn't print is escaped, as bash, zsh
// and POSIX shells since 2024 read it. "" stays, since it is no key.
func argument(key string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-./:@%+,", r)
	}
	switch {
	case strings.IndexFunc(key, func(r rune) bool { return r == unicode.ReplacementChar || !plain(r) }) < 0:
		return key
	case strconv.Quote(key) == `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key)+`"`: // all of it prints
		return "'" + strings.ReplaceAll(key, "'", `'\''`) + "'"
	}
	inner := strconv.Quote(key)
	return "$'" + strings.NewReplacer(`\"`, `"`, `\\`, `\\`, "'", `\'`).Replace(inner[1:len(inner)-1]) + "'"
}
