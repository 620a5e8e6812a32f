package hubspot

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
	"sluice/sinks/hubspot/internal/crm"
)

const linkReadsPath = "associations.*/batch/read$"

// TestSilentLinkReads proves that a pair which an answer passes over doesn't count as one without labels: those of others stay
// beside ours, and ours are removed.
func TestSilentLinkReads(t *testing.T) {
	for _, version := range []string{"2026-09", "v3"} {
		for _, mode := range []string{"", "omit", "empty"} {
			for _, all := range []bool{true, false} {
				b := newBench(t, version, hubspottest.Switches{NoAssociations: mode})
				b.link(b.ask("s", 1, 1, "Member"), b.ask("s", 1, 2, "Chair"), b.ask("s", 2, 2, ""))
				b.foreign(0, 0)
				fault := hubspottest.Fault{Path: linkReadsPath, Kind: "silent", Count: 1}
				if !all {
					fault.IDs = b.people[:2]
				}
				b.server.SetFaults(fault)
				b.ends(b.link(b.ask("s", 0, 0, "Chair"), b.drop("s", 1, 1), b.ask("s", 1, 2, "Member"), b.drop("s", 2, 2), b.ask("s", 3, 3, "Chair")),
					"done", "done", "done", "done", "done")
				b.want(0, 0, "plain+Chair+Foreign")
				b.want(1, 1, "")
				b.want(1, 2, "plain+Member")
				b.want(2, 2, "")
				b.want(3, 3, "plain+Chair")
			}
		}
	}
}

// TestLinksThatAreNeverRead proves that nothing is done to a pair that answers pass over again and again, where they name
// others that have nothing, and that nothing is said of it; and that it is made once it is told of.
func TestLinksThatAreNeverRead(t *testing.T) {
	for _, mode := range []string{"error", "empty"} {
		b := newBench(t, "2026-09", hubspottest.Switches{NoAssociations: mode})
		b.foreign(0, 0)
		b.link(b.ask("s", 1, 1, ""))
		ask := func() []pipeline.LinkChange {
			return []pipeline.LinkChange{b.ask("s", 0, 0, "Chair"), b.drop("s", 1, 1), b.ask("s", 2, 2, "Chair")}
		}
		b.server.SetFaults(hubspottest.Fault{Path: linkReadsPath, Kind: "silent", IDs: b.people[:2]})
		b.ends(b.link(ask()...), "", "", "done")
		b.want(0, 0, "plain+Foreign")
		b.want(1, 1, "plain")
		there, err := b.sink.ReadLinks(t.Context(), []pipeline.LinkChange{b.ask("s", 1, 1, ""), b.ask("s", 2, 2, "Chair"), b.ask("s", 3, 3, "")})
		if err != nil || there[0] != pipeline.Unsure || there[1] != pipeline.There || there[2] != pipeline.Nowhere {
			t.Errorf("%s: %v, %v", mode, there, err)
		}
		b.server.SetFaults()
		b.ends(b.link(ask()...), "done", "done", "noop")
		b.want(0, 0, "plain+Chair+Foreign")
		b.want(1, 1, "")
	}
}

// TestLinkReadsAgain proves that a repeated read costs a request only where an answer passes something over.
func TestLinkReadsAgain(t *testing.T) {
	for mode, want := range map[string]int{"error": 1, "empty": 1, "omit": 2} {
		b := newBench(t, "2026-09", hubspottest.Switches{NoAssociations: mode})
		b.link(b.ask("s", 0, 0, ""))
		b.rec.sent("")
		b.link(b.ask("s", 0, 0, ""), b.ask("s", 1, 0, "Chair"))
		if n := len(b.rec.sent("/batch/read")); n != want {
			t.Errorf("%s: %d reads, want %d", mode, n, want)
		}
	}
}

// TestCutLinkReads proves that a record isn't known by the first page of its associations: they are read again if the next one
// doesn't come, and nothing is known of it if that doesn't come again.
func TestCutLinkReads(t *testing.T) {
	const first = `{"results":[{"from":{"id":"1"},"to":[{"toObjectId":7,"associationTypes":[{"category":"USER_DEFINED","typeId":37}]}],"paging":{"next":{"after":"x"}}}]}`
	const next = `{"results":[{"from":{"id":"1"},"to":[{"toObjectId":8,"associationTypes":[{"category":"USER_DEFINED","typeId":38}]}]}]}`
	const silence = `{"status":"COMPLETE","results":[]}`
	const nothing = `{"status":"COMPLETE","results":[],"errors":[{"category":"OBJECT_NOT_FOUND","subCategory":"crm.associations.NO_ASSOCIATIONS_FOUND","context":{"fromObjectId":["1"]}}]}`
	for _, test := range []struct {
		name    string
		answers []string
		unread  bool
		types   [2]int // of the pairs with 7 and 8
	}{
		{"whole", []string{first, next}, false, [2]int{1, 1}},
		{"cut once", []string{first, silence, first, next}, false, [2]int{1, 1}},
		{"cut twice", []string{first, silence, first, silence}, true, [2]int{}},
		{"cut, then passed over", []string{first, silence, silence}, true, [2]int{}},
		{"cut, then gone", []string{first, silence, nothing}, false, [2]int{}},
		{"the rest is gone", []string{first, nothing, next}, false, [2]int{0, 1}},
	} {
		rec, p := listen(t, scripted(func(string, []byte) (int, string) {
			answer := test.answers[0]
			test.answers = test.answers[1:]
			return 200, answer
		}), "2026-09")
		l := &linking{Sink: contacts(p, modeUpsert, "email", "email")}
		pairs := []*pair{{Pair: crm.Pair{From: "1", To: "7"}}, {Pair: crm.Pair{From: "1", To: "8"}}}
		err := l.read(t.Context(), &linkGroup{from: "contacts", to: "companies"}, pairs)
		if err != nil || len(test.answers) > 0 {
			t.Errorf("%s: %v, %d requests are missing after %d", test.name, err, len(test.answers), len(rec.sent("")))
		}
		for i, p := range pairs {
			if p.unread != test.unread || !test.unread && len(p.current) != test.types[i] {
				t.Errorf("%s, pair %d: unread %v, %v", test.name, i, p.unread, p.current)
			}
		}
	}
}

// TestLinkReadUnanswered proves that a record whose associations can't be read, because requests with it get no usable
// answer or are refused, keeps no other from its links: its own are refused alone, nothing is sent of them, and what was
// there stays on the books.
func TestLinkReadUnanswered(t *testing.T) {
	for _, bad := range []struct {
		status int
		body   string
	}{{500, `{"category":"INTERNAL_ERROR","message":"oops"}`}, {502, "<html>"}, {200, "<html>"}, {400, `{"category":"VALIDATION_ERROR","message":"Invalid id"}`}} {
		for name, poison := range map[string][]string{"first": {"100"}, "apart": {"100", "125", "149"}, "two together": {"132", "133"}} {
			t.Run(fmt.Sprint(bad.status, " ", name), func(t *testing.T) {
				makes := linkAnswers(func(froms []string) (int, string) { return 201, `{"results":[` + linked(froms) + `]}` })
				rec, p := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					r.Body = io.NopCloser(bytes.NewReader(body))
					if strings.HasSuffix(r.URL.Path, "/batch/read") && slices.ContainsFunc(poison, func(id string) bool { return strings.Contains(string(body), `"`+id+`"`) }) {
						scripted(func(string, []byte) (int, string) { return bad.status, bad.body }).ServeHTTP(w, r)
						return
					}
					makes.ServeHTTP(w, r)
				}), "2026-09")
				links := chairs(50)
				links[0].Remove, links[0].Was = true, &pipeline.LinkState{Slot: "s", FromID: "100", ToID: "7", From: "contacts", To: "companies", Types: "USER_DEFINED:37", Made: true}
				var intended []pipeline.LinkOutcome
				outcomes, err := contacts(p, modeUpsert, "email", "email").Link(t.Context(), links, func(_ context.Context, list []pipeline.LinkOutcome) error {
					intended = append(intended, list...)
					return nil
				})
				if err != nil || len(outcomes) != 50 {
					t.Fatalf("%d outcomes, %v", len(outcomes), err)
				}
				for _, o := range outcomes {
					withheld := slices.Contains(poison, o.Change.From.ID)
					if refused := code(pipeline.Outcome{Err: o.Err}) == "unread"; refused != withheld || withheld && o.State != o.Change.Was {
						t.Errorf("%s: %+v, %v", o.Change.From.ID, o.State, o.Err)
					}
				}
				if slices.ContainsFunc(intended, func(o pipeline.LinkOutcome) bool { return slices.Contains(poison, o.Change.From.ID) }) {
					t.Error("what isn't sent was intended")
				}
				if n := len(rec.sent("/batch/read")); n > 10+len(poison)*(2*6+2*aloneTries) {
					t.Errorf("%d reads", n)
				}
				there, err := contacts(p, modeUpsert, "email", "email").ReadLinks(t.Context(), chairs(50))
				for i, presence := range there {
					if withheld := slices.Contains(poison, fmt.Sprint(i+100)); (presence == pipeline.Unsure) != withheld {
						t.Errorf("verify, %d: %v, %v", i+100, presence, err)
					}
				}
			})
		}
	}
	rec, p := listen(t, scripted(func(path string, _ []byte) (int, string) {
		if strings.HasSuffix(path, "/batch/read") {
			return 502, "<html>"
		}
		return 200, `{"results":[{"category":"USER_DEFINED","typeId":37,"label":"Chair"}]}`
	}), "2026-09")
	outcomes, err := contacts(p, modeUpsert, "email", "email").Link(t.Context(), chairs(1000), intend)
	if n := len(rec.sent("/batch/read")); err == nil || len(outcomes) > 0 || n > 40 {
		t.Errorf("of a portal that is out of order: %d outcomes, %v, %d requests", len(outcomes), err, n)
	}
}
