package hubspottest

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"net/mail"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A propError is a value that a property can't have (8.3).
type propError struct {
	Valid     bool   `json:"isValid"`
	Message   string `json:"message"`
	Code      string `json:"error"`
	Name      string `json:"name"`
	Localized string `json:"localizedErrorMessage"`
	Portal    int64  `json:"portalId"`
}

func bad(code, format string, args ...any) *propError {
	text := fmt.Sprintf(format, args...)
	return &propError{Code: code, Message: text, Localized: text}
}

// propErrors makes the error of 6.2: the details are JSON within the message.
func propErrors(list []*propError) *apiError {
	text, _ := json.Marshal(list)
	e := invalid("Property values were not valid: %s", text)
	for _, p := range list {
		e.Errors = append(e.Errors, errorDetail{
			Message: p.Message, Code: p.Code, Context: map[string][]string{"propertyName": {p.Name}},
		})
	}
	return e
}

// maxText is the longest text, in characters (8.1).
const maxText = 65_536

// normalize checks a value that isn't empty and returns it as HubSpot stores it (8.1).
func (s *Server) normalize(c *call, p *property, text, current string) (string, *warning, *propError) {
	if strings.Contains(text, "\x00") {
		if !s.opt.Switches.StripNUL {
			return "", nil, bad("INVALID_STRING", "%s contains the character U+0000, which is not allowed", p.Name)
		}
		text = strings.ReplaceAll(text, "\x00", "")
	}
	if len(text) > maxText && utf8.RuneCountInString(text) > maxText {
		return "", nil, bad("VALUE_TOO_LONG", "%s is too long: the maximum is %d characters", p.Name, maxText)
	}
	switch {
	case p.email:
		return normalEmail(text)
	case p.Type == "number":
		return s.normalNumber(text)
	case p.Type == "bool":
		if text != "true" && text != "false" {
			return "", nil, bad("INVALID_OPTION", "%s was not one of the allowed options: [label: \"Yes\" value: \"true\", label: \"No\" value: \"false\"]", text)
		}
	case p.Type == "enumeration":
		v, err := s.normalOption(p, text, current)
		return v, nil, err
	case p.Type == "date":
		return s.normalDate(c, p, text)
	case p.Type == "datetime":
		v, err := normalInstant(text)
		return v, nil, err
	}
	return text, nil, nil
}

func normalEmail(text string) (string, *warning, *propError) {
	email := strings.ToLower(strings.TrimSpace(text))
	_, domain, _ := strings.Cut(email, "@")
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || !strings.Contains(domain, ".") {
		return "", nil, bad("INVALID_EMAIL", "Email address %s is invalid", text)
	}
	return email, nil, nil
}

func (s *Server) normalNumber(text string) (string, *warning, *propError) {
	digits := strings.TrimLeft(text, "+-")
	plain := digits != "" && len(text)-len(digits) <= 1 && strings.Trim(digits, "0123456789.") == "" &&
		strings.Count(digits, ".") <= 1 && digits != "."
	if f, err := strconv.ParseFloat(text, 64); !plain && (err != nil || math.IsInf(f, 0) || math.IsNaN(f) ||
		!s.opt.Switches.ScientificNumbers || strings.ContainsAny(text, "xX_pPnN")) {
		return "", nil, bad("INVALID_NUMBER", "%s was not a valid number.", text)
	}
	return text, nil, nil
}

// normalOption checks the options of an enumeration. A checkbox takes several, and ;x adds to what is there (8.1).
func (s *Server) normalOption(p *property, text, current string) (string, *propError) {
	if p.External || p.FieldType != "checkbox" {
		return text, s.checkOption(p, text)
	}
	var chosen []string
	if strings.HasPrefix(text, ";") {
		for v := range splitList(current) {
			chosen = append(chosen, v)
		}
	}
	for v := range splitList(text) {
		if err := s.checkOption(p, v); err != nil {
			return "", err
		}
		known := false
		for _, have := range chosen {
			known = known || have == v
		}
		if !known {
			chosen = append(chosen, v)
		}
	}
	return strings.Join(chosen, ";"), nil
}

// splitList yields the parts of a;b;c that aren't empty.
func splitList(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for v := range strings.SplitSeq(text, ";") {
			if v != "" && !yield(v) {
				return
			}
		}
	}
}

func (s *Server) checkOption(p *property, v string) *propError {
	if p.External {
		if p.Name == "hubspot_owner_id" && !s.portal.hasOwner(v) {
			return bad("INVALID_OWNER_ID", "Owner %s does not exist", v)
		}
		return nil // stages and pipelines are checked together, see stageErrors
	}
	var list []string
	for _, o := range p.Options {
		if o.Value == v {
			return nil
		}
		list = append(list, fmt.Sprintf("label: %q value: %q", o.Label, o.Value))
	}
	if len(list) == 0 && p.Defined {
		return nil // a built-in list that the portal doesn't know
	}
	return bad("INVALID_OPTION", "%s was not one of the allowed options: [%s]", v, strings.Join(list, ", "))
}

func (p *portal) hasOwner(id string) bool {
	for _, o := range p.owners {
		if o.ID == id && !o.Archived {
			return true
		}
	}
	return false
}

// normalDate takes YYYY-MM-DD or milliseconds at midnight UTC. 2026-09 moves other instants to midnight, with a
// warning (8.2).
func (s *Server) normalDate(c *call, p *property, text string) (string, *warning, *propError) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.Format(time.DateOnly), nil, nil
	}
	lenient := c.route.version == "2026-09" && !s.opt.Switches.StrictDates
	var at time.Time
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		at = time.UnixMilli(ms).UTC()
		if lenient && ms > -1e10 && ms < 1e10 && ms%86_400_000 != 0 {
			at = time.Unix(ms, 0).UTC()
		}
	} else if t, err := time.Parse(time.RFC3339Nano, text); err == nil && lenient {
		at = t.UTC()
	} else {
		return "", nil, bad("INVALID_LONG", "%s was not a valid long.", text)
	}
	day := at.Truncate(24 * time.Hour)
	if at.Equal(day) && len(text) != len("1763629200") {
		return day.Format(time.DateOnly), nil, nil
	}
	if !lenient {
		return "", nil, bad("INVALID_DATE", "%s is at %s UTC, not midnight!", text, at.Format("15:04:05.000"))
	}
	return day.Format(time.DateOnly), &warning{
		Category: "PROPERTY_VALUE_NORMALIZED", Message: "The value of " + p.Name + " was normalized to midnight UTC",
		Context: map[string]string{"propertyName": p.Name, "rawValue": text, "normalizedValue": strconv.FormatInt(day.UnixMilli(), 10)},
	}, nil
}

func normalInstant(text string) (string, *propError) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC().Format(stampFormat), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC().Format(stampFormat), nil
	}
	return "", bad("INVALID_LONG", "%s was not a valid long.", text)
}
