package pipeline

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
)

// A PlannedRun is what a saved plan has one pipeline do. A run that is given one writes what it has, and nothing else; it
// doesn't move the checkpoint.
type PlannedRun struct {
	Name    string
	Account string // see Sink.Account
	Config  string // see Definition.Config
	Full    bool   // the plan ignored the checkpoint
	Limit   int64  // the plan ended after so many rows; 0: it didn't

	rows  map[uint64]plannedRow   // by keyHash
	again map[uint64][]plannedRow // of keys that are written more than once, the later ones
}

// A plannedRow is what becomes of a key.
type plannedRow struct {
	content Hash
	version int64 // of the ledger, before
	leaves  bool
	links   bool // only links that an earlier run has left waiting are written
	idle    bool // the record isn't written, at most its links are
}

func newPlannedRun(p *planPipeline) *PlannedRun {
	return &PlannedRun{Name: p.Name, Account: p.Account, Config: p.Config, Full: p.Full, Limit: p.Limit,
		rows: map[uint64]plannedRow{}, again: map[uint64][]plannedRow{}}
}

func (p *PlannedRun) add(row *planRow) error {
	r := plannedRow{version: row.Version, leaves: row.Leaves, links: row.Links, idle: row.Action == PlanLink || row.Action == planNothing}
	if content, err := hex.DecodeString(row.Content); err != nil || len(content) != len(r.content) && len(content) != 0 {
		return fmt.Errorf("the content of key %q is %q, which is no hash", row.Key, row.Content)
	} else {
		copy(r.content[:], content)
	}
	key := keyHash(row.Key)
	if _, ok := p.rows[key]; ok {
		p.again[key] = append(p.again[key], r)
	} else {
		p.rows[key] = r
	}
	return nil
}

// Fits returns why the plan can't be carried out with the pipeline, which writes to account.
func (p *PlannedRun) Fits(opened *Pipeline, account string) error {
	switch {
	case p.Account != account:
		return fmt.Errorf("pipeline %q: the plan is for %s, but the connection writes to %s", p.Name, p.Account, account)
	case p.Config != opened.Config:
		return fmt.Errorf("pipeline %q is configured differently from when the plan was made: make a new plan", p.Name)
	}
	return nil
}

// find returns the row of a key that has a property, if there is one.
func (p *PlannedRun) find(key string, has func(*plannedRow) bool) bool {
	hash := keyHash(key)
	first, ok := p.rows[hash]
	return ok && (has(&first) || slices.ContainsFunc(p.again[hash], func(r plannedRow) bool { return has(&r) }))
}

// writes tells whether content is to be written over the ledger's version of a key.
func (p *PlannedRun) writes(key string, version int64, content Hash) bool {
	return p.find(key, func(r *plannedRow) bool { return !r.links && !r.leaves && r.version == version && r.content == content })
}

// leavesRecord tells whether content is to be written over the ledger's version of a key, but not to its record.
func (p *PlannedRun) leavesRecord(key string, version int64, content Hash) bool {
	return p.find(key, func(r *plannedRow) bool { return r.idle && !r.links && r.version == version && r.content == content })
}

// outdated tells whether content was to be written, but the plan has already gone on to what the ledger has.
func (p *PlannedRun) outdated(key string, e *Entry, content Hash) bool {
	return p.find(key, func(r *plannedRow) bool { return !r.links && r.content == content && r.version < e.Version }) &&
		p.find(key, func(r *plannedRow) bool { return r.has(e) })
}

// takesBack tells whether what a key stands for is to be taken back, if the ledger has the version of it.
func (p *PlannedRun) takesBack(key string, version int64) bool {
	return p.find(key, func(r *plannedRow) bool { return r.leaves && (version == anyVersion || r.version == version) })
}

// mayLink tells whether links of a key may be written: those that were waiting when the plan was made, and those of content
// that the plan has written.
func (p *PlannedRun) mayLink(key string, e *Entry) bool {
	return p.find(key, func(r *plannedRow) bool { return r.links && r.version == e.Version || r.has(e) })
}

// has tells whether the ledger has what the plan writes.
func (r *plannedRow) has(e *Entry) bool {
	return !r.links && r.content == e.Hash && r.version < e.Version
}

// A run of a saved plan reads all that the plan has read, and asks of everything that it is about to write whether the plan
// has it. What has changed since is refused without being remembered as wrong: the next run without the plan writes it.

// PlanChanged is the code of dead letters of rows that a saved plan doesn't have, or not so.
const PlanChanged = "plan_changed"

// planned tells whether the run may write a change: it does what its plan has, or, without one, everything.
func (r *run) planned(p *pending) bool {
	return r.opts.Plan == nil || r.opts.Plan.writes(p.Key, p.entry.Version, p.Hash)
}

// onlyPlanned drops changes that the run's plan doesn't have.
func (r *run) onlyPlanned(changes []*pending) []*pending {
	plan := r.opts.Plan
	if plan == nil {
		return changes
	}
	return slices.DeleteFunc(changes, func(p *pending) bool {
		if r.planned(p) {
			return false
		}
		if plan.outdated(p.Key, &p.entry, p.Hash) {
			r.mu.Lock()
			p.span.undecided--
			r.books.report.Superseded++
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
