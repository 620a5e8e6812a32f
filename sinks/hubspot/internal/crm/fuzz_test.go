package crm

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
)

// FuzzHeaders proves that no headers of an answer make the client wait for ever or for less than no time, or believe in
// a limit that isn't one: what they say of waiting and of limits is within bounds, whatever is in them.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", "10", "-1", "1e9", "1e-9", "NaN", "Inf", "0x1p40", "9223372036854775807", "99999999999999999999", " 5", "5 ", "5s", "1,000",
		"Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Sun Nov  6 08:49:37 1994", "\x00", "٣"} {
		f.Add(s, s, s, s)
	}
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, most, remaining, interval string) {
		h := http.Header{"Retry-After": {after}, "X-Hubspot-Ratelimit-Max": {most}, "X-Hubspot-Ratelimit-Remaining": {remaining},
			"X-Hubspot-Ratelimit-Interval-Milliseconds": {interval}}
		if wait := retryAfter(h, now); wait < 0 || wait > 48*time.Hour {
			t.Errorf("Retry-After %q is %v", after, wait)
		}
		q := readQuota(h)
		if q.max < 0 || q.remaining < -1 || q.interval < 0 || q.interval > time.Hour {
			t.Errorf("%q, %q, %q are %+v", most, remaining, interval, q)
		}
		b := newBudget(0, false)
		slot, err := b.acquire(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		slot.start(now)
		slot.done(now, true, q)
		if b.limit < 1 || b.window <= 0 {
			t.Errorf("%q, %q, %q make a budget of %d in %v", most, remaining, interval, b.limit, b.window)
		}
	})
}

// FuzzRefusals proves that any body of a refusal becomes an error that fits on a line, of bounded length, without
// anything that a terminal or a log would act on; that it says what a status promises of the effect; and that no such
// answer to a batch is taken for one that says what was done.
func FuzzRefusals(f *testing.F) {
	for _, body := range []string{"", "null", "{}", "[]", `"x"`, "<html>\n<b>502</b>", partial, `{"message":"a\nb\u001b[31m","category":"X","correlationId":"c"}`,
		`{"message":{"a":1},"context":[1],"errors":{}}`, `{"policyName":"DAILY","errorType":"RATE_LIMIT","message":"m"}`, strings.Repeat("[", 10_001), `{"context":{"missingScopes":"a"}}`} {
		f.Add(400, []byte(body))
		f.Add(503, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status = 300 + (status%300+300)%300; status/100 == 2 {
			return
		}
		e := &Error{Op: "update contacts", Status: status, Effect: effectOf(status)}
		e.describe(body, http.Header{})
		text := e.Error()
		if len([]rune(e.Message)) > len(body)+200 || len([]rune(text)) > 2000+len([]rune(e.Category+e.CorrelationID)) {
			t.Errorf("%d characters", len([]rune(text)))
		}
		if message := oneLine(e.Message, 400); strings.ContainsFunc(message, unicode.IsControl) {
			t.Errorf("%q has controls", message)
		}
		if promised := status >= 400 && status < 500 && status != 408 || status < 400; promised != (e.Effect == NoEffect) {
			t.Errorf("%d: %v", status, e.Effect)
		}
		for _, scope := range e.MissingScopes() {
			if !json.Valid(body) {
				t.Errorf("a scope %q of what is no JSON", scope)
			}
		}
	})
}

// FuzzAnswer proves that only a whole JSON document is an answer, and that no result of it has an id, a trace id or a
// property that the document doesn't hold.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(partial))
	f.Add([]byte(good))
	for _, s := range []string{`{"results":[{"id":"1","objectWriteTraceId":"a"}],"results":[{"id":"2"}]}`, `{"Results":[{"ID":5,"OBJECTWRITETRACEID":"x"}]}`,
		`{"results":null,"errors":null}`, `{"results":[null]}`, `{"results":[{"id":1e3,"properties":{"email":7,"x":null}}]}`, `[]`, `{"results":[{"id":"1"}]} {}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var a BatchAnswer
		err := decodeBatch(reply{status: 200, body: body}, nil, &a)
		var doc map[string]any
		plain := json.Unmarshal(body, &doc)
		if err == nil && plain != nil && string(body) != "null" {
			if _, isType := errors.AsType[*json.UnmarshalTypeError](plain); !isType {
				t.Fatalf("%q is an answer, but no JSON: %v", body, plain)
			}
		}
		texts := map[string]bool{}
		collect(body, texts)
		for _, r := range a.Results {
			for _, s := range []string{r.ID, r.TraceID, r.Properties["email"]} {
				if s != "" && !texts[s] {
					t.Errorf("%q has no %q", body, s)
				}
			}
		}
		if len(a.Results) > len(body) || len(a.Errors) > len(body) {
			t.Errorf("%d results and %d errors of %d bytes", len(a.Results), len(a.Errors), len(body))
		}
	})
}

// collect notes every scalar of a JSON document as text.
func collect(body []byte, texts map[string]bool) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		switch v := token.(type) {
		case string:
			texts[v] = true
		case json.Number:
			texts[v.String()] = true
		case bool:
			texts["true"], texts["false"] = true, true
		}
	}
}
