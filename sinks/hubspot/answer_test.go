package hubspot

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// numbered gives each answer a correlation id of its own: "c-1", "c-2", …
func numbered(handler http.Handler) http.Handler {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("X-HubSpot-Correlation-Id", fmt.Sprintf("c-%d", n))
		handler.ServeHTTP(w, r)
	})
}

// TestOutcomesCarryTheAnswer proves that an outcome names the request that decided it and what HubSpot said to that: of
// results, of errors that name a row, of a request that was refused as a whole, and of a reading; and that what was
// refused before anything was sent names none.
func TestOutcomesCarryTheAnswer(t *testing.T) {
	refusal := `{"status":"error","category":"VALIDATION_ERROR","message":"no","correlationId":"%s"}`
	answers := []struct {
		status int
		text   string
	}{
		{207, `{"status":"COMPLETE","results":[{"id":"1","new":true,"objectWriteTraceId":"trace-a","properties":{}}],
			"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"no","context":{"objectWriteTraceId":["trace-b"]}}]}`},
		{400, fmt.Sprintf(refusal, "c-2")},
		{200, `{"status":"COMPLETE","results":[{"id":"1","properties":{"email":"a@x.io"}}]}`},
	}
	_, p := listen(t, numbered(scripted(func(string, []byte) (int, string) {
		next := answers[0]
		answers = answers[1:]
		return next.status, next.text
	})), "2026-09")
	s := contacts(p, modeUpsert, "email", "email")
	outcomes, err := write(t, s, change("a", "a@x.io"), change("b", "b@x.io"), change("c", ""))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := write(t, s, change("d", "d@x.io"))
	if err != nil {
		t.Fatal(err)
	}
	again := change("a", "a@x.io")
	again.Action, again.Match = pipeline.Upsert, "a@x.io"
	read, err := s.Settle(t.Context(), []pipeline.Change{again})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]pipeline.Answer{"a": outcomes["trace-a"].Answer, "b": outcomes["trace-b"].Answer, "c": outcomes["trace-c"].Answer,
		"d": whole["trace-d"].Answer, "a, settled": read[0].Answer}
	want := map[string]pipeline.Answer{
		"a": {Request: "c-1", Text: "207"}, "b": {Request: "c-1", Text: "207 VALIDATION_ERROR"}, "c": {},
		"d": {Request: "c-2", Text: "400 VALIDATION_ERROR"}, "a, settled": {Request: "c-3", Text: "200, read back"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAnswersAreBounded proves that nothing on the way can fill the ledger: it may write any correlation id or category.
func TestAnswersAreBounded(t *testing.T) {
	a := named(answerOf(400, strings.Repeat("x", 10_000)), strings.Repeat("Y", 10_000))
	if len(a.Request) > 64 || len(a.Text) > 80 {
		t.Errorf("kept %d and %d bytes", len(a.Request), len(a.Text))
	}
}

// TestLinkOutcomesCarryTheAnswer proves the same of links: those that were made, that are there already, and that were refused.
func TestLinkOutcomesCarryTheAnswer(t *testing.T) {
	b := newBench(t, "2026-09", linkWorlds["default"])
	gone := b.ask("gone", 0, 0, "")
	gone.To.ID = "999999999"
	outcomes, err := b.sink.Link(t.Context(), []pipeline.LinkChange{b.ask("made", 0, 1, ""), gone}, intend)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.sink.Link(t.Context(), []pipeline.LinkChange{b.ask("there", 0, 1, "")}, intend)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range append(outcomes, again...) {
		if (o.Answer.Request == "") != (o.Answer.Text == "") {
			t.Errorf("%s: %+v", o.Change.Slot, o.Answer)
		}
		got[o.Change.Slot] = o.Answer.Text
	}
	want := map[string]string{"made": "200", "gone": "200 OBJECT_NOT_FOUND", "there": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestADoubtCarriesTheAnswer proves that a write in doubt names the request and what came instead of a usable answer, for the
// row that is rejected if none ever comes.
func TestADoubtCarriesTheAnswer(t *testing.T) {
	_, p := listen(t, numbered(scripted(func(string, []byte) (int, string) {
		return 500, `{"status":"error","category":"INTERNAL_ERROR","message":"boom"}`
	})), "2026-09")
	c := change("a", "a@x.io")
	c.Action, c.Match = pipeline.Upsert, "a@x.io"
	outcomes, err := contacts(p, modeUpsert, "email", "email").Write(t.Context(), []pipeline.Change{c})
	want := []pipeline.Outcome{{TraceID: "trace-a", Verdict: pipeline.InDoubt, Answer: pipeline.Answer{Request: "c-1", Text: "500 INTERNAL_ERROR"}}}
	if diff := cmp.Diff(want, outcomes); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
