package hubspottest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The bounds of a search (3.7).
const (
	maxSearchBody    = 3000
	maxSearchPage    = 200
	maxSearchResults = 10_000
	maxFilterGroups  = 5
	maxGroupFilters  = 6
	maxFilters       = 18
)

// A searchBody is the body of POST …/search.
type searchBody struct {
	Groups []struct {
		Filters []filter `json:"filters"`
	} `json:"filterGroups"`
	Sorts      []json.RawMessage `json:"sorts"`
	Query      string            `json:"query"`
	Properties []string          `json:"properties"`
	Limit      int               `json:"limit"`
	After      flexID            `json:"after"`
}

type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    string   `json:"value"`
	Values   []string `json:"values"`
	High     string   `json:"highValue"`
}

// searchObjects answers POST …/search. It sees writes only after the lag of Switches.SearchLag.
func searchObjects(c *call) *reply {
	body := searchBody{Limit: 10}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	after := atoi(string(body.After))
	if err := body.check(c, after); err != nil {
		return c.refuse(err)
	}
	c.s.mu.Lock()
	t, err := c.typeOf(c.route.rest[0])
	var found []result
	if err == nil {
		found, err = c.s.search(c, t, &body)
	}
	c.s.mu.Unlock()
	if err != nil {
		return c.refuse(err)
	}
	total := len(found)
	found = found[min(after, total):]
	next := ""
	if len(found) > body.Limit {
		found, next = found[:body.Limit], strconv.Itoa(after+body.Limit)
	}
	return c.page(found, total, next)
}

func (b *searchBody) check(c *call, after int) *apiError {
	total := 0
	for _, g := range b.Groups {
		total += len(g.Filters)
		if len(g.Filters) > maxGroupFilters {
			return invalid("The maximum number of filters in a filter group is %d", maxGroupFilters)
		}
	}
	switch {
	case len(c.body) > maxSearchBody:
		return invalid("The request body must not be longer than %d characters", maxSearchBody)
	case len(b.Groups) > maxFilterGroups:
		return invalid("The maximum number of filter groups is %d", maxFilterGroups)
	case total > maxFilters:
		return invalid("The maximum number of filters is %d", maxFilters)
	case len(b.Sorts) > 1:
		return invalid("Only one sort is supported")
	case b.Limit < 0 || b.Limit > maxSearchPage:
		return invalid("limit must be between 0 and %d", maxSearchPage)
	case after+b.Limit > maxSearchResults:
		return invalid("Paging through more than %d results is not supported", maxSearchResults)
	}
	return nil
}

// search returns all matching records, sorted.
func (s *Server) search(c *call, t *objectType, b *searchBody) ([]result, *apiError) {
	for _, g := range b.Groups {
		for _, f := range g.Filters {
			if t.find(f.Property) == nil {
				return nil, invalid("There was a problem with the request: property %s does not exist", f.Property)
			}
			if !slices.Contains(operators, f.Operator) {
				return nil, invalid("Invalid operator: %s", f.Operator)
			}
		}
	}
	stale, show := s.indexed(t, c.now), t.shown(b.Properties)
	var found []result
	for _, id := range t.ids {
		r := t.records[id]
		if old := stale[id]; old != nil {
			if !old.existed {
				continue
			}
			r = &old.before
		}
		if r != nil && r.archived == 0 && b.matches(t, r) {
			res := s.result(t, r)
			res.show = show
			found = append(found, res)
		}
	}
	return found, sortFound(t, found, b.Sorts)
}

var operators = strings.Fields("EQ NEQ LT LTE GT GTE BETWEEN IN NOT_IN HAS_PROPERTY NOT_HAS_PROPERTY CONTAINS_TOKEN NOT_CONTAINS_TOKEN")

func (b *searchBody) matches(t *objectType, r *record) bool {
	if b.Query != "" && !slices.ContainsFunc(r.values, func(v value) bool { return contains(strings.ToLower(v.text), strings.ToLower(b.Query)) }) {
		return false
	}
	if len(b.Groups) == 0 {
		return true
	}
	for _, g := range b.Groups {
		if !slices.ContainsFunc(g.Filters, func(f filter) bool { return !f.matches(t, r) }) {
			return true
		}
	}
	return false
}

func (f *filter) matches(t *objectType, r *record) bool {
	p := t.find(f.Property)
	have := r.get(p)
	switch f.Operator {
	case "HAS_PROPERTY":
		return have != ""
	case "NOT_HAS_PROPERTY":
		return have == ""
	case "NEQ":
		return compare(p, have, f.Value) != 0
	case "NOT_IN":
		return !slices.Contains(f.Values, strings.ToLower(have))
	case "NOT_CONTAINS_TOKEN":
		return !hasToken(have, f.Value)
	}
	if have == "" {
		return false
	}
	switch f.Operator {
	case "EQ":
		return compare(p, have, f.Value) == 0
	case "LT":
		return compare(p, have, f.Value) < 0
	case "LTE":
		return compare(p, have, f.Value) <= 0
	case "GT":
		return compare(p, have, f.Value) > 0
	case "GTE":
		return compare(p, have, f.Value) >= 0
	case "BETWEEN":
		return compare(p, have, f.Value) >= 0 && compare(p, have, f.High) <= 0
	case "IN":
		return slices.Contains(f.Values, strings.ToLower(have)) // values must be lower case
	}
	return hasToken(have, f.Value)
}

// compare orders two texts as the property's type does: numbers, instants, or text without case.
func compare(p *property, a, b string) int {
	switch p.Type {
	case "number":
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
	case "date", "datetime":
		return strings.Compare(instantText(a), instantText(b))
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

func instantText(v string) string {
	if text, err := normalInstant(v); err == nil {
		return text
	}
	return v
}

func hasToken(text, token string) bool {
	text, token = strings.ToLower(text), strings.ToLower(token)
	if strings.Contains(token, "*") {
		return contains(text, strings.Trim(token, "*"))
	}
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" .,;@/_-", r) }), token) || text == token
}

// sortFound sorts by one property. A sort is an object, or the property's name, with - in front to descend.
func sortFound(t *objectType, found []result, sorts []json.RawMessage) *apiError {
	if len(sorts) == 0 {
		return nil
	}
	var by struct {
		Property  string `json:"propertyName"`
		Direction string `json:"direction"`
	}
	if json.Unmarshal(sorts[0], &by.Property) == nil {
		if name, ok := strings.CutPrefix(by.Property, "-"); ok {
			by.Property, by.Direction = name, "DESCENDING"
		}
	} else if err := json.Unmarshal(sorts[0], &by); err != nil {
		return invalid("Invalid sort: %s", sorts[0])
	}
	p := t.find(by.Property)
	if p == nil {
		return newError(http.StatusBadRequest, "VALIDATION_ERROR", "There was a problem with the request: property %s does not exist", by.Property)
	}
	slices.SortStableFunc(found, func(a, b result) int {
		order := compare(p, a.text(p), b.text(p))
		if by.Direction == "DESCENDING" {
			return -order
		}
		return order
	})
	return nil
}

func (r *result) text(p *property) string {
	rec := record{id: r.id, created: r.created, updated: r.updated, values: r.values, merged: r.merged}
	return rec.get(p)
}
