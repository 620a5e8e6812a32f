package hubspot

import (
	"slices"
	"strings"
	"unicode"
)

// same tells whether HubSpot holds what was written. It trims texts, spells numbers and instants its own way, and keeps options
// in an order of its own, none of which counts as a difference. It cleans rich text, which therefore isn't compared. Whether it
// formats phone numbers isn't certain (API.md section 8.1), so that only what groups their digits is left out.
func (p *property) same(want, got string) bool {
	want, got = strings.TrimSpace(want), strings.TrimSpace(got)
	if want == got || p.html {
		return true
	}
	if p.phone {
		return want != "" && got != "" && foldPhone(want) == foldPhone(got)
	}
	switch p.kind {
	case kindNumber:
		return foldNumber(want) == foldNumber(got)
	case kindBool:
		return strings.EqualFold(want, got)
	case kindDate, kindDatetime:
		return sameInstant(want, got)
	case kindOptions:
		return sameOptions(want, got)
	}
	return p.name == "domain" && strings.EqualFold(want, got)
}

// foldPhone returns a phone number without what only groups its digits.
func foldPhone(number string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-./()", r) || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, number)
}

// sameInstant compares instants and dates as HubSpot spells them: in ISO 8601, or in milliseconds since 1970.
func sameInstant(want, got string) bool {
	a, ok := parseInstant(want)
	if !ok {
		return false
	}
	b, ok := parseInstant(got)
	if !ok {
		b, ok = parseMillis(got)
	}
	return ok && a.Equal(b)
}

// sameOptions compares sets of options. What begins with a semicolon was added to what the record had (API.md section 8.1).
func sameOptions(want, got string) bool {
	adds := strings.HasPrefix(want, ";")
	a, b := optionSet(want), optionSet(got)
	if adds {
		return !slices.ContainsFunc(a, func(o string) bool { return !slices.Contains(b, o) })
	}
	return slices.Equal(a, b)
}

func optionSet(text string) []string {
	list := slices.DeleteFunc(strings.Split(text, ";"), func(o string) bool { return o == "" })
	slices.Sort(list)
	return slices.Compact(list)
}
