package hubspottest

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Section 13, Transport: the fault plan. Every kind says whether the write took effect.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault   Fault
		status  int // 0: no answer
		applied int
		body    string
	}{
		{Fault{Status: 502}, 502, 0, "<html>"},
		{Fault{Status: 504, After: true}, 504, 3, "<html>"},
		{Fault{Status: 500, After: true}, 500, 3, `"status":"error"`},
		{Fault{Status: 500, HTML: true}, 500, 0, "<html>"},
		{Fault{Status: 403, HTML: true}, 403, 0, "<html>"},
		{Fault{Status: 503, Body: "busy"}, 503, 0, "busy"},
		{Fault{Kind: "reset"}, 0, 0, ""},
		{Fault{Kind: "reset", After: true}, 0, 3, ""},
		{Fault{Kind: "lock"}, 423, 0, "LOCKED"},
		{Fault{Status: 477}, 477, 0, "migrated"},
		{Fault{Status: 429}, 429, 0, "TEN_SECONDLY_ROLLING"},
		{Fault{Status: 429, Policy: "DAILY"}, 429, 0, "your daily limit"},
		{Fault{Kind: "expire"}, 401, 0, "EXPIRED_AUTHENTICATION"},
		{Fault{Kind: "truncate"}, 201, 3, `{"status":"COMPLETE"`},
		{Fault{Kind: "cut"}, 201, 3, ""},
		{Fault{Kind: "html"}, 200, 3, "<html>"},
		{Fault{Kind: "empty"}, 201, 3, ""},
		{Fault{Kind: "no_errors"}, 207, 3, `"results":[]`},
		{Fault{Kind: "omit"}, 201, 3, `"results":[{`},
		{Fault{Kind: "huge"}, 201, 3, `   {"status":"COMPLETE"`},
		{Fault{Kind: "delay", Delay: time.Millisecond}, 201, 3, `"results":[{`},
	} {
		p := open(t, Options{Faults: []Fault{c.fault}})
		a := p.post("/crm/objects/2026-03/contacts/batch/create", threeContacts)
		if a.HTTP != c.status || p.Count("contacts") != c.applied || !strings.Contains(a.Raw, c.body) {
			t.Errorf("%+v: status %d, applied %d: %.200s", c.fault, a.HTTP, p.Count("contacts"), a.Raw)
		}
		if c.status == 0 && a.Err == nil || c.fault.Kind == "cut" && a.Err == nil {
			t.Errorf("%+v: the answer came whole", c.fault)
		}
		if c.fault.Status == 477 && a.Header.Get("Retry-After") != "3600" {
			t.Errorf("477 without Retry-After")
		}
		equal(t, "faulted", p.Stats().Faulted, int64(1))
	}
}

var threeContacts = inputs(
	`"objectWriteTraceId":"1","properties":{"email":"a@x.io"}`,
	`"objectWriteTraceId":"2","properties":{"email":"b@x.io"}`,
	`"objectWriteTraceId":"3","properties":{"email":"c@x.io"}`)

// A silent answer to a read says nothing of the inputs that it passes over, whether they are there or not.
func TestSilentReads(t *testing.T) {
	for _, c := range []struct {
		ids    string // of the fault
		status int
		want   [2]int // results and errors
	}{{"", 200, [2]int{}}, {"1", 207, [2]int{0, 1}}, {"2", 200, [2]int{1, 0}}} {
		p := open(t, Options{Switches: Switches{NumericIDs: "never"}})
		var id [2]string
		for i, object := range []string{"contacts", "companies"} {
			r, err := p.Edit(Edit{Action: "create", Object: object})
			if err != nil {
				t.Fatal(err)
			}
			id[i] = r.ID
		}
		p.send("PUT", "/crm/objects/2026-03/contacts/"+id[0]+"/associations/default/companies/"+id[1], "").want(t, 200)
		fault := Fault{Kind: "silent", Path: "batch/read$"}
		switch c.ids {
		case "1":
			fault.IDs = []string{id[0]}
		case "2":
			fault.IDs = []string{"404"}
		}
		p.SetFaults(fault)
		for _, path := range []string{"/crm/objects/2026-03/contacts/batch/read", "/crm/associations/2026-03/contacts/companies/batch/read"} {
			a := p.post(path, inputs(`"id":"`+id[0]+`"`, `"id":"404"`))
			equal(t, path+" "+c.ids, [3]int{a.HTTP, len(a.Results), len(a.Errors)}, [3]int{c.status, c.want[0], c.want[1]})
		}
	}
}

// RELIABILITY F22: a batch is applied in part, then a 5xx.
func TestPartialApply(t *testing.T) {
	p := open(t, Options{Faults: []Fault{{Kind: "partial", Count: 1}}})
	p.post("/crm/objects/2026-03/contacts/batch/create", threeContacts).want(t, 502)
	if n := p.Count("contacts"); n < 1 || n > 2 {
		t.Errorf("%d of 3 applied", n)
	}
}

// Section 13, Transport: 423 holds for two seconds.
func TestLockHolds(t *testing.T) {
	p := open(t, Options{Faults: []Fault{{Kind: "lock", Nth: 2}}})
	var got []int
	for range 4 {
		got = append(got, p.send("GET", "/crm/objects/2026-03/contacts", "").HTTP)
		p.now = p.now.Add(time.Second)
	}
	equal(t, "statuses", got, []int{200, 423, 423, 200})
}

// Faults choose requests by method, path, number and chance.
func TestFaultRules(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Nth: 2}, ".x...."}, {Fault{Every: 2}, ".x.x.x"}, {Fault{Skip: 1, Count: 2}, ".xx..."},
		{Fault{Method: "POST"}, "......"}, {Fault{Path: "companies"}, "......"}, {Fault{Path: "/contacts$", Nth: 6}, ".....x"},
		{Fault{Nth: 3, For: 2500 * time.Millisecond}, "..xxx."},
	} {
		c.fault.Status = 500
		p := open(t, Options{Faults: []Fault{c.fault}})
		got := ""
		for range 6 {
			got += map[int]string{200: ".", 500: "x"}[p.send("GET", "/crm/objects/2026-03/contacts", "").HTTP]
			p.now = p.now.Add(time.Second)
		}
		equal(t, "hits", got, c.want)
	}
	p := open(t, Options{Seed: 3, Faults: []Fault{{Status: 500, Probability: 0.5}}})
	hits := 0
	for range 40 {
		hits += map[int]int{500: 1}[p.send("GET", "/crm/objects/2026-03/contacts", "").HTTP]
	}
	if hits < 10 || hits > 30 {
		t.Errorf("%d of 40 hit with probability 0.5", hits)
	}
}

// A fault plan survives JSON, and nonsense is refused with its reason.
func TestFaultJSON(t *testing.T) {
	want := []Fault{{Kind: "lock", For: 2 * time.Second}, {Kind: "late", Delay: time.Minute, For: time.Hour, Path: "upsert$"}}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got []Fault
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	equal(t, "faults", got, want)
	for _, bad := range []string{`{"kind":"x"}`, `{"path":"("}`, `{"status":99}`, `{"delay":"soon"}`, `{"for":"1"}`} {
		if err := json.Unmarshal([]byte(bad), new(Fault)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

// A late write takes effect after its answer, in the time of the bubble (RELIABILITY F23), and delays take their time.
func TestLateAndDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Latency: time.Second, Faults: []Fault{{Kind: "late", Method: "POST", Delay: 30 * time.Second}}})
		defer s.Close()
		start := time.Now()
		w := serve(s, "POST", "/crm/objects/2026-03/contacts/batch/create", threeContacts)
		equal(t, "status", w.Code, 504)
		equal(t, "latency", time.Since(start), time.Second)
		equal(t, "applied at once", s.Count("contacts"), 0)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		equal(t, "applied late", s.Count("contacts"), 3)
	})
}

// A slow answer comes whole in the end.
func TestDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Faults: []Fault{{Kind: "drip", Delay: time.Second}}})
		start := time.Now()
		w := serve(s, "GET", "/crm/objects/2026-03/contacts", "")
		equal(t, "body", w.Body.String(), `{"results":[]}`)
		equal(t, "time", time.Since(start), time.Duration(w.Body.Len())*time.Second)
	})
}
