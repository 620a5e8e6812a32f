package pipeline

import (
	"context"
	"fmt"
	"time"

	"sluice/pipeline/failpoint"
)

// write writes down the group's intents (I5) and then lets the sink send it. If the run has failed meanwhile, nothing
// is sent.
func (r *run) write(ctx context.Context, g *group) ([]Outcome, error) {
	if len(g.changes) == 0 {
		return nil, nil
	}
	if err := r.failed(); err != nil {
		return unwritten(g.changes), err
	}
	left, kept, err := r.keep(ctx, g.changes)
	if err != nil {
		return unwritten(g.changes), err
	}
	left, kept = r.refuseIdle(left, kept)
	if len(left) == 0 {
		return kept, nil
	}
	outcomes, err := r.attempt(ctx, g.id, left)
	return append(outcomes, kept...), err
}

// unwritten returns the outcomes of changes that were not sent.
func unwritten(changes []*pending) []Outcome {
	list := make([]Outcome, len(changes))
	for i, p := range changes {
		list[i] = Outcome{TraceID: p.TraceID, Verdict: Unwritten}
	}
	return list
}

// attempt writes down the intents of changes and lets the sink send them.
func (r *run) attempt(ctx context.Context, group string, left []*pending) ([]Outcome, error) {
	failpoint.Reach("batch.formed")
	if err := failpoint.At("intend.before"); err != nil {
		return unwritten(left), err
	}
	if err := r.intend(ctx, group, left); err != nil {
		return unwritten(left), fmt.Errorf("write down what is about to be sent: %w", err)
	}
	if err := failpoint.At("intend.after"); err != nil {
		return unwritten(left), err
	}
	changes := make([]Change, len(left))
	for i, p := range left {
		changes[i] = p.Change
	}
	outcomes, err := r.Sink.Write(ctx, changes)
	decided := byTrace(outcomes)
	r.addFresh(left, decided)
	for i, p := range left {
		p.Kept = changes[i].Kept
	}
	if lost := failpoint.At("write.after"); lost != nil {
		return nil, lost
	}
	r.mu.Lock()
	r.answers.listen(left, decided)
	r.mu.Unlock()
	return outcomes, err
}

// intend writes down the intents of a group's changes, and notes of each that it may be sent from now on.
func (r *run) intend(ctx context.Context, group string, changes []*pending) error {
	intents := make([]Intent, len(changes))
	for i, p := range changes {
		if p.Begun.IsZero() && p.Action.makes() {
			p.Begun = time.Now()
		}
		intents[i] = Intent{Key: p.Key, Version: p.Version, Attempt: p.attempt + 1, Hash: p.Hash, Action: p.Action, TraceID: p.TraceID, ID: p.ID, Match: p.Match,
			Sent: r.sharedBy(&p.Change)}
	}
	err := r.store.Intend(ctx, Group{ID: group, Pipeline: r.Name, Epoch: r.resume.Epoch, Intents: intents, Throttle: r.throttle()})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range changes {
		p.groups = append(p.groups, group)
		p.attempt++
		p.try(intents[i].Sent)
		if !p.trial.begun {
			p.trial.begun, p.trial.heard = true, r.answers.heard
		}
	}
	r.intents.undecided[group] = len(changes)
	return nil
}

// byTrace indexes outcomes by the trace id of their change: never by their place (see API.md 5.4).
func byTrace(outcomes []Outcome) map[string]Outcome {
	m := make(map[string]Outcome, len(outcomes))
	for _, o := range outcomes {
		m[o.TraceID] = o
	}
	return m
}
