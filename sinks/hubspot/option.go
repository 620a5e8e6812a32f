package hubspot

import (
	"encoding/json"
	"slices"
	"strings"

	"sluice/pipeline"
)

// option returns v as the internal value of one of the property's options, in its exact case.
func (p *property) option(text *strings.Builder, v pipeline.Value) (string, error) {
	s, err := plain(text, v)
	if err != nil || p.options == nil || p.options[s] {
		return s, err
	}
	return "", misfit("bad_option", "expected %s", nearest(s, p.values))
}

// optionList returns v, a JSON array or a text with semicolons between the values, as HubSpot takes several options.
// A text that begins with a semicolon adds options to those that the record has (API.md section 8.1).
func (p *property) optionList(text *strings.Builder, v pipeline.Value) (string, error) {
	s, err := plain(text, v)
	if err != nil {
		return "", err
	}
	values, list := optionTexts(s)
	if list {
		s = strings.Join(values, ";")
	}
	for i, value := range values {
		if value == "" && i == 0 && len(values) > 1 && !list {
			continue
		}
		if strings.Contains(value, ";") {
			return "", misfit("bad_option", "the option %s has a semicolon, which HubSpot uses between options", pipeline.Quote(value))
		}
		if p.options != nil && !p.options[value] {
			return "", misfit("bad_option", "%s is no option: expected %s", pipeline.Quote(value), nearest(value, p.values))
		}
	}
	return s, nil
}

// optionTexts returns the options that s names, and whether it is a JSON array.
func optionTexts(s string) (values []string, list bool) {
	if strings.HasPrefix(strings.TrimSpace(s), "[") && json.Unmarshal([]byte(s), &values) == nil {
		return values, true
	}
	return strings.Split(s, ";"), false
}

// translated returns what v's text stands for: the id of an owner, or the values of options.
func (p *property) translated(text *strings.Builder, v pipeline.Value) (string, error) {
	s, err := plain(text, v)
	if err != nil {
		return "", err
	}
	if p.kind != kindOptions {
		return p.lookup(s)
	}
	values, list := optionTexts(s)
	for i, value := range values {
		if value == "" && i == 0 && len(values) > 1 && !list {
			continue
		}
		if values[i], err = p.lookup(value); err != nil {
			return "", err
		}
	}
	return strings.Join(values, ";"), nil
}

// lookup returns what the label s stands for. Labels are compared exactly, and where none is equal without regard to case
// and blanks.
func (p *property) lookup(s string) (string, error) {
	values := p.translate[s]
	if values == nil {
		values = p.folded[foldText(s)]
	}
	switch own := p.options[s]; {
	case own && len(values) > 0 && !slices.Equal(values, []string{s}):
		return "", misfit("bad_option", "%s is the label of one option and the value of another", pipeline.Quote(s))
	case own:
		return s, nil
	case len(values) == 1:
		return values[0], nil
	case len(values) > 1:
		return "", misfit("ambiguous", "it is the %s of several: write one of their values instead, %s", p.wanted, oneOf(s, values))
	}
	what := "it"
	if p.kind == kindOptions { // it is one of several
		what = pipeline.Quote(s)
	}
	return "", misfit(p.unknown, "%s is no %s: expected %s", what, p.wanted, nearest(s, p.labels))
}

func foldText(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// shownOptions is how many candidates a message lists.
const shownOptions = 6

func nearest(s string, candidates []string) string {
	if len(candidates) == 0 {
		return "another value: it has none to choose from"
	}
	return oneOf(s, candidates)
}

// oneOf lists the candidates, the nearest to s first, as a message does: "a", "b" or "c".
func oneOf(s string, candidates []string) string {
	near := pipeline.ByNearness(s, candidates)
	var b strings.Builder
	for i, c := range near[:min(len(near), shownOptions)] {
		switch {
		case i == 0:
		case i == len(near)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(pipeline.Quote(c))
	}
	if len(near) > shownOptions {
		b.WriteString(", …")
	}
	return b.String()
}

// didYouMean returns a hint that names the candidate nearest to s, if one is near.
func didYouMean(s string, candidates []string) string {
	if slices.Contains(candidates, s) {
		return "" // what is wrong is something else, as that it is the label of several
	}
	if near := pipeline.Nearest(s, candidates); near != "" {
		return "did you mean " + pipeline.Quote(near) + "?"
	}
	return ""
}

// nearOrMake returns a hint for what isn't there, such as a property: the one whose name is nearest, else how to make it.
func nearOrMake(name string, candidates []string, what string) string {
	if hint := didYouMean(name, candidates); hint != "" {
		return hint
	}
	return "correct the name, or have sluice provision make the " + what
}
