package hubspot

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

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
