package hubspot

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestCreateOnTheWire proves that a create sends what HubSpot's page on POST /crm/objects/2026-09/contacts/batch/create
// shows, and reads all that the page says of the answer: results, and errors with category, subcategory, context, nested
// errors and links.
func TestCreateOnTheWire(t *testing.T) {
	const answer = `{"status":"COMPLETE","requestedAt":"2026-11-20T09:00:00.000Z","startedAt":"2026-11-20T09:00:00.100Z",
	"completedAt":"2026-11-20T09:00:00.420Z","links":{"help":"https://example.com"},"numErrors":1,
	"results":[{"id":"701","archived":false,"createdAt":"2026-11-20T09:00:00.300Z","updatedAt":"2026-11-20T09:00:00.300Z",
	 "objectWriteTraceId":"trace-a","properties":{"email":"a@x.io"},"url":"https://app.example.com/701"}],
	"errors":[{"status":"error","id":"e","category":"VALIDATION_ERROR","subCategory":"CRM.SCOPES","message":"no",
	 "context":{"objectWriteTraceId":["trace-b"],"missingScopes":["scope1","scope2"]},"links":{"k":"v"},
	 "errors":[{"message":"Option \"x\" is unknown","code":"INVALID_OPTION","in":"color","subCategory":"S","context":{"propertyName":["color"],"missingScopes":["scope1"]}}]}]}`
	rec, p := listen(t, scripted(func(path string, _ []byte) (int, string) {
		switch path {
		case "/crm/objects/2026-09/contacts/batch/create":
			return http.StatusMultiStatus, answer
		case "/crm/associations/2026-09/contacts/companies/labels":
			return http.StatusOK, `{"results":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null},{"category":"USER_DEFINED","typeId":37,"label":"Chair"}]}`
		}
		return http.StatusNotFound, ""
	}), "2026-09")
	names := []string{"email", "checkbox", "date", "dropdown", "multiple", "number", "radio", "color"}
	s := contacts(p, modeCreate, "email", names...)
	for i, k := range []kind{kindText, kindBool, kindDate, kindOption, kindOptions, kindNumber, kindOption, kindText} {
		s.props[i].kind = k
	}
	row := func(key string) pipeline.Change {
		c := change(key, key+"@X.io")
		c.Values = append(c.Values, pipeline.BoolValue(false), pipeline.DateValue(20_777), pipeline.StringValue("option_b"),
			pipeline.JSONValue(`["chocolate","strawberry"]`), pipeline.DecimalValue("2500.00"), pipeline.StringValue("option_1"), pipeline.StringValue("pur\"ple"))
		end := func(object, id string) pipeline.LinkEnd { return pipeline.LinkEnd{Object: object, ID: id} }
		c.Links = []pipeline.LinkChange{
			{Slot: "companies/main", From: end("contacts", ""), To: end("companies", "77")},
			{Slot: "companies/chair", From: end("contacts", ""), To: end("companies", "78"), Label: "Chair"},
		}
		return c
	}
	outcomes, err := write(t, s, row("a"), row("b"))
	if err != nil {
		t.Fatal(err)
	}
	input := func(key string) string {
		return fmt.Sprintf(`{"objectWriteTraceId":"trace-%[1]s","properties":{"email":"%[1]s@x.io","checkbox":"false","date":"2026-11-20",
		"dropdown":"option_b","multiple":"chocolate;strawberry","number":"2500.00","radio":"option_1","color":"pur\"ple"},
		"associations":[{"to":{"id":"77"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]},
		{"to":{"id":"78"},"types":[{"associationCategory":"USER_DEFINED","associationTypeId":37}]}]}`, key)
	}
	want := `{"inputs":[` + input("a") + "," + input("b") + "]}"
	sent := rec.sent("/batch/create")
	if len(sent) != 1 {
		t.Fatalf("%d requests, want 1", len(sent))
	}
	if diff := cmp.Diff(jsonEqual(t, []byte(want)), jsonEqual(t, sent[0].body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	a, b := outcomes["trace-a"], outcomes["trace-b"]
	if a.Verdict != pipeline.Done || a.ID != "701" {
		t.Errorf("a: %+v", a)
	}
	wantLinks := []pipeline.LinkState{
		{Slot: "companies/main", FromID: "701", ToID: "77", From: "contacts", To: "companies", Types: "HUBSPOT_DEFINED:279", Made: true},
		{Slot: "companies/chair", FromID: "701", ToID: "78", From: "contacts", To: "companies", Label: "Chair", Types: "USER_DEFINED:37", Made: true},
	}
	if diff := cmp.Diff(wantLinks, a.Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if b.Verdict != pipeline.Refused || code(b) != "invalid_option" {
		t.Errorf("b: %+v", b)
	}
	if want := `hubspot refused the record: property "color": "pur\"ple": Option "x" is unknown`; b.Err == nil || b.Err.Error() != want {
		t.Errorf("got  %v\nwant %s", b.Err, want)
	}
}

// TestDoubtfulAnswers proves that nothing counts as done that an answer doesn't name, and that no answer of this sort is
// sent again by the sink or stops the run.
func TestDoubtfulAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		text   string
		want   map[string]pipeline.Verdict
	}{
		{"html", 200, "<html>gateway</html>", nil},
		{"truncated", 201, `{"status":"COMPLETE","results":[{"id":"1","objectWriteTra`, nil},
		{"empty", 200, "", nil},
		{"empty object", 200, "{}", nil},
		{"no content", 204, "", nil},
		{"no inputs seen", 200, `{"status":"COMPLETE","results":[]}`, nil},
		{"server error", 500, `{"status":"error","message":"internal error"}`, nil},
		{"gateway timeout", 504, "<html>", nil},
		{"207 without errors", 207, `{"status":"COMPLETE","results":[{"id":"1","objectWriteTraceId":"trace-a"}]}`, map[string]pipeline.Verdict{"trace-a": pipeline.Done}},
		{"in another order", 200, `{"results":[{"id":"2","objectWriteTraceId":"trace-b"},{"id":"1","objectWriteTraceId":"trace-a"}]}`, map[string]pipeline.Verdict{"trace-a": pipeline.Done, "trace-b": pipeline.Done}},
		{"by key without trace ids", 200, `{"results":[{"id":"2","properties":{"email":"B@x.io "}}]}`, map[string]pipeline.Verdict{"trace-b": pipeline.Done}},
		{"a stranger's trace id", 200, `{"results":[{"id":"2","objectWriteTraceId":"other"}]}`, nil},
		{"without id", 200, `{"results":[{"objectWriteTraceId":"trace-a"}]}`, nil},
		{"one error for two", 207, `{"results":[],"errors":[{"category":"VALIDATION_ERROR","message":"no","context":{"objectWriteTraceId":["trace-a","trace-b"]}}]}`, map[string]pipeline.Verdict{"trace-a": pipeline.Refused, "trace-b": pipeline.Refused}},
		{"forbidden", 403, `{"category":"MISSING_SCOPES","message":"no"}`, map[string]pipeline.Verdict{"trace-a": pipeline.Unwritten, "trace-b": pipeline.Unwritten}},
		{"no such path", 404, "<html>not found</html>", map[string]pipeline.Verdict{"trace-a": pipeline.Unwritten, "trace-b": pipeline.Unwritten}},
		{"unknown property", 400, `{"category":"VALIDATION_ERROR","message":"no","errors":[{"message":"gone","code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["city"]}}]}`, map[string]pipeline.Verdict{"trace-a": pipeline.Unwritten, "trace-b": pipeline.Unwritten}},
		{"hubspot's own trouble", 207, `{"status":"COMPLETE","results":[{"id":"1","objectWriteTraceId":"trace-a"}],"errors":[{"category":"INTERNAL_ERROR","message":"internal error","context":{"objectWriteTraceId":["trace-b"]}}]}`, map[string]pipeline.Verdict{"trace-a": pipeline.Done}},
		{"a proxy's refusal", 400, "<html>bad request</html>", map[string]pipeline.Verdict{"trace-a": pipeline.Unwritten, "trace-b": pipeline.Unwritten}},
		{"a proxy's conflict", 409, "conflict", map[string]pipeline.Verdict{"trace-a": pipeline.Unwritten, "trace-b": pipeline.Unwritten}},
		{"redirect", 302, "", nil},
		{"daily limit", 429, `{"policyName":"DAILY","message":"daily limit"}`, map[string]pipeline.Verdict{"trace-a": pipeline.Unwritten, "trace-b": pipeline.Unwritten}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, p := listen(t, scripted(func(path string, _ []byte) (int, string) { return test.status, test.text }), "2026-09")
			s := contacts(p, modeUpsert, "email", "email")
			outcomes, err := write(t, s, change("a", "a@x.io"), change("b", "b@x.io"))
			got := map[string]pipeline.Verdict{}
			for trace, o := range outcomes {
				got[trace] = o.Verdict
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v (error %v)", got, test.want, err)
			}
			stops := test.want["trace-a"] == pipeline.Unwritten || test.status == 302
			if (err != nil) != stops {
				t.Errorf("error %v; want one: %v", err, stops)
			}
			if paused := test.status == 429; errors.Is(err, pipeline.ErrPaused) != paused {
				t.Errorf("error %v; want a pause: %v", err, paused)
			}
		})
	}
}

// TestDialFailure proves that what was certainly never sent is free to be sent again.
func TestDialFailure(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	p := connect(t, server.URL, "2026-09")
	server.Close()
	outcomes, err := write(t, contacts(p, modeUpsert, "email", "email"), change("a", "a@x.io"))
	if err == nil || outcomes["trace-a"].Verdict != pipeline.Unwritten {
		t.Errorf("got %+v, %v; want it unwritten, and an error", outcomes, err)
	}
}

// TestPoison proves that one bad row among a hundred costs at most 2·log2(100) further requests and nothing else, where
// HubSpot refuses the whole batch without saying why.
func TestPoison(t *testing.T) {
	for _, poison := range []string{"k0", "k42", "k99"} {
		requests := 0
		_, p := listen(t, scripted(func(_ string, body []byte) (int, string) {
			requests++
			inputs := jsonEqual(t, body).(map[string]any)["inputs"].([]any)
			results := ""
			for i, in := range inputs {
				trace := in.(map[string]any)["objectWriteTraceId"].(string)
				if trace == "trace-"+poison {
					return 400, `{"category":"VALIDATION_ERROR","message":"Property values were not valid"}`
				}
				if i > 0 {
					results += ","
				}
				results += fmt.Sprintf(`{"id":"1","objectWriteTraceId":%q}`, trace)
			}
			return 200, `{"status":"COMPLETE","results":[` + results + `]}`
		}), "2026-09")
		s := contacts(p, modeUpsert, "email", "email")
		var changes []pipeline.Change
		for i := range 100 {
			changes = append(changes, change(fmt.Sprintf("k%d", i), fmt.Sprintf("k%d@x.io", i)))
		}
		outcomes, err := write(t, s, changes...)
		if err != nil {
			t.Fatal(err)
		}
		for trace, o := range outcomes {
			if (o.Verdict == pipeline.Refused) != (trace == "trace-"+poison) {
				t.Errorf("%s: %+v", trace, o)
			}
		}
		if len(outcomes) != 100 || requests > 1+14 {
			t.Errorf("poison %s: %d outcomes by %d requests", poison, len(outcomes), requests)
		}
	}
}

// TestUnkeyedCreateIsNeverRepeated proves that creates that can't be looked up aren't sent twice, whatever happens.
func TestUnkeyedCreateIsNeverRepeated(t *testing.T) {
	for _, status := range []int{400, 409, 500, 502} {
		rec, p := listen(t, scripted(func(string, []byte) (int, string) {
			return status, `{"category":"VALIDATION_ERROR","message":"no"}`
		}), "2026-09")
		s := contacts(p, modeCreate, "", "firstname")
		outcomes, err := write(t, s, change("a", "Ann"), change("b", "Bo"))
		if err != nil || len(outcomes) != 0 {
			t.Errorf("%d: %v, %v; want both in doubt", status, outcomes, err)
		}
		if n := len(rec.sent("/batch/create")); n != 1 {
			t.Errorf("%d: sent %d times", status, n)
		}
		settled, err := s.Settle(t.Context(), []pipeline.Change{change("a", "Ann")})
		if err != nil || len(settled) != 0 {
			t.Errorf("settled: %v, %v", settled, err)
		}
	}
}

// TestLargeRows proves that a request stays within 1 MB.
func TestLargeRows(t *testing.T) {
	rec, p := listen(t, scripted(func(string, []byte) (int, string) { return 200, `{"results":[]}` }), "2026-09")
	s := contacts(p, modeUpsert, "email", "email", "bio")
	var changes []pipeline.Change
	for i := range 40 {
		c := change(fmt.Sprint(i), fmt.Sprintf("%d@x.io", i), "")
		c.Values[1] = pipeline.StringValue(strings.Repeat("x", 60_000))
		changes = append(changes, c)
	}
	if _, err := write(t, s, changes...); err != nil {
		t.Fatal(err)
	}
	sent := rec.sent("/batch/upsert")
	if len(sent) != 3 {
		t.Errorf("%d requests, want 3", len(sent))
	}
	for _, q := range sent {
		if len(q.body) > maxBytes {
			t.Errorf("a body of %d bytes", len(q.body))
		}
	}
}

// TestWarnings proves that a warning of a changed value doesn't spoil the result.
func TestWarnings(t *testing.T) {
	_, p := listen(t, scripted(func(string, []byte) (int, string) {
		return 200, `{"results":[{"id":"1","objectWriteTraceId":"trace-a","warnings":[{"category":"PROPERTY_VALUE_NORMALIZED","message":"m","context":{"propertyName":"renewal","rawValue":"1","normalizedValue":"0"}}]}]}`
	}), "2026-03")
	outcomes, err := write(t, contacts(p, modeUpsert, "email", "email"), change("a", "a@x.io"))
	if err != nil || outcomes["trace-a"].Verdict != pipeline.Done {
		t.Errorf("got %+v, %v", outcomes, err)
	}
}

// TestLimits proves what the engine is told, for the mode and connection.
func TestLimits(t *testing.T) {
	s := contacts(&portal{landing: 40 * time.Second}, modeCreate, "", "firstname")
	got := s.newLimits(&Config{MaxRejects: Share{0.1}})
	if !got.Unkeyed || !got.CreateOnly || got.Rows != 100 || got.Landing != 40*time.Second || got.MaxRejects != 0.1 || got.Inline {
		t.Errorf("got %+v", got)
	}
}
