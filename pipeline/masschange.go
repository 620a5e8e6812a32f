package pipeline

import (
	"context"
	"fmt"
)

// A MassChangeError says that a run would take back more than its sink's quota allows. Nothing was taken back; what the run
// has written stays.
type MassChangeError struct {
	Pipeline string
	Leaving  int64 // rows that have left the source, and of which something is to be taken back
	Known    int64 // rows of which something could be
	Quota    Quota
	Verb     string // "archived" or "unlinked"
	Empty    bool   // no row of the source was left after the filters
}

// Error names the numbers and what to do.
func (e *MassChangeError) Error() string {
	found := fmt.Sprintf("%d of the %d rows that pipeline %q has in the destination have left the source, more than the %d that max_archive allows (%s)",
		e.Leaving, e.Known, e.Pipeline, e.Quota.of(e.Known), &e.Quota)
	if e.Empty {
		found = fmt.Sprintf("the source of pipeline %q has no row, or none that its filters let pass, but the destination has %d by it", e.Pipeline, e.Leaving)
	}
	return fmt.Sprintf("%s: nothing was %s; see whether the source is complete, and if those rows have really left it, run again with --allow-mass-change",
		found, e.Verb)
}

// A ChangeQuotaError says that a run would write more than its sink's MaxChange allows. Nothing was written.
type ChangeQuotaError struct {
	Pipeline string
	Changes  int64 // rows that would be written
	Known    int64 // rows that the pipeline has in the destination
	Quota    Quota
	Archives bool // writing is archiving
}

// Error names the numbers and what to do.
func (e *ChangeQuotaError) Error() string {
	found := fmt.Sprintf("would write %d rows, but has %d in the destination, of which max_change lets %d change (%s): nothing was written",
		e.Changes, e.Known, e.Quota.of(e.Known), &e.Quota)
	if e.Archives {
		found = fmt.Sprintf("would archive the records of %d rows, more than max_change allows (%s): nothing was archived", e.Changes, &e.Quota)
	}
	return fmt.Sprintf("pipeline %q %s; look at them with `sluice plan %s`, and if all of it is meant, run again with --allow-mass-change",
		e.Pipeline, found, e.Pipeline)
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

// withinChange compares a plan with the quota. The first run has no rows to compare with; where rows are archived no run has,
// and all of them are limited.
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
	switch {
	case limits.LinksOnly:
		changes = plan.Write
	case limits.Archives:
		changes = plan.Archive
	}
	if known == 0 && !limits.Archives || changes <= limits.MaxChange.of(known) {
		return nil
	}
	return &ChangeQuotaError{Pipeline: p.Name, Changes: changes, Known: known, Quota: *limits.MaxChange, Archives: limits.Archives}
}

// withinQuota stops a run that would take back more than the sink allows, or everything. At least known rows stand for something.
func (r *run) withinQuota(ctx context.Context, leaving, known int64) error {
	if leaving == 0 || r.opts.AllowMassChange {
		return nil
	}
	empty, quota := !r.seenAny(), r.limits.MaxArchive
	if quota == nil {
		if empty {
			r.log.Warn("nothing is taken back: no row of the source is left after the filters", "pipeline", r.Name)
		}
		return nil
	}
	within := func(known int64) bool { return !empty && leaving <= quota.of(known) }
	if within(known) {
		return nil
	}
	known, err := r.store.CountHoldings(ctx, r.Name)
	if err != nil {
		return fmt.Errorf("count the rows that were written: %w", err)
	}
	if within(known) {
		return nil
	}
	verb := "archived"
	if r.limits.LinksOnly {
		verb = "unlinked"
	}
	return &MassChangeError{Pipeline: r.Name, Leaving: leaving, Known: known, Quota: *quota, Verb: verb, Empty: empty}
}
