package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"sluice/pipeline/failpoint"
)

// aloneTries is how many requests that hold nothing but a row must have ended in doubt before the row is rejected. A row that
// is not to blame, but was lost together with others, has as many tries of its own.
const aloneTries = 3

// A trial is how it is told whether a change is the reason why its requests get no usable answer.
type trial struct {
	begun    bool
	heard    int    // of the run, when its first attempt was written down
	together int    // changes in the last request that left it in doubt
	alone    int    // of its smaller requests, those on end that had nothing else in them and left it in doubt
	crowd    int    // how many changes its requests may have from now on; 0 means as many as fit
	answer   Answer // the last one to a request that left it in doubt
}

// answers are how well the destination answers on the whole. The run's mu guards them.
type answers struct {
	heard   int // requests by which something was written
	silence int // requests with rows that are being isolated, on end, by which nothing was
}

// listen notes which changes a request has left in doubt, and whether anything was written by it. The caller holds mu.
func (a *answers) listen(sent []*pending, decided map[string]Outcome) {
	done, silent := false, false
	for _, p := range sent {
		t, o := &p.trial, decided[p.TraceID]
		switch {
		case o.Verdict == Done && !o.NoOp:
			done = true
		case o.Verdict == InDoubt:
			t.together, t.answer = len(sent), cmp.Or(o.Answer, t.answer)
			if t.alone++; len(sent) > 1 || t.crowd == 0 {
				t.alone = 0
			}
			silent = silent || t.crowd > 0 && t.alone < 2 // to try a lone row again says nothing new
		}
	}
	switch {
	case done:
		a.heard++
		a.silence = 0
	case silent:
		a.silence++
	}
}

// patience is how many smaller requests on end may be left without a usable answer until it is the destination that is to
// blame: as many as can be on their way at one time, and enough to come down to one row.
func (r *run) patience() int { return max(r.limits.Writes, 2*bits.Len(uint(r.limits.Rows))) }

// isolate goes on with a change whose usual attempts are used up: in smaller and smaller requests, so that its neighbours
// are written, and alone in the end. Where even that gets no usable answer, while the destination has written other rows
// since the first attempt, the row is rejected. Otherwise it is the destination that doesn't work, and the run ends.
//
// Each of these attempts is made as any other: when the one before can no longer take effect, and after reading back. That
// takes k rows that are to blame among a hundred at most (2k+1)·7 smaller requests and 2k more for lone rows, and as many
// times Limits.Landing as there are steps: 7 halvings and 3 lone attempts. A destination that doesn't work gets no more
// than patience, and two for each group that was in doubt when the last answer came.
func (r *run) isolate(d *doubt) error {
	p, t := d.p, &d.p.trial
	r.mu.Lock()
	others, silent := r.answers.heard > t.heard, r.answers.silence >= r.patience()
	r.mu.Unlock()
	switch {
	case silent:
	case t.together > 1, t.alone < aloneTries:
		t.crowd = max(1, (t.together+1)/2)
		r.putNarrow(p)
		return nil
	case others:
		r.giveUp(d)
		return nil
	}
	r.keepDoubts([]*doubt{d})
	return fmt.Errorf("%s key %q: no answer to %d attempts; it stays in doubt and is settled by the next run", p.Action, p.Key, p.repeats)
}

// putNarrow puts a change into a group of no more than its crowd. These groups are sent once all doubts that are due were
// looked at.
func (r *run) putNarrow(p *pending) {
	failpoint.Reach("resend.before")
	size := p.size()
	at := slices.IndexFunc(r.packing.narrow, func(g *group) bool {
		first := g.changes[0]
		return first.Action == p.Action && first.trial.crowd == p.trial.crowd && len(g.changes) < p.trial.crowd && r.fits(g, size)
	})
	if at < 0 {
		at = len(r.packing.narrow)
		r.packing.narrow = append(r.packing.narrow, newGroup())
	}
	r.put(r.packing.narrow[at], p, size)
}

// sendNarrow sends the groups of rows that are being isolated.
func (r *run) sendNarrow(ctx context.Context) {
	groups := r.packing.narrow
	r.packing.narrow = nil
	for _, g := range groups {
		r.send(ctx, g)
	}
}

// codeNoAnswer is the code of a row of which isn't known whether it was written.
const codeNoAnswer = "no_answer"

// giveUp rejects a row that gets no usable answer while others do. Its last attempt can no longer take effect. A record that
// is there may hold what was sent, or not: the ledger forgets the content that it knows, so that a row which comes back
// to it is written again (I10).
func (r *run) giveUp(d *doubt) {
	failpoint.Reach("giveup.before")
	p := d.p
	last := "no answer"
	if a := p.trial.answer; a != (Answer{}) {
		last = a.Text
		if a.Request != "" {
			last += ", request " + a.Request
		}
	}
	err := Rejectf(codeNoAnswer, "the destination gives no usable answer to requests with this row (the last of %d: %s), also where they hold no other row, and writes other rows: "+
		"whether it was written isn't known; change the row, or have it sent again with `sluice rejects retry ID`", p.repeats, last)
	o := Outcome{TraceID: p.TraceID, Verdict: Refused, ID: p.ID, Err: err, Answer: p.trial.answer}
	r.resolveDoubt(p, func() Decision {
		decision := r.decide(p, o)
		if p.ID != "" && !p.leaves() {
			decision.Verdict, decision.Made, decision.Record = Found, p.made, r.recordFound(p, &p.entry, p.ID)
		}
		return decision
	}, true)
}
