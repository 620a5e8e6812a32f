package hubspot

import (
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// An entry is one change on its way into a request.
type entry struct {
	*pipeline.Change
	input   crm.Input
	fold    string               // the folded match value
	links   []pipeline.LinkState // that the input carries
	adopted *conflict            // where it updates the record that its creation was in conflict with
}

// An index finds the entries that an answer speaks of. Answers are in no order, so that nothing is matched by its place
// (API.md section 5.4).
type index struct {
	match string // the property that HubSpot tells records apart by, in this request
	fold  func(string) string
	trace map[string]int
	ids   map[string]int
	folds map[string]int
	loose map[string]int // folds without regard to case; -1 where several entries have the same
}

func newIndex(entries []entry, match string, fold func(string) string) *index {
	x := &index{match: match, fold: fold,
		trace: make(map[string]int, len(entries)), ids: map[string]int{}, folds: map[string]int{}, loose: map[string]int{}}
	for i, e := range entries {
		x.trace[e.TraceID] = i
		if e.input.IDProperty == "" && e.input.ID != "" {
			x.ids[e.input.ID] = i
		}
		if e.fold != "" {
			x.folds[e.fold] = i
			x.addLoose(strings.ToLower(e.fold), i)
		}
	}
	return x
}

func (x *index) addLoose(fold string, i int) {
	if other, taken := x.loose[fold]; taken && other != i {
		i = -1
	}
	x.loose[fold] = i
}

// result returns the entry that a result is of, or -1: by trace id, else by id, else by the value of the match property.
func (x *index) result(r *crm.Result) int {
	if i, ok := x.trace[r.TraceID]; ok && r.TraceID != "" {
		return i
	}
	if i, ok := x.ids[r.ID]; ok {
		return i
	}
	if value := r.Properties[x.match]; value != "" {
		return x.value(value)
	}
	return -1
}

// value returns the entry with that value of the match property, or -1.
func (x *index) value(value string) int {
	value = x.fold(value)
	if i, ok := x.folds[value]; ok {
		return i
	}
	if i, ok := x.loose[strings.ToLower(value)]; ok {
		return i
	}
	return -1
}

// key returns the entry that is addressed by a text, an id or a value of the match property, or -1.
func (x *index) key(text string) int {
	if i, ok := x.ids[text]; ok {
		return i
	}
	if x.match == "" {
		return -1
	}
	return x.value(text)
}

// failed returns the entries that an error names; one error may stand for several (API.md sections 5.4 and 5.6).
func (x *index) failed(e *crm.ItemError) []int {
	var found []int
	seen := map[int]bool{}
	add := func(i int, ok bool) {
		if ok && i >= 0 && !seen[i] {
			seen[i] = true
			found = append(found, i)
		}
	}
	contexts := []map[string][]string{e.Context}
	for _, d := range e.Errors {
		contexts = append(contexts, d.Context)
	}
	for _, c := range contexts {
		for _, id := range c["objectWriteTraceId"] {
			i, ok := x.trace[id]
			add(i, ok)
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, text := range append([]string{e.ID}, namedKeys(e.Context, x.match)...) {
		add(x.key(text), text != "")
	}
	return found
}

// namedKeys returns the ids, or values of a unique property, that an error's context names.
func namedKeys(context map[string][]string, property string) []string {
	keys := append(append([]string(nil), context["ids"]...), context["id"]...)
	for _, c := range context["missingObjectPropertyValueCoordinates"] {
		if at := strings.LastIndex(c, property+":"); property != "" && at >= 0 {
			keys = append(keys, c[at+len(property)+1:])
			continue
		}
		if at := strings.LastIndexByte(c, ':'); at >= 0 {
			keys = append(keys, c[at+1:])
		}
	}
	return keys
}
