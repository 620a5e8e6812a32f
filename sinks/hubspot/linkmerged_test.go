package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// mergedWorlds are those in which a link to a record that was merged into another one is made under the other's id.
func mergedWorlds() map[string]hubspottest.Switches {
	worlds := map[string]hubspottest.Switches{}
	for name, w := range linkWorlds {
		worlds[name] = w
		w.MergeNewID = true
		worlds[name+", new id"] = w
		w.AssociateMerged = "follow"
		worlds[name+", new id, ids are followed"] = w
	}
	return worlds
}

// merge merges a company into another one, and returns the id of the one that is left.
func (b *bench) merge(company, into int) string {
	b.Helper()
	return must(b.T, b.server, hubspottest.Edit{Action: "merge", Object: b.object, ID: b.companies[into], Other: b.companies[company]}).ID
}

// linkAgain makes changes as the engine does: what is told of records that were merged goes into another call.
func (b *bench) linkAgain(changes ...pipeline.LinkChange) (ends []string) {
	b.Helper()
	b.share(changes)
	ends = make([]string, len(changes))
	for range 3 {
		outcomes, err := b.sink.Link(b.Context(), changes, func(_ context.Context, _ []pipeline.LinkOutcome) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		var left []pipeline.LinkChange
		for _, o := range outcomes {
			switch {
			case o.Verdict == pipeline.Found:
				o.Change.From.Survivor, o.Change.To.Survivor = o.Merged[0], o.Merged[1]
				left = append(left, *o.Change)
			case o.Verdict == pipeline.Done && o.State != nil:
				ends = append(ends[:0], o.State.FromID+" "+o.State.ToID)
			case o.Verdict == pipeline.Done:
				ends = append(ends[:0], "removed")
			default:
				ends = append(ends[:0], o.Err.Error())
			}
		}
		if changes = left; len(left) == 0 {
			return ends
		}
	}
	b.Errorf("%d links are left", len(changes))
	return ends
}

// TestLinkOfMerged proves that a link whose record was merged into another one is made with that one, and taken back from it.
func TestLinkOfMerged(t *testing.T) {
	for name, switches := range mergedWorlds() {
		for _, version := range []string{"2026-09", "v3"} {
			for _, label := range []string{"", "Chair"} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, version, label), func(t *testing.T) {
					b := newBench(t, version, switches)
					b.ends(b.link(b.ask("before", 1, 1, label)), "done")
					survivor := b.merge(1, 0)
					b.ends(b.linkAgain(b.ask("after", 0, 1, label)), b.people[0]+" "+survivor)
					before, after := b.drop("before", 1, 1), b.drop("after", 0, 1)
					after.Was = &pipeline.LinkState{Slot: "after", FromID: b.people[0], ToID: survivor, ToWas: b.companies[1], From: "contacts", To: "companies", Label: label, Made: true}
					b.companies[1] = survivor
					b.want(0, 1, strings.TrimSuffix("plain+"+label, "+"))
					b.want(1, 1, strings.TrimSuffix("plain+"+label, "+"))
					b.ends(b.linkAgain(before), "removed")
					b.ends(b.linkAgain(after), "removed")
					b.want(1, 1, "")
				})
			}
		}
	}
}

// TestLinkOfMergedCosts proves that records are read only when a link was refused, and a hundred a request.
func TestLinkOfMergedCosts(t *testing.T) {
	b := newBench(t, "2026-09", hubspottest.Switches{})
	b.link(b.ask("s", 0, 0, ""))
	if n := len(b.rec.sent("/objects/")); n > 0 {
		t.Errorf("%d reads of records that are there", n)
	}
	into := b.companies[0]
	var changes []pipeline.LinkChange
	for i := range 99 {
		other := must(t, b.server, hubspottest.Edit{Action: "create", Object: "companies", Properties: map[string]string{"name": fmt.Sprint(i)}})
		must(t, b.server, hubspottest.Edit{Action: "merge", Object: "companies", ID: into, Other: other.ID})
		b.companies = append(b.companies, other.ID)
		changes = append(changes, b.ask(fmt.Sprint(i), 1+i%3, len(b.companies)-1, ""))
	}
	b.rec.sent("")
	b.linkAgain(changes...)
	if n := len(b.rec.sent("/objects/")); n > 3 {
		t.Errorf("%d reads of 3 people and 99 companies", n)
	}
	b.want(3, 0, "plain")
}

// TestLinkOfGone proves that the refusal of a link names the record that is gone, and what there is to do.
func TestLinkOfGone(t *testing.T) {
	for name, switches := range linkWorlds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "2026-09", switches)
			must(t, b.server, hubspottest.Edit{Action: "archive", Object: "companies", ID: b.companies[1]})
			must(t, b.server, hubspottest.Edit{Action: "delete", Object: "contacts", ID: b.people[2]})
			archived, deleted := b.ask("s", 0, 1, ""), b.ask("s", 2, 2, "Chair")
			archived.To.Property, archived.To.Value = "number", "c1"
			for _, test := range []struct {
				pipeline.LinkChange
				want string
			}{
				{archived, `record ` + b.companies[1] + ` of companies (number "c1") was archived in HubSpot: restore it there`},
				{deleted, `record ` + b.people[2] + ` of contacts isn't in HubSpot, nor in its recycle bin`},
			} {
				got := b.linkAgain(test.LinkChange)
				if !strings.Contains(got[0], test.want) || !strings.Contains(got[0], "`sluice rejects retry`") {
					t.Errorf("%q doesn't say %q", got[0], test.want)
				}
			}
		})
	}
}

// TestLinkOfUnreadable proves that links wait where it can't be read whether their records were merged, beside others that are
// made, and that they are refused where the app may not read the records.
func TestLinkOfUnreadable(t *testing.T) {
	for status, refused := range map[int]int{500: 0, 403: 1} {
		b := newBench(t, "2026-09", hubspottest.Switches{})
		survivor, next := b.merge(1, 0), b.rec.handler
		b.rec.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/objects/") {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				fmt.Fprint(w, `{"status":"error","category":"MISSING_SCOPES","message":"no"}`)
				return
			}
			next.ServeHTTP(w, r)
		})
		outcomes, err := b.sink.Link(t.Context(), []pipeline.LinkChange{b.ask("s", 0, 1, ""), b.ask("t", 1, 2, "")}, intend)
		if (err == nil) != (refused > 0) || len(outcomes) != 1+refused {
			t.Errorf("%d: %d outcomes, %v", status, len(outcomes), err)
		}
		b.want(1, 2, "plain")
		b.rec.handler = next
		b.ends(b.linkAgain(b.ask("s", 0, 1, "")), b.people[0]+" "+survivor)
	}
}
