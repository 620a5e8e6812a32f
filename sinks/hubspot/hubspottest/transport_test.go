package hubspottest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Section 13, Transport: v3, v4 and dated paths; unknown version 404; no token 401; bad scope 403. Section 6.1: 405,
// 414, 415.
func TestPathsAndAuth(t *testing.T) {
	p := open(t, Options{Tokens: []Token{
		{Value: "token"}, {Value: "reader", Scopes: []string{"crm.objects.contacts.read"}},
		{Value: "old", OAuth: true, Expires: time.Date(2026, 11, 20, 8, 59, 48, 0, time.UTC)},
	}})
	for _, c := range []struct {
		method, path, body, token string
		status                    int
		category                  string
	}{
		{"GET", "/crm/v3/objects/contacts", "", "token", 200, ""},
		{"GET", "/crm/objects/2026-03/contacts", "", "token", 200, ""},
		{"GET", "/crm/objects/2026-09/0-1", "", "token", 200, ""},
		{"GET", "/crm/v4/associations/contacts/companies/labels", "", "token", 200, ""},
		{"GET", "/crm/associations/2026-09/contacts/companies/labels", "", "token", 200, ""},
		{"GET", "/crm/associations/2026-09/definitions/configurations/all", "", "token", 200, ""},
		{"GET", "/crm/v3/properties/contacts", "", "token", 200, ""},
		{"GET", "/crm/properties/2026-09/contacts/groups", "", "token", 200, ""},
		{"GET", "/crm-object-schemas/v3/schemas", "", "token", 200, ""},
		{"GET", "/crm/v3/schemas", "", "token", 200, ""},
		{"GET", "/crm-object-schemas/2026-09/schemas", "", "token", 200, ""},
		{"GET", "/crm/owners/2026-09?limit=2", "", "token", 200, ""},
		{"GET", "/crm/v3/owners", "", "token", 200, ""},
		{"GET", "/crm/pipelines/2026-09/deals", "", "token", 200, ""},
		{"GET", "/crm/v3/pipelines/tickets/0/stages", "", "token", 200, ""},
		{"GET", "/account-info/2026-09/details", "", "token", 200, ""},
		{"GET", "/account-info/v3/api-usage/daily/private-apps", "", "token", 200, ""},
		{"GET", "/crm/limits/2026-09/records", "", "token", 200, ""},
		{"GET", "/crm/v3/limits/associations/labels", "", "token", 200, ""},
		{"GET", "/crm/objects/2020-01/contacts", "", "token", 404, ""},
		{"GET", "/crm/v9/objects/contacts", "", "token", 404, ""},
		{"GET", "/crm/objects/2026-03/contacts", "", "", 401, "INVALID_AUTHENTICATION"},
		{"GET", "/crm/objects/2026-03/contacts", "", "nobody", 401, "INVALID_AUTHENTICATION"},
		{"GET", "/crm/objects/2026-03/contacts", "", "old", 401, "EXPIRED_AUTHENTICATION"},
		{"GET", "/crm/objects/2026-03/contacts", "", "reader", 200, ""},
		{"POST", "/crm/objects/2026-03/contacts/batch/read", inputs(`"id":"1"`), "reader", 207, ""},
		{"POST", "/crm/objects/2026-03/contacts", "{}", "reader", 403, "MISSING_SCOPES"},
		{"GET", "/crm/objects/2026-03/companies", "", "reader", 403, "MISSING_SCOPES"},
		{"PUT", "/crm/objects/2026-03/contacts", "", "token", 405, "METHOD_NOT_ALLOWED"},
		{"GET", "/crm/objects/2026-03/unknowns", "", "token", 400, "VALIDATION_ERROR"},
		{"GET", "/crm/objects/2026-03/contacts?properties=" + strings.Repeat("x", 17000), "", "token", 414, ""},
	} {
		a := p.send(c.method, c.path, c.body, "Authorization", "Bearer "+c.token)
		if a.HTTP != c.status || a.Category != c.category {
			t.Errorf("%s %.80s with %q: %d %s, want %d %s: %.300s", c.method, c.path, c.token, a.HTTP, a.Category, c.status, c.category, a.Raw)
		}
	}
	a := p.send("POST", "/crm/objects/2026-03/contacts", "{}", "Authorization", "Bearer reader")
	equal(t, "scopes", a.Errors[0].Context["requiredGranularScopes"], []string{"crm.objects.contacts.write"})
	equal(t, "correlation id", a.Header.Get("X-HubSpot-Correlation-Id"), a.CorrelationID)
	p.send("POST", "/crm/objects/2026-03/contacts", "{}", "Content-Type", "text/plain").want(t, 415)
	a = p.send("POST", "/crm/objects/2026-03/unknowns/batch/read", inputs(`"id":"1"`)).want(t, 400)
	equal(t, "message", a.Message, "Unable to infer object type from: unknowns")
}

// Section 13, Transport: non-JSON is a 400 with line and column.
func TestInvalidJSON(t *testing.T) {
	p := open(t, Options{})
	for body, want := range map[string]string{
		`nonsense`:         "line 1, column 1",
		"{\n \"inputs\": ": "line 2, column 12",
		`{"inputs":[{"id":"1","properties":{"city":["a"]}}]}`:                   "line 1, column 43",
		`{"inputs":[{"id":"1","properties":{"city":{"a":"b"}}}]}`:               "line 1, column 43",
		`{"inputs":[{"id":"1","properties":{"city":"a"}}]} {}`:                  "line 1, column 51",
		`{"inputs":[{"id":"1","properties":{"city":"\q"}}]}`:                    "line 1, column 43",
		"{\"inputs\":[{\"id\":\"1\x01\"}]}":                                     "line 1, column",
		`{"inputs":{"id":"1"}}`:                                                 "line 1, column 11",
		`{"inputs":` + strings.Repeat("[", 500) + `}`:                           "line 1, column",
		`{"x":` + strings.Repeat("[", 5000) + `}`:                               "line 1, column",
		`{"inputs":[{"id":"1","properties":{"city":truth}}]}`:                   "line 1, column 43",
		`{"inputs":[{"associations":[{"types":[{"associationTypeId":"x"}]}]}]}`: "line 1, column",
	} {
		a := p.post("/crm/objects/2026-03/contacts/batch/update", body).want(t, 400)
		if !strings.HasPrefix(a.Message, "Invalid input JSON on "+want) {
			t.Errorf("%.60s: %q, want %s", body, a.Message, want)
		}
	}
}

// Section 13, Transport: a body without inputs succeeds without effect; section 5.2 calls it a silent no-op.
func TestMissingInputs(t *testing.T) {
	p := open(t, Options{})
	for path, status := range map[string]int{
		"/crm/objects/2026-03/contacts/batch/create":                           201,
		"/crm/objects/2026-03/contacts/batch/update":                           200,
		"/crm/objects/2026-03/contacts/batch/upsert":                           200,
		"/crm/objects/2026-03/contacts/batch/read":                             200,
		"/crm/objects/2026-03/contacts/batch/archive":                          204,
		"/crm/associations/2026-03/contacts/companies/batch/create":            201,
		"/crm/associations/2026-03/contacts/companies/batch/associate/default": 200,
	} {
		a := p.post(path, `{"imputs":[{"properties":{"email":"a@x.io"}}]}`).want(t, status)
		if status != 204 && (a.Status != "COMPLETE" || len(a.Results) != 0) {
			t.Errorf("%s: %s", path, a.Raw)
		}
	}
	equal(t, "writes", len(p.Writes()), 0)
	p.SetSwitches(Switches{RefuseMissingInputs: true})
	p.post("/crm/objects/2026-03/contacts/batch/create", `{}`).want(t, 400)
}

// Section 13, Transport: rolling window, daily counter, search bucket, headers of 9.2, body of 9.3.
func TestRateLimits(t *testing.T) {
	p := open(t, Options{Limits: Limits{Enabled: true, Burst: 3, Associations: 2, Search: 2, Daily: 9}})
	get := func() answer { return p.send("GET", "/crm/objects/2026-03/contacts", "") }
	for i, left := range []string{"2", "1", "0"} {
		p.now = p.now.Add(time.Second)
		a := get().want(t, 200)
		equal(t, "remaining", a.Header.Get("X-HubSpot-RateLimit-Remaining"), left)
		equal(t, "daily remaining", a.Header.Get("X-HubSpot-RateLimit-Daily-Remaining"), fmt.Sprint(8-i))
		equal(t, "max", a.Header.Get("X-HubSpot-RateLimit-Max"), "3")
		equal(t, "interval", a.Header.Get("X-HubSpot-RateLimit-Interval-Milliseconds"), "10000")
	}
	a := get().want(t, 429)
	equal(t, "policy", a.Policy, "TEN_SECONDLY_ROLLING")
	equal(t, "message", a.Message, "You have reached your ten_secondly_rolling limit.")
	equal(t, "retry after", a.Header.Get("Retry-After"), "")
	p.send("GET", "/crm/objects/2026-03/contacts", "", "Authorization", "Bearer other").want(t, 200) // a budget of its own
	p.now = p.now.Add(8*time.Second - time.Nanosecond)
	get().want(t, 429) // the first is still in the window
	p.now = p.now.Add(time.Nanosecond)
	get().want(t, 200)

	links := "/crm/associations/2026-03/contacts/companies/labels"
	p.send("GET", links, "").want(t, 200)
	p.send("GET", links, "").want(t, 200)
	p.send("GET", links, "").want(t, 429)

	search := "/crm/objects/2026-03/contacts/search"
	a = p.post(search, "{}").want(t, 200)
	equal(t, "no headers on searches", a.Header.Get("X-HubSpot-RateLimit-Max"), "")
	p.post(search, "{}").want(t, 200)
	p.now = p.now.Add(10 * time.Second)
	a = get().want(t, 429)
	equal(t, "policy", a.Policy, "DAILY")
	p.now = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	get().want(t, 200)
	equal(t, "limited", p.Stats().Limited, int64(4))

	sw := Switches{RetryAfter429: true, OldRateLimitBody: true}
	p.SetSwitches(sw)
	get()
	get()
	a = get().want(t, 429)
	equal(t, "retry after", a.Header.Get("Retry-After"), "10")
	equal(t, "category", a.Category, "")
}

// Section 9.1: the daily quota resets at midnight of the account's zone, also when clocks change. 9.2: OAuth tokens
// have no daily quota and no daily headers.
func TestDailyQuotaZone(t *testing.T) {
	p := open(t, Options{TimeZone: "America/New_York", Limits: Limits{Enabled: true, Daily: 1}, Tokens: []Token{{Value: "token"}, {Value: "oauth", OAuth: true}}})
	p.now = time.Date(2026, 11, 1, 4, 30, 0, 0, time.UTC) // 00:30, a day of 25 hours
	get := func() answer { return p.send("GET", "/crm/objects/2026-03/contacts", "") }
	get().want(t, 200)
	get().want(t, 429)
	p.now = time.Date(2026, 11, 2, 4, 59, 59, 0, time.UTC)
	get().want(t, 429)
	a := p.send("GET", "/crm/objects/2026-03/contacts", "", "Authorization", "Bearer oauth").want(t, 200)
	equal(t, "daily header", a.Header.Get("X-HubSpot-RateLimit-Daily"), "")
	equal(t, "burst", a.Header.Get("X-HubSpot-RateLimit-Max"), "110")
	p.now = time.Date(2026, 11, 2, 5, 0, 0, 0, time.UTC)
	get().want(t, 200)
}

// Section 9.1: a day begins where clocks skip midnight, too, and the account says so.
func TestDayWithoutMidnight(t *testing.T) {
	p := open(t, Options{TimeZone: "America/Santiago", Limits: Limits{Enabled: true, Daily: 3}})
	p.now = time.Date(2026, 9, 6, 3, 59, 59, 0, time.UTC) // 23:59:59; at midnight it is 01:00
	usage := func() answer { return p.send("GET", "/account-info/2026-09/api-usage/daily/private-apps", "") }
	if a := usage().want(t, 200); !strings.Contains(a.Raw, `"resetsAt":"2026-09-06T04:00:00.000Z"`) {
		t.Error(a.Raw)
	}
	usage().want(t, 200)
	usage().want(t, 200)
	usage().want(t, 429)
	p.now = p.now.Add(time.Second)
	if a := usage().want(t, 200); !strings.Contains(a.Raw, `"resetsAt":"2026-09-07T03:00:00.000Z"`) {
		t.Error(a.Raw)
	}
}

// Section 2.2: scopes can be taken away from every token while it is in use, and given back.
func TestLackScopes(t *testing.T) {
	p := open(t, Options{})
	create := func() answer { return p.post("/crm/objects/2026-09/contacts", `{"properties":{"lastname":"x"}}`) }
	create().want(t, 201)
	p.post("/_admin/switches", `{"lack_scopes":"crm.objects.contacts.write,tickets"}`).want(t, 200)
	a := create().want(t, 403)
	equal(t, "category", a.Category, "MISSING_SCOPES")
	equal(t, "scopes", a.Errors[0].Context["requiredGranularScopes"], []string{"crm.objects.contacts.write"})
	p.send("GET", "/crm/objects/2026-09/contacts", "").want(t, 200)
	p.post("/crm/objects/2026-09/companies", `{"properties":{"name":"x"}}`).want(t, 201)
	p.send("GET", "/crm/objects/2026-09/tickets", "").want(t, 200) // another scope allows it as well
	p.post("/_admin/switches", `{"lack_scopes":""}`).want(t, 200)
	create().want(t, 201)
}

// Section 2.1: an OAuth token can be made to expire after a number of requests; other tokens never do.
func TestTokenRequests(t *testing.T) {
	p := open(t, Options{Tokens: []Token{{Value: "token"}, {Value: "oauth", OAuth: true}}, Switches: Switches{TokenRequests: 2}})
	get := func(token string) answer {
		return p.send("GET", "/crm/objects/2026-03/contacts", "", "Authorization", "Bearer "+token)
	}
	for _, status := range []int{200, 200, 401, 401} {
		a := get("oauth").want(t, status)
		equal(t, "category", a.Category, map[int]string{401: "EXPIRED_AUTHENTICATION"}[status])
		get("token").want(t, 200)
	}
}

// Section 2.1: tokens are issued, expire after 30 minutes, and can be refreshed; a dead refresh token is a 400.
func TestOAuth(t *testing.T) {
	p := open(t, Options{OAuth: OAuth{ClientID: "id", ClientSecret: "secret", RefreshToken: "again"}})
	form := func(body string) answer {
		return p.send("POST", "/oauth/2026-03/token", body, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
	}
	a := form("grant_type=refresh_token&client_id=id&client_secret=secret&refresh_token=dead").want(t, 400)
	equal(t, "status", a.Status, "BAD_REFRESH_TOKEN")
	form("grant_type=refresh_token&client_id=id&client_secret=wrong&refresh_token=again").want(t, 400)
	a = form("grant_type=refresh_token&client_id=id&client_secret=secret&refresh_token=again").want(t, 200)
	token := a.Raw[strings.Index(a.Raw, `"access_token":"`)+len(`"access_token":"`):]
	token, _, _ = strings.Cut(token, `"`)
	get := func() answer {
		return p.send("GET", "/crm/objects/2026-03/contacts", "", "Authorization", "Bearer "+token)
	}
	get().want(t, 200)
	p.now = p.now.Add(30*time.Minute + time.Second)
	equal(t, "category", get().want(t, 401).Category, "EXPIRED_AUTHENTICATION")
	p.send("GET", "/crm/objects/2026-03/contacts", "").want(t, 401)
}
