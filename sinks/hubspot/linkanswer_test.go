package hubspot

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// linkAnswers serves a portal where no pair is linked, and where associations are answered by answer.
func linkAnswers(answer func(froms []string) (int, string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scripted(func(path string, body []byte) (int, string) {
			switch {
			case strings.HasSuffix(path, "/labels"):
				return 200, `{"results":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null},{"category":"USER_DEFINED","typeId":37,"label":"Chair"}]}`
			case strings.HasSuffix(path, "/batch/read"):
				return 200, `{"status":"COMPLETE","results":[]}`
			}
			var froms []string
			for part := range strings.SplitSeq(string(body), `"from":{"id":"`) {
				if id, _, ok := strings.Cut(part, `"`); ok && isDigits(id) && id != "" {
					froms = append(froms, id)
				}
			}
			return answer(froms)
		}).ServeHTTP(w, r)
	})
}

func chairs(n int) []pipeline.LinkChange {
	var links []pipeline.LinkChange
	for i := range n {
		links = append(links, pipeline.LinkChange{
			Key: fmt.Sprint(i + 100), Slot: "s", Label: "Chair",
			From: pipeline.LinkEnd{Object: "contacts", ID: fmt.Sprint(i + 100)}, To: pipeline.LinkEnd{Object: "companies", ID: "7"},
		})
	}
	return links
}

func linked(froms []string) string {
	results := make([]string, len(froms))
	for i, id := range froms {
		results[i] = fmt.Sprintf(`{"fromObjectTypeId":"0-1","fromObjectId":%s,"toObjectTypeId":"0-2","toObjectId":7,"labels":["Chair"]}`, id)
	}
	return strings.Join(results, ",")
}

// TestLinkAnswers proves that one bad link among many is isolated, whether it spoils the whole request or is told of
// without a name, and that links which an answer leaves out aren't taken for made.
func TestLinkAnswers(t *testing.T) {
	const poison = "133"
	has := func(froms []string) bool { return strings.Contains(strings.Join(froms, " "), poison) }
	for name, test := range map[string]struct {
		answer        func([]string) (int, string)
		done, refused int
	}{
		"all refused": {func(froms []string) (int, string) {
			if has(froms) {
				return 400, `{"category":"VALIDATION_ERROR","message":"a limit"}`
			}
			return 201, `{"results":[` + linked(froms) + `]}`
		}, 49, 1},
		"nobody named": {func(froms []string) (int, string) {
			if has(froms) {
				return 200, `{"results":[],"numErrors":1,"errors":[{"category":"VALIDATION_ERROR","message":"a limit"}]}`
			}
			return 200, `{"results":[` + linked(froms) + `]}`
		}, 49, 1},
		"silence":   {func([]string) (int, string) { return 200, `{"results":[]}` }, 0, 0},
		"only some": {func(froms []string) (int, string) { return 200, `{"results":[` + linked(froms[:20]) + `]}` }, 20, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rec, p := listen(t, linkAnswers(test.answer), "2026-09")
			s := contacts(p, modeUpsert, "email", "email")
			outcomes, err := s.Link(t.Context(), chairs(50), intend)
			if err != nil {
				t.Fatal(err)
			}
			done, refused := 0, 0
			for _, o := range outcomes {
				if o.Verdict == pipeline.Done {
					done++
				} else if refused++; o.Change.From.ID != poison {
					t.Errorf("%s is refused: %v", o.Change.From.ID, o.Err)
				}
			}
			if done != test.done || refused != test.refused {
				t.Errorf("%d done, %d refused; want %d and %d", done, refused, test.done, test.refused)
			}
			if n := len(rec.sent("/batch/create")); n > 1+12 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// roomForOne serves a portal whose contact 1 may be linked to one company, and is to 8.
func roomForOne() http.Handler {
	has := map[string]bool{"8": true}
	return scripted(func(path string, body []byte) (int, string) {
		to := regexp.MustCompile(`"to":\[?\{"id":"(\d+)"`).FindAllStringSubmatch(string(body), -1)
		var results, errs []string
		switch {
		case strings.HasSuffix(path, "/labels"):
			return 200, `{"results":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null},{"category":"USER_DEFINED","typeId":37,"label":"Chair"}]}`
		case strings.HasSuffix(path, "/batch/read"):
			return 200, `{"results":[{"from":{"id":"1"},"to":[{"toObjectId":8,"associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":279},{"category":"USER_DEFINED","typeId":37}]}]}]}`
		case strings.HasSuffix(path, "/batch/archive"):
			delete(has, "8")
			return 200, `{"results":[]}`
		}
		for _, id := range to {
			if len(has) > 0 {
				errs = append(errs, fmt.Sprintf(`{"category":"VALIDATION_ERROR","message":"too many","context":{"fromObjectId":["1"],"toObjectId":[%q]}}`, id[1]))
				continue
			}
			has[id[1]] = true
			results = append(results, fmt.Sprintf(`{"from":{"id":"1"},"to":{"id":%q},"fromObjectId":1,"toObjectId":%s}`, id[1], id[1]))
		}
		return 207, `{"results":[` + strings.Join(results, ",") + `],"errors":[` + strings.Join(errs, ",") + `]}`
	})
}

// TestLinkMakesRoom proves that a record which may have one link, or one of a label, gets its new one although the old one is
// taken back only after that was refused, and that what has no room then is refused.
func TestLinkMakesRoom(t *testing.T) {
	for _, label := range []string{"", "Chair"} {
		_, p := listen(t, roomForOne(), "2026-09")
		change := func(to string) pipeline.LinkChange {
			return pipeline.LinkChange{Key: "1", Slot: "s" + to, Label: label, From: pipeline.LinkEnd{Object: "contacts", ID: "1"}, To: pipeline.LinkEnd{Object: "companies", ID: to}}
		}
		old := change("8")
		old.Remove, old.Was = true, &pipeline.LinkState{Slot: "s8", FromID: "1", ToID: "8", From: "contacts", To: "companies", Label: label, Types: "USER_DEFINED:37,HUBSPOT_DEFINED:279", Made: true}
		outcomes, err := contacts(p, modeUpsert, "email", "email").Link(t.Context(), []pipeline.LinkChange{change("7"), old, change("9")}, intend)
		ends := map[string]pipeline.Verdict{}
		for _, o := range outcomes {
			ends[o.Change.To.ID] = o.Verdict
		}
		if want := map[string]pipeline.Verdict{"7": pipeline.Done, "8": pipeline.Done, "9": pipeline.Refused}; err != nil || !maps.Equal(ends, want) {
			t.Errorf("label %q: got %v, %v; want %v", label, ends, err, want)
		}
	}
}

// TestLinkUnanswered proves that a link with which a request never gets a usable answer is refused alone, that what may have
// been made of it stays on the books, and that a HubSpot which answers nothing isn't taken for many such links.
func TestLinkUnanswered(t *testing.T) {
	for name, poison := range map[string][]string{
		"first": {"100"}, "last": {"149"}, "two together": {"132", "133"}, "apart": {"100", "125", "149"},
	} {
		for _, bad := range []struct {
			status int
			body   string
		}{{500, `{"category":"INTERNAL_ERROR","message":"oops"}`}, {502, "<html>"}, {200, "<html>"}, {201, `{"results":[`}} {
			t.Run(fmt.Sprint(name, bad), func(t *testing.T) {
				rec, p := listen(t, linkAnswers(func(froms []string) (int, string) {
					if slices.ContainsFunc(froms, func(id string) bool { return slices.Contains(poison, id) }) {
						return bad.status, bad.body
					}
					return 201, `{"results":[` + linked(froms) + `]}`
				}), "2026-09")
				outcomes, err := contacts(p, modeUpsert, "email", "email").Link(t.Context(), chairs(50), intend)
				if err != nil || len(outcomes) != 50 {
					t.Fatalf("%d outcomes, %v", len(outcomes), err)
				}
				for _, o := range outcomes {
					refused := code(pipeline.Outcome{Err: o.Err}) == "no_answer"
					if o.State == nil || refused != slices.Contains(poison, o.Change.From.ID) {
						t.Errorf("%s: %+v, %v", o.Change.From.ID, o.State, o.Err)
					}
				}
				if n := len(rec.sent("/batch/create")); n > 2+len(poison)*(2*6+2*aloneTries) {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
	var calls atomic.Int32
	_, p := listen(t, linkAnswers(func(froms []string) (int, string) {
		if calls.Add(1) <= 11 { // until two pairs were sent alone
			return 502, "<html>"
		}
		return 201, `{"results":[` + linked(froms) + `]}`
	}), "2026-09")
	outcomes, err := contacts(p, modeUpsert, "email", "email").Link(t.Context(), chairs(50), intend)
	if err != nil || len(outcomes) != 50 || slices.ContainsFunc(outcomes, func(o pipeline.LinkOutcome) bool { return o.Err != nil }) {
		t.Errorf("of a portal that was out of order for a while: %+v, %v", outcomes, err)
	}
	rec, p := listen(t, linkAnswers(func([]string) (int, string) { return 502, "<html>" }), "2026-09")
	outcomes, err = contacts(p, modeUpsert, "email", "email").Link(t.Context(), chairs(2000), intend)
	if n := len(rec.sent("/batch/create")); err == nil || len(outcomes) > 0 || n > 40 {
		t.Errorf("of a portal that is out of order: %d outcomes, %v, %d requests", len(outcomes), err, n)
	}
}

// TestLinkForbidden proves that a missing scope stops the run.
func TestLinkForbidden(t *testing.T) {
	_, p := listen(t, linkAnswers(func([]string) (int, string) { return 403, `{"category":"MISSING_SCOPES","message":"no"}` }), "2026-09")
	outcomes, err := contacts(p, modeUpsert, "email", "email").Link(t.Context(), chairs(2), intend)
	if err == nil || len(outcomes) != 0 {
		t.Errorf("got %v, %v", outcomes, err)
	}
}

// TestInlineLabel proves that a create whose link has an unknown label is refused, and not sent without it.
func TestInlineLabel(t *testing.T) {
	rec, p := listen(t, linkAnswers(func([]string) (int, string) { return 404, "" }), "2026-09")
	s := contacts(p, modeCreate, "email", "email")
	c := change("a", "a@x.io")
	c.Links = chairs(1)
	c.Links[0].Label = "Chairman"
	outcomes, err := write(t, s, c)
	if err != nil || code(outcomes["trace-a"]) != "unknown_label" {
		t.Errorf("got %+v, %v", outcomes, err)
	}
	if sent := rec.sent("/contacts/batch/create"); len(sent) != 0 {
		t.Errorf("%d requests", len(sent))
	}
}

// TestMissingPropertyItem proves that a property which HubSpot no longer has stops the run, and doesn't reject rows; and that
// the run's error says what to do, but none of a row's values.
func TestMissingPropertyItem(t *testing.T) {
	_, p := listen(t, scripted(func(string, []byte) (int, string) {
		return 207, `{"results":[{"id":"1","objectWriteTraceId":"trace-a"}],"errors":[{"category":"VALIDATION_ERROR",
		"message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Email address b@x.io is invalid\",\"error\":\"INVALID_EMAIL\",\"name\":\"email\"},{\"isValid\":false,\"message\":\"Property \\\"city\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"city\"}]",
		"context":{"objectWriteTraceId":["trace-b"]}}]}`
	}), "2026-09")
	outcomes, err := write(t, contacts(p, modeUpsert, "email", "email", "city"), change("a", "a@x.io", "Oslo"), change("b", "b@x.io", "Rome"))
	if err == nil || outcomes["trace-a"].Verdict != pipeline.Done || outcomes["trace-b"].Verdict != pipeline.Unwritten {
		t.Errorf("got %+v, %v", outcomes, err)
	}
	if want := `upsert contacts: hubspot answered PROPERTY_DOESNT_EXIST: Property "city" does not exist; make the property again, or take it out of map, and run again: nothing is lost`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestRequiredProperty proves that the refusal of a row for what it doesn't have quotes no value of that.
func TestRequiredProperty(t *testing.T) {
	_, p := listen(t, scripted(func(string, []byte) (int, string) {
		return 400, `{"category":"VALIDATION_ERROR","message":"The property values provided are invalid",
		"errors":[{"message":"A value for lastname must be provided","code":"MISSING_REQUIRED_PROPERTY","context":{"propertyName":["lastname"]}}]}`
	}), "2026-09")
	outcomes, err := write(t, contacts(p, modeUpsert, "email", "email"), change("a", "a@x.io"))
	want := `hubspot refused the record: property "lastname": A value for lastname must be provided`
	if got := outcomes["trace-a"]; err != nil || code(got) != "missing_required_property" || got.Err.Error() != want {
		t.Errorf("got  %+v, %v\nwant %s", got, err, want)
	}
}

// TestRefusedRead proves that one value which HubSpot refuses to look up, or gives no usable answer to, doesn't hide the
// others, nor counts as absent; and neither does one that answers pass over, unlike one that an error names. A HubSpot that
// answers nothing isn't taken for many such values.
func TestRefusedRead(t *testing.T) {
	for _, bad := range []struct {
		status int
		body   string
	}{{400, `{"category":"VALIDATION_ERROR","message":"no"}`}, {500, `{"category":"INTERNAL_ERROR","message":"oops"}`}, {502, "<html>"}, {200, "<html>"}} {
		_, p := listen(t, scripted(func(_ string, body []byte) (int, string) {
			text := string(body)
			if strings.Contains(text, `"bad"`) {
				return bad.status, bad.body
			}
			var results []string
			for _, id := range []string{"a", "b"} {
				if strings.Contains(text, `{"id":"`+id+`"}`) {
					results = append(results, fmt.Sprintf(`{"id":"1%d","properties":{"ext":%q}}`, len(id), id))
				}
			}
			if !strings.Contains(text, `{"id":"c"}`) {
				return 200, `{"status":"COMPLETE","results":[` + strings.Join(results, ",") + `]}`
			}
			return 207, `{"status":"COMPLETE","results":[` + strings.Join(results, ",") + `],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["c"]}}]}`
		}), "2026-09")
		s := contacts(p, modeUpsert, "ext", "ext")
		l := s.lookup("contacts", "contacts", "ext")
		if err := l.read(t.Context(), []string{"a", "bad", "b", "c", "d"}); err != nil {
			t.Fatal(bad.status, err)
		}
		if len(l.found) != 2 || !l.absent["c"] || l.absent["bad"] || l.absent["a"] || l.absent["d"] || !l.silent["d"] || l.silent["bad"] != (bad.status != 400) {
			t.Errorf("%d: found %v, absent %v, silent %v", bad.status, l.found, l.absent, l.silent)
		}
	}
	rec, p := listen(t, scripted(func(string, []byte) (int, string) { return 502, "<html>" }), "2026-09")
	l := contacts(p, modeUpsert, "ext", "ext").lookup("contacts", "contacts", "ext")
	values := make([]string, crm.MaxInputs)
	for i := range values {
		values[i] = fmt.Sprint("v", i)
	}
	if err := l.read(t.Context(), values); err == nil || len(rec.sent("")) > 40 {
		t.Errorf("of a portal that is out of order: %v, %d requests", err, len(rec.sent("")))
	}
}

// TestReadTellsNoValue proves that the error of a run which can't look records up quotes none of the values that it asked for.
func TestReadTellsNoValue(t *testing.T) {
	_, p := listen(t, scripted(func(string, []byte) (int, string) {
		return 403, `{"category":"FORBIDDEN","message":"ada@example.com can't be read"}`
	}), "2026-09")
	_, err := contacts(p, modeUpsert, "email", "email").Find(t.Context(), "contacts", "email", []string{"Ada@Example.com"})
	if err == nil || strings.Contains(err.Error(), "ada@") || !strings.Contains(err.Error(), "… can't be read") {
		t.Errorf("got %v", err)
	}
}

// TestStrangers proves that a record which doesn't have the value that was looked up is taken for the one that has only where
// HubSpot is known to answer so: for the id of a record that was merged, and for a secondary address of a contact. Elsewhere
// it says neither that there is such a record nor that there is none.
func TestStrangers(t *testing.T) {
	for _, test := range []struct {
		object, property, asked, answered string
		of                                kind
		found                             bool
	}{
		{"contacts", recordID, "701", "", kindText, true},
		{"contacts", "email", "second@x.io", "first@x.io", kindText, true},
		{"companies", "email", "second@x.io", "first@x.io", kindText, false},
		{"contacts", "ext", "E-1", "E-2", kindText, false},
		{"contacts", "ext", "E-1", "", kindText, false},
		{"contacts", "ext", "E-1", "e-1 ", kindText, true},
		{"contacts", "nr", "7.5", "7.50", kindNumber, true},
		{"contacts", "day", "2026-11-20", "1795132800000", kindDate, true},
	} {
		_, p := listen(t, scripted(func(string, []byte) (int, string) {
			return 200, fmt.Sprintf(`{"status":"COMPLETE","results":[{"id":"9","properties":{%q:%q}}]}`, test.property, test.answered)
		}), "2026-09")
		s := contacts(p, modeUpsert, "ext", "ext")
		s.kinds = map[lookupKey]kind{{test.object, test.property}: test.of}
		l := s.lookup(test.object, test.object, test.property)
		if err := l.read(t.Context(), []string{test.asked}); err != nil {
			t.Fatal(err)
		}
		if found := l.found[test.asked] != nil; found != test.found || l.absent[test.asked] {
			t.Errorf("%s %s: %q answered by %q: found %v, absent %v, want %v", test.object, test.property, test.asked, test.answered, found, l.absent[test.asked], test.found)
		}
	}
}

// TestExplain proves that what a person can do about credentials is said, and that a pause is one to the engine.
func TestExplain(t *testing.T) {
	for status, want := range map[int]string{401: "401", 403: "crm.objects.contacts.write"} {
		_, p := listen(t, scripted(func(string, []byte) (int, string) {
			return status, `{"category":"MISSING_SCOPES","message":"no","errors":[{"message":"One or more","context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}]}`
		}), "2026-09")
		_, err := p.name(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, pipeline.ErrPaused) {
			t.Errorf("%d: %v", status, err)
		}
	}
}
