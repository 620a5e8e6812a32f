package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// counts are the numbers of a report, as a plan has them.
func counts(r *pipeline.Report) pipeline.Plan {
	return pipeline.Plan{Status: r.Status, Read: r.Read, Write: r.Written, Unchanged: r.Unchanged, Filtered: r.Filtered, Superseded: r.Superseded,
		Reject: r.Rejected, Hold: r.Held, Link: r.Linked, Unlink: r.Unlinked, Park: r.Parked}
}

// agree checks that a plan is what the run after it reports.
func agree(t interface{ Fatalf(string, ...any) }, round int, plan pipeline.Plan, report *pipeline.Report) {
	diff := cmp.Diff(counts(report), plan, cmpopts.IgnoreFields(pipeline.Plan{}, "Name", "Account", "Create", "Update", "Requests", "Seconds", "Changes", "Omitted"),
		cmpopts.IgnoreUnexported(pipeline.PlannedChange{}))
	if diff != "" {
		t.Fatalf("round %d (-run +plan):\n%s", round, diff)
	}
}

// TestAPlanIsWhatTheNextRunReports plays random sources, changed again and again, and compares what is planned with what the
// run after it reports: every counter, records made and updated, and the number of writes. The plan itself changes nothing.
func TestAPlanIsWhatTheNextRunReports(t *testing.T) {
	for _, mode := range []string{"upsert", "create"} {
		t.Run(mode, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				store := &auditStore{Store: model.New(), account: "model"}
				crm := newModelCRM(1, store.Store)
				crm.limits.Landing = 0
				if mode == "create" {
					crm.createOnly()
				}
				for round := range rapid.IntRange(1, 4).Draw(rt, "rounds") {
					rows, twice := drawRows(rt)
					opts := pipeline.Options{Full: rapid.Bool().Draw(rt, "full"), Limit: int64(rapid.SampledFrom([]int{0, 0, 0, 7, 30}).Draw(rt, "limit"))}
					plan, err := openModel(t, rows, crm).Plan(context.Background(), store, pipeline.PlanOptions{Options: opts, Rows: 1000})
					if err != nil {
						rt.Fatal(err)
					}
					records, writes := len(crm.records), crm.writes
					report, err := openModel(t, rows, crm).Run(context.Background(), store, opts)
					if err != nil {
						rt.Fatal(err)
					}
					agree(rt, round, plan, &report)
					if made := len(crm.records) - records; plan.Create != int64(made) || plan.Create+plan.Update != report.Written {
						rt.Fatalf("round %d: planned to make %d and update %d of %d, made %d", round, plan.Create, plan.Update, report.Written, made)
					}
					if !twice && plan.Requests != int64(crm.writes-writes) {
						rt.Fatalf("round %d: planned %d requests, %d were sent", round, plan.Requests, crm.writes-writes)
					}
					if shown := plan.Create + plan.Update + plan.Reject; int64(len(plan.Changes)) < shown {
						rt.Fatalf("round %d: %d of %d changes are shown", round, len(plan.Changes), shown)
					}
				}
			})
		})
	}
}

// drawRows draws rows of few keys, some with faults, and tells whether a key may come twice. Of more than two rows of a key
// it depends on how fast writes are which of them are superseded, so that there are none.
func drawRows(rt *rapid.T) (rows [][3]string, twice bool) {
	keys := rapid.Permutation(numbered("k", 40)).Draw(rt, "keys")[:rapid.IntRange(0, 40).Draw(rt, "rows")]
	if twice = rapid.Bool().Draw(rt, "twice"); twice {
		keys = append(keys, keys[:len(keys)/3]...)
	}
	names := rapid.SampledFrom([]string{"a", "b", "c", "d", "drop", "bad"})
	parents := rapid.SampledFrom([]string{"", "k1", "k2", "k3", "k39", "nobody"})
	for _, key := range keys {
		rows = append(rows, [3]string{key, names.Draw(rt, "name"), parents.Draw(rt, "parent")})
	}
	return rows, twice
}

func numbered(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(prefix, i)
	}
	return list
}

// TestAPlanOfLinksIsWhatTheNextRunReports is the same for pipelines of which a row is a link, with what leaves the source
// unlinked, and records that turn up after the rows that name them.
func TestAPlanOfLinksIsWhatTheNextRunReports(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store := &auditStore{Store: model.New(), account: "model"}
		crm := newModelPairs(1)
		clear(crm.pairs) // a link that others have made is no work for a run, and the plan can't know
		crm.limits.Landing = 0
		for round := range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			clear(crm.absent)
			for _, name := range numbered("g", 4) {
				crm.absent[name] = rapid.IntRange(0, 3).Draw(rt, "absent") == 0
			}
			var rows [][3]string
			for _, key := range rapid.Permutation(numbered("k", 40)).Draw(rt, "keys")[:rapid.IntRange(0, 40).Draw(rt, "rows")] {
				person := rapid.SampledFrom([]string{"p1:", "p1:boss", "p2:", "p3:help"}).Draw(rt, "person")
				rows = append(rows, [3]string{key, key + person, rapid.SampledFrom(numbered("g", 4)).Draw(rt, "group")})
			}
			plan, err := openPairs(t, rows, crm).Plan(context.Background(), store, pipeline.PlanOptions{Rows: 1000})
			if err != nil {
				rt.Fatal(err)
			}
			report, err := openPairs(t, rows, crm).Run(context.Background(), store, pipeline.Options{})
			if err != nil {
				rt.Fatal(err)
			}
			agree(rt, round, plan, &report)
		}
	})
}
