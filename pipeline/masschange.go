package pipeline

import (
	"context"
	"fmt"
)

// A ChangeQuotaError says that a run would write more than its sink's MaxChange allows. Nothing was written.
type ChangeQuotaError struct {
	Pipeline string
	Changes  int64 // rows that would be written
	Known    int64 // rows that the pipeline has in the destination
	Quota    Quota
}

// Error names the numbers and what to do.
func (e *ChangeQuotaError) Error() string {
	return fmt.Sprintf("pipeline %q would write %d rows, but has %d in the destination, of which max_change lets %d change (%s): nothing was written; look at them with `sluice plan %s`, and if all of it is meant, run again with --allow-mass-change",
		e.Pipeline, e.Changes, e.Known, e.Quota.of(e.Known), &e.Quota, e.Pipeline)
}

// foresee stops a run that would write more than the sink allows before it writes anything: where there is such a quota, the
// run is planned first.
func (p *Pipeline) foresee(ctx context.Context, store Store, opts Options) error {
	auditor, ok := store.(Auditor) // one that rehearses isn't
	if p.Sink.Limits().MaxChange == nil || opts.AllowMassChange || !ok {
		return nil
	}
	opts.Observe, opts.AllowMassChange = nil, true // all of it is to be counted
	plan, err := p.Plan(ctx, auditor, PlanOptions{Options: opts})
	if err != nil {
		return err
	}
	return p.withinChange(ctx, store, &plan)
}

// withinChange compares a plan with the quota. The first run has no rows to compare with.
func (p *Pipeline) withinChange(ctx context.Context, store Store, plan *Plan) error {
	limits := p.Sink.Limits()
	if limits.MaxChange == nil {
		return nil
	}
	known, err := store.CountHoldings(ctx, p.Name)
	if err != nil {
		return fmt.Errorf("count the rows that were written: %w", err)
	}
	changes := plan.Create + plan.Update
	if limits.LinksOnly {
		changes = plan.Write
	}
	if known == 0 || changes <= limits.MaxChange.of(known) {
		return nil
	}
	return &ChangeQuotaError{Pipeline: p.Name, Changes: changes, Known: known, Quota: *limits.MaxChange}
}
