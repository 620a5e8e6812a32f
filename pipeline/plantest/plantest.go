// Package plantest saves plans for tests.
package plantest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"sluice/pipeline"
)

// Save saves a plan of the pipeline and reads it back. The test fails if that isn't possible.
func Save(t testing.TB, p *pipeline.Pipeline, store pipeline.Auditor) *pipeline.PlannedRun {
	t.Helper()
	var file bytes.Buffer
	w, err := pipeline.NewPlanWriter(&file, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plan(context.Background(), store, pipeline.PlanOptions{Save: w}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plan, err := pipeline.ReadPlan(&file)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Pipelines[0]
}
