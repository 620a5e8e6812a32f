package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// TestPlanBudget proves that a plan is measured by what its account has left of the day, over all pipelines of that account.
func TestPlanBudget(t *testing.T) {
	plan := func(account string, requests, left int64) pipeline.Plan {
		return pipeline.Plan{Account: account, Status: "done", Requests: requests, Daily: &pipeline.DailyBudget{Limit: 100, Left: left}}
	}
	got := budgets([]pipeline.Plan{plan("a", 30, 50), plan("a", 20, 49), plan("b", 5, 5), plan("c", 0, 0), {Account: "d", Requests: 9}})
	want := []string{
		"! a has 49 of its 100 requests of today left, fewer than the 50 that are needed: a run would stop with code 5, and the next one go on",
		"b has 5 of its 100 requests of today left",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPlanSummaryOfFailure proves that a plan that ended early never says that there is nothing to do.
func TestPlanSummaryOfFailure(t *testing.T) {
	if got, want := summary([]pipeline.Plan{{Name: "p", Status: "failed"}}), "Plan: not complete: pipeline p (failed)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
