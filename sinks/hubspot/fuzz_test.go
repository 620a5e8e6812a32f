package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// choices makes decisions out of bytes; 0 once they are used up.
type choices []byte

func (c *choices) next(n int) int {
	if len(*c) == 0 {
		return 0
	}
	v := int((*c)[0]) % n
	*c = (*c)[1:]
	return v
}

// A said is what an answer says of one record, kept as it was made up: the oracle reads this and not the JSON.
type said struct {
	trace, id, match string
	holds            int // the input whose values it has all of; -1 for none
}

// An answer is one that was made up of choices.
type answer struct {
	status  int
	body    string
	results []said
	errors  []string // each as JSON
}

// inputs of a request. What is told apart is unlike in all of it, so that a mention means one.
const inputs = 4

func traceOf(i int) string  { return fmt.Sprintf("trace-k%d", i) }
func recordOf(i int) string { return strconv.Itoa(7001 + i) }
func mailOf(i int) string   { return fmt.Sprintf("p%d@x.io", i) }

// result makes up what is said of a record.
func (c *choices) result(withValues bool) (s said, value any) {
	m := map[string]any{}
	s.holds = -1
	switch at := c.next(inputs + 3); {
	case at < inputs:
		s.trace = traceOf(at)
		m["objectWriteTraceId"] = s.trace
	case at == inputs:
		s.trace = "trace-of-nobody"
		m["objectWriteTraceId"] = s.trace
	case at == inputs+1:
		m["objectWriteTraceId"] = nil
	}
	switch at := c.next(inputs + 5); {
	case at < inputs:
		s.id = recordOf(at)
		m["id"] = s.id
	case at == inputs:
		s.id = "9009"
		m["id"] = 9009
	case at == inputs+1:
		m["id"] = ""
	case at == inputs+2:
		m["id"] = nil
	case at == inputs+3:
		m["id"] = map[string]any{"id": recordOf(0)}
	}
	props := map[string]any{}
	switch at := c.next(2*inputs + 3); {
	case at < inputs:
		s.match = mailOf(at)
		props["email"] = s.match
	case at < 2*inputs:
		s.match = strings.ToUpper(mailOf(at - inputs))
		props["email"] = s.match
	case at == 2*inputs:
		props["email"] = nil
	case at == 2*inputs+1:
		s.match = "stranger@x.io"
		props["email"] = s.match
	}
	if at := c.next(inputs + 1); withValues && at < inputs && s.match == mailOf(at) {
		props["firstname"] = "Name " + strconv.Itoa(at)
		s.holds = at
	}
	if c.next(4) > 0 {
		m["properties"] = props
	} else {
		s.match, s.holds = "", -1
	}
	return s, m
}

// failure makes up an error.
func (c *choices) failure() any {
	context := map[string]any{}
	var traces []any
	for range c.next(3) {
		traces = append(traces, []any{traceOf(c.next(inputs)), "trace-of-nobody", "", 5}[min(c.next(5), 3)])
	}
	if traces != nil {
		context["objectWriteTraceId"] = traces
	}
	switch c.next(5) {
	case 0:
		context["ids"] = []any{recordOf(c.next(inputs))}
	case 1:
		context["ids"] = []any{""}
	case 2:
		context["ids"] = mailOf(c.next(inputs))
	}
	m := map[string]any{"status": "error", "category": []any{"VALIDATION_ERROR", "CONFLICT", "OBJECT_NOT_FOUND", nil}[c.next(4)], "message": "no", "context": context}
	switch c.next(5) {
	case 0:
		m["errors"] = []any{map[string]any{"message": "m", "code": "PROPERTY_DOESNT_EXIST"}}
	case 1:
		m["errors"] = []any{map[string]any{"message": "m", "context": map[string]any{"objectWriteTraceId": []any{traceOf(c.next(inputs))}}}}
	}
	return m
}

// answer makes up an answer to a request.
func (c *choices) answer(withValues bool) (a answer) {
	a.status = []int{200, 207, 201, 204, 400, 500}[c.next(6)]
	doc := map[string]any{"status": "COMPLETE", "numErrors": c.next(9)}
	results := []any{}
	for range c.next(2 * inputs) {
		s, value := c.result(withValues)
		a.results, results = append(a.results, s), append(results, value)
	}
	failures := []any{}
	for range c.next(4) {
		f := c.failure()
		text, _ := json.Marshal(f)
		a.errors, failures = append(a.errors, string(text)), append(failures, f)
	}
	switch c.next(8) {
	case 0:
		a.results = nil
		doc["results"] = map[string]any{"0": results}
	case 1:
		a.results = nil
		doc["data"] = results
	default:
		doc["results"] = results
	}
	doc["errors"] = failures
	text, _ := json.Marshal(doc)
	switch c.next(8) {
	case 0: // cut short
		a.body, a.results, a.errors = string(text[:c.next(len(text))]), nil, nil
	case 1:
		a.body, a.results, a.errors = string(text)+"}", nil, nil
	default:
		a.body = string(text)
	}
	if a.status >= 400 || a.status == 204 {
		a.results = nil
	}
	return a
}

// evidence returns the ids of the results that say that input i was written.
func (a answer) evidence(i int, byID, create bool) map[string]bool {
	ids := map[string]bool{}
	for _, s := range a.results {
		own := s.trace == traceOf(i)
		known := strings.HasPrefix(s.trace, "trace-k")
		mine := byID && s.id == recordOf(i) || s.match != "" && strings.EqualFold(s.match, mailOf(i))
		if s.id != "" && (own || !known && (mine || s.trace == "" && create && s.holds == i)) {
			ids[s.id] = true
		}
	}
	return ids
}

// named tells whether an error mentions input i, or nobody whom it could mean else.
func (a answer) named(i int) bool {
	for _, e := range a.errors {
		for _, text := range []string{traceOf(i), recordOf(i), mailOf(i)} {
			if strings.Contains(e, `"`+text+`"`) {
				return true
			}
		}
	}
	return false
}

// FuzzAnswers proves that a change is never done without a result that names it, and then has the id of such a result;
// that it is never refused unless an error names it; and that there are no two outcomes of it: whatever HubSpot answers
// to the first request. Everything after that is answered with nothing.
func FuzzAnswers(f *testing.F) {
	for i := range 64 {
		seed := make([]byte, 48)
		for k := range seed {
			seed[k] = byte(i * (k + 3) * 7)
		}
		f.Add(seed)
	}
	var script atomic.Pointer[answer]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := script.Swap(nil)
		if a == nil {
			a = &answer{status: 200, body: `{"results":[]}`}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		fmt.Fprint(w, a.body)
	}))
	f.Cleanup(server.Close)
	client, err := crm.New(crm.Config{BaseURL: server.URL, Version: "2026-09", AccessToken: "token",
		Retry: crm.Retry{Attempts: 1, Backoff: time.Millisecond, MaxBackoff: time.Millisecond, Lock: time.Millisecond, Patience: time.Millisecond}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { client.Close() })
	f.Fuzz(func(t *testing.T, seed []byte) {
		c := choices(seed)
		action := []pipeline.Action{pipeline.Upsert, pipeline.Update, pipeline.Create}[c.next(3)]
		mode := map[pipeline.Action]string{pipeline.Upsert: modeUpsert, pipeline.Update: modeUpdate, pipeline.Create: modeCreate}[action]
		s := contacts(&portal{Client: client, landing: time.Second}, mode, "email", "email", "firstname")
		var changes []pipeline.Change
		for i := range inputs {
			change := change("k"+strconv.Itoa(i), mailOf(i), "Name "+strconv.Itoa(i))
			change.Action, change.Match = action, mailOf(i)
			if action == pipeline.Update {
				change.ID = recordOf(i)
			}
			changes = append(changes, change)
		}
		a := c.answer(action == pipeline.Create)
		script.Store(&a)
		outcomes, _ := s.Write(context.Background(), changes)
		if script.Swap(nil) != nil {
			t.Fatal("nothing was sent")
		}
		all := byTrace(t, outcomes)
		for i := range inputs {
			o, told := all[traceOf(i)]
			switch ids := a.evidence(i, action == pipeline.Update, action == pipeline.Create); {
			case !told:
			case o.Verdict == pipeline.Done && !ids[o.ID]:
				t.Errorf("%s: input %d is done with id %q, but the results that name it have %v:\n%d %s", action, i, o.ID, ids, a.status, a.body)
			case o.Verdict == pipeline.Refused && !a.named(i):
				t.Errorf("%s: input %d is refused (%v), but no error names it:\n%d %s", action, i, o.Err, a.status, a.body)
			}
		}
	})
}
