package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// A run of a saved plan reads all that the plan has read, and asks of everything that it is about to write whether the plan
// has it. What has changed since is refused without being remembered as wrong: the next run without the plan writes it.

// PlanChanged is the code of dead letters of rows that a saved plan doesn't have, or not so.
const PlanChanged = "plan_changed"

// onlyPlanned drops changes that the run's plan doesn't have.
func (r *run) onlyPlanned(changes []*pending) []*pending {
	plan := r.opts.Plan
	if plan == nil {
		return changes
	}
	return slices.DeleteFunc(changes, func(p *pending) bool {
		if plan.writes(p.Key, p.entry.Version, p.Hash) {
			return false
		}
		if plan.outdated(p.Key, &p.entry, p.Hash) {
			r.mu.Lock()
			p.span.undecided--
			r.report.Superseded++
			r.mu.Unlock()
			return true
		}
		r.drop(p, Reject{Key: p.Key, Place: p.Place, Stage: "plan", Code: PlanChanged, Err: plan.changed(p)})
		return true
	})
}

// onlyPlannedWants drops rows that are links, and want one that the run's plan doesn't have.
func (r *run) onlyPlannedWants(changes []*pending) []*pending {
	if r.opts.Plan == nil {
		return changes
	}
	var idle, wanting []*pending
	for _, p := range changes {
		if len(p.wants) == 0 {
			idle = append(idle, p)
		} else {
			wanting = append(wanting, p)
		}
	}
	return append(idle, r.onlyPlanned(wanting)...)
}

// refuseIdle returns the changes that the run's plan has a record written of, and outcomes of the others: what others own in
// the record was to be left as it was, or the record was to be written by nobody.
func (r *run) refuseIdle(changes []*pending, decided []Outcome) (left []*pending, outcomes []Outcome) {
	if r.opts.Plan == nil {
		return changes, decided
	}
	for _, p := range changes {
		if r.opts.Plan.leavesRecord(p.Key, p.entry.Version, p.Hash) {
			err := Rejectf(PlanChanged, "the plan leaves the record as it was, but it has changed since; %s", planTodo)
			decided = append(decided, Outcome{TraceID: p.TraceID, Verdict: Refused, Passing: true, Err: err})
		} else {
			left = append(left, p)
		}
	}
	return left, decided
}

const planTodo = "it isn't written: make a new plan, or run without --plan"

// changed says why a change isn't written.
func (p *PlannedRun) changed(c *pending) error {
	switch {
	case !p.find(c.Key, func(r *plannedRow) bool { return !r.links }):
		return Rejectf(PlanChanged, "the plan writes nothing of this row, which has changed, or whose record has, since it was made; %s", planTodo)
	case !p.find(c.Key, func(r *plannedRow) bool { return r.content == c.Hash }):
		return Rejectf(PlanChanged, "the row has changed since the plan was made; %s", planTodo)
	}
	return Rejectf(PlanChanged, "another run has written this row since the plan was made; %s", planTodo)
}

// plannedLinks drops links of rows that the run's plan doesn't have. They go on waiting.
func (r *run) plannedLinks(ctx context.Context, links []LinkChange) ([]LinkChange, error) {
	if r.opts.Plan == nil || len(links) == 0 {
		return links, nil
	}
	keys := make([]string, len(links))
	for i := range links {
		keys[i] = links[i].Key
	}
	entries, err := r.store.Known(ctx, r.Name, keys)
	if err != nil {
		return nil, fmt.Errorf("compare waiting links with the plan: %w", err)
	}
	kept := links[:0]
	for i := range links {
		if r.opts.Plan.mayLink(links[i].Key, &entries[i]) {
			kept = append(kept, links[i])
		}
	}
	return kept, nil
}

// anyVersion stands for every version of a key.
const anyVersion = -1

// letBe tells whether a key that has left the source is left alone, since the run's plan doesn't have that.
func (r *run) letBe(key string, version int64) bool {
	return r.opts.Plan != nil && !r.opts.Plan.takesBack(key, version)
}
