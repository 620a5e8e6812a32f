package crm

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

var errEmpty = errors.New("the answer is empty")

// into returns a decoding into v, from scratch each time.
func into[T any](v *T) func(reply) error {
	return func(r reply) error {
		var zero T
		*v = zero
		return json.Unmarshal(r.body, v)
	}
}

// A text is a JSON string, or a number or bool taken as text: ids are either (API.md 10.2). Anything else is "".
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		var s string
		err := json.Unmarshal(b, &s)
		*t = text(s)
		return err
	case len(b) == 0, bytes.Equal(b, []byte("null")), b[0] == '{', b[0] == '[':
		*t = ""
	default:
		*t = text(b)
	}
	return nil
}

func (t text) int() int {
	n, err := strconv.Atoi(string(t))
	if err != nil {
		f, _ := strconv.ParseFloat(string(t), 64)
		return int(f)
	}
	return n
}

// texts is a list of texts, or one of them.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		var one text
		if err := one.UnmarshalJSON(b); err != nil {
			return err
		}
		if *t = nil; one != "" {
			*t = texts{string(one)}
		}
		return nil
	}
	var many []text
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	*t = make(texts, len(many))
	for i, s := range many {
		(*t)[i] = string(s)
	}
	return nil
}

// textMap is an object whose values are texts; nulls are left out. What is no object is nil.
type textMap map[string]string

func (m *textMap) UnmarshalJSON(b []byte) error {
	if *m = nil; len(b) == 0 || b[0] != '{' {
		return nil
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*m = make(textMap, len(raw))
	for name, value := range raw {
		if string(value) == "null" {
			continue
		}
		var s text
		if err := s.UnmarshalJSON(value); err != nil {
			return err
		}
		(*m)[name] = string(s)
	}
	return nil
}

// textsMap is an object whose values are texts or lists of them. What is no object is nil.
type textsMap map[string]texts

func (m *textsMap) UnmarshalJSON(b []byte) error {
	if *m = nil; len(b) == 0 || b[0] != '{' {
		return nil
	}
	return json.Unmarshal(b, (*map[string]texts)(m))
}

func (m textsMap) plain() map[string][]string {
	if m == nil {
		return nil
	}
	plain := make(map[string][]string, len(m))
	for name, values := range m {
		plain[name] = values
	}
	return plain
}

type itemWire struct {
	ID          text          `json:"id"`
	Status      text          `json:"status"`
	Category    text          `json:"category"`
	SubCategory text          `json:"subCategory"`
	Message     text          `json:"message"`
	Context     textsMap      `json:"context"`
	Errors      []DetailError `json:"errors"`

	// Only of a top-level error.
	CorrelationID text `json:"correlationId"`
	PolicyName    text `json:"policyName"`
	ErrorType     text `json:"errorType"`
	Error         text `json:"error"`
}

// details returns the errors of the item, and those that its message embeds and the list lacks.
func (w *itemWire) details() []DetailError {
	details := w.Errors
	for _, d := range embedded(string(w.Message)) {
		if !named(w.Errors, d) {
			details = append(details, d)
		}
	}
	return details
}

func named(details []DetailError, d DetailError) bool {
	for _, have := range details {
		if have.Code == d.Code && have.Property == d.Property {
			return true
		}
	}
	return false
}

// UnmarshalJSON reads an item and takes the reasons out of its message (API.md 5.5).
func (e *ItemError) UnmarshalJSON(b []byte) error {
	var w itemWire
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = ItemError{
		ID: string(w.ID), Category: string(w.Category), SubCategory: string(w.SubCategory),
		Message: string(w.Message), Context: w.Context.plain(), Errors: w.details(),
	}
	return nil
}

// UnmarshalJSON reads a detail and finds the name of its property.
func (d *DetailError) UnmarshalJSON(b []byte) error {
	var w struct {
		Message     text     `json:"message"`
		Code        text     `json:"code"`
		Err         text     `json:"error"`
		Name        text     `json:"name"`
		SubCategory text     `json:"subCategory"`
		Context     textsMap `json:"context"`
	}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &d.Message)
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*d = DetailError{
		Message: string(w.Message), Code: orDefault(string(w.Code), string(w.Err)),
		SubCategory: string(w.SubCategory), Property: string(w.Name), Context: w.Context.plain(),
	}
	if names := w.Context["propertyName"]; d.Property == "" && len(names) > 0 {
		d.Property = names[0]
	}
	return nil
}

// embedded returns the reasons that a message holds as JSON after "Property values were not valid: ", or nil.
func embedded(message string) []DetailError {
	start := strings.IndexByte(message, '[')
	if start < 0 || !strings.Contains(message[:start], "not valid") {
		return nil
	}
	var details []DetailError
	if json.NewDecoder(strings.NewReader(message[start:])).Decode(&details) != nil {
		return nil
	}
	return details
}

type resultWire struct {
	ID         text         `json:"id"`
	TraceID    text         `json:"objectWriteTraceId"`
	New        *bool        `json:"new"`
	Archived   bool         `json:"archived"`
	Created    text         `json:"createdAt"`
	Properties textMap      `json:"properties"`
	Warnings   warningsWire `json:"warnings"`
}

func (w *resultWire) result(keep map[string]bool) Result {
	for name := range w.Properties {
		if keep != nil && !keep[name] {
			delete(w.Properties, name)
		}
	}
	r := Result{ID: string(w.ID), TraceID: string(w.TraceID), New: w.New, Archived: w.Archived, Created: instant(string(w.Created)), Warnings: w.Warnings.warnings()}
	if len(w.Properties) > 0 {
		r.Properties = w.Properties
	}
	return r
}

type warningsWire []struct {
	Category text    `json:"category"`
	Message  text    `json:"message"`
	Context  textMap `json:"context"`
}

func (w warningsWire) warnings() []Warning {
	var all []Warning
	for _, one := range w {
		all = append(all, Warning{Category: string(one.Category), Message: string(one.Message), Context: one.Context})
	}
	return all
}

// decodeBatch reads an answer. Of results it keeps the properties in keep; all of them if keep is nil.
func decodeBatch(r reply, keep map[string]bool, answer *BatchAnswer) error {
	*answer = BatchAnswer{}
	if !skimBatch(r.body, keep, answer) {
		*answer = BatchAnswer{}
		if err := parseBatch(r.body, keep, answer); err != nil {
			return err
		}
	}
	answer.HTTPStatus, answer.CorrelationID, answer.Date = r.status, r.correlation(), r.date()
	return nil
}

// instant reads a time of HubSpot's; zero if it is none.
func instant(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

// parseBatch is skimBatch by encoding/json, which decides what is an error.
func parseBatch(body []byte, keep map[string]bool, answer *BatchAnswer) error {
	var wire struct {
		Status  text         `json:"status"`
		Results []resultWire `json:"results"`
		Errors  []ItemError  `json:"errors"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return err
	}
	*answer = BatchAnswer{Status: string(wire.Status), Errors: wire.Errors}
	for i := range wire.Results {
		answer.Results = append(answer.Results, wire.Results[i].result(keep))
	}
	return nil
}
