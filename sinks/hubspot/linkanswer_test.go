package hubspot

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/pipeline"
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
