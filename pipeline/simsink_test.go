package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/pipeline"
)

// A simSink is how one process reaches the hub.
type simSink struct {
	hub *hub
	p   *process
}

func (k *simSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return k, nil
}
func (k *simSink) Limits() pipeline.Limits                 { return k.hub.limits }
func (k *simSink) Account(context.Context) (string, error) { return "hub", nil }
func (k *simSink) Close() error                            { return nil }
func (k *simSink) Fold(_, _, value string) string          { return fold(value) }
func (k *simSink) Specs() []pipeline.LinkSpec {
	return []pipeline.LinkSpec{{Slot: "parent", FromObject: "things", FromField: -1, ToObject: "things", ToField: 4, LabelField: -1}}
}

// Prepare chooses actions. It may fail.
func (k *simSink) Prepare(_ context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	w := k.p.w
	d := k.p.dice("prepare")
	if err := k.p.sleep(d.wide(time.Microsecond, w.slow), d); err != nil {
		return nil, err
	}
	if d.chance(w.fault(w.readFaults / 4)) {
		w.met("prepare failed")
		return nil, errLost
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range changes {
		c := &changes[i]
		if !k.hub.limits.Unkeyed {
			c.Match = fold(c.Key)
		}
		switch {
		case c.ID != "":
			c.Action = pipeline.Update
		case k.hub.limits.CreateOnly:
			c.Action = pipeline.Create
		default:
			c.Action = pipeline.Upsert
		}
		k.hub.names[c.Hash] = c.Values[0].String()
	}
	return nil, nil
}

// The ways in which a request goes wrong.
type fate int

const (
	fine     fate = iota
	dropped       // it never arrives
	unheard       // its answer is lost
	partial       // some of it takes effect, and the answer is lost
	late          // it takes effect after the sender has given up, before it can no longer land
	short         // the answer leaves out some of it
	refusing      // the destination accepts nothing, and the run must stop
	resting       // the destination accepts nothing for long
	busy          // the destination accepted nothing of it, but may the next time
	fates
)

var fateNames = [fates]string{"fine", "request dropped", "answer lost", "partial apply", "late apply", "short answer", "sink error", "paused by the destination", "unwritten"}

// Write sends one request.
func (k *simSink) Write(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	w, p := k.p.w, k.p
	d := p.dice(fmt.Sprintf("write %s %d", changes[0].Key, changes[0].Version)) // not by its trace id: hashes may be made otherwise one day
	if err := p.step("before a write"); err != nil {
		return nil, err
	}
	none := make([]pipeline.Outcome, len(changes))
	for i := range changes {
		none[i] = pipeline.Outcome{TraceID: changes[i].TraceID, Verdict: pipeline.Unwritten}
	}
	if err := pipeline.Permitted(ctx); err != nil {
		return none, err
	}
	f := fine
	if d.chance(w.fault(w.writeFaults)) {
		f = fate(d.n(int(fates)))
		w.met(fateNames[f])
	}
	if w.faulty && slices.ContainsFunc(changes, w.poisonous) {
		f = pick(d, w.poisoned...)
	}
	if f >= refusing {
		return k.turnedAway(ctx, d, f, none)
	}
	flights := w.receive(p, changes)
	time.Sleep(d.wide(time.Millisecond, w.slow)) // the network doesn't care whether the sender lives
	outcomes := k.carryOut(d, f, changes, flights)
	if err := p.step("before an answer is read"); err != nil {
		return nil, err
	}
	if err := p.sleep(d.wide(time.Millisecond, w.slow), d); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		w.met("request cancelled")
		return nil, context.Cause(ctx)
	}
	if f != fine && f != short {
		p.sleep(d.between(0, w.hub.limits.Landing/2), d) // until the sender gives up
		outcomes = nil
	}
	if err := p.step("after a write"); err != nil {
		return nil, err
	}
	w.answered(flights, changes, outcomes)
	return outcomes, nil
}

// poisonous tells whether a request with a change gets no answer.
func (w *world) poisonous(c pipeline.Change) bool {
	return w.poison != "" && len(c.Values) > 0 && c.Values[0].String() == w.poison
}

// turnedAway answers a request that certainly had no effect.
func (k *simSink) turnedAway(ctx context.Context, d *dice, f fate, none []pipeline.Outcome) ([]pipeline.Outcome, error) {
	if err := k.p.sleep(d.wide(time.Millisecond, k.p.w.slow), d); err != nil {
		return nil, err
	}
	switch {
	case ctx.Err() != nil:
		return none, context.Cause(ctx)
	case f == refusing:
		return none, errLost
	case f == resting:
		return none, pipeline.ErrPaused
	}
	return none, nil
}

// carryOut lets a request take effect as its fate is, and returns the answer, in any order.
func (k *simSink) carryOut(d *dice, f fate, changes []pipeline.Change, flights []*flight) (outcomes []pipeline.Outcome) {
	w := k.p.w
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range changes {
		c := changes[i]
		switch {
		case f == dropped, f == partial && d.chance(0.5):
		case f == late:
			after := d.between(time.Millisecond, w.hub.limits.Landing-w.slow)
			if w.tooLate {
				after += w.hub.limits.Landing
			}
			w.later(after, func() { w.landsLate(&c, flights[i]) })
		default:
			o := k.hub.apply(&c, flights[i])
			w.s.note("%s %s %q version %d: %d %s", k.p.name, c.Action, c.Key, c.Version, o.Verdict, o.ID)
			if f != short || d.chance(0.7) {
				outcomes = append(outcomes, o)
			}
		}
	}
	for i := range outcomes {
		j := d.n(i + 1)
		outcomes[i], outcomes[j] = outcomes[j], outcomes[i]
	}
	return outcomes
}

// Settle reads records back.
func (k *simSink) Settle(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	w, d := k.p.w, k.p.dice("settle")
	if err := k.ask(ctx, d, "settle"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	var outcomes []pipeline.Outcome
	for i := range changes {
		c := &changes[i]
		if w.faulty && c.Key == w.mute {
			w.count("never told of")
			continue
		}
		if w.faulty && d.chance(w.readFaults/2) {
			w.count("a reading left something out")
			continue
		}
		if o, ok := k.hub.look(d, c); ok {
			outcomes = append(outcomes, o)
		}
	}
	w.mu.Unlock()
	if err := k.p.sleep(d.wide(time.Millisecond, w.slow), d); err != nil {
		return nil, err
	}
	return outcomes, nil
}

// look reads back what became of a change.
func (h *hub) look(d *dice, c *pipeline.Change) (o pipeline.Outcome, ok bool) {
	o.TraceID = c.TraceID
	var r *simRecord
	switch {
	case c.ID != "":
		r = h.at(c.ID)
	case c.Match != "":
		r = h.at(h.taken[c.Match])
	default:
		return o, false
	}
	for _, f := range h.sent[c.Key] {
		f.read = f.read || time.Since(f.at) >= h.limits.Landing
		f.answered = f.answered || f.id != "" && h.at(f.id) == nil // it can no longer take effect
		f.found = f.found || r != nil && (r.foreign || len(h.applied[c.Key][f.version]) > 0)
		if f.still = r != nil; f.still {
			f.led = r.id
		}
	}
	switch {
	case c.Action == pipeline.Archive:
		h.looked[c.TraceID] = time.Now()
		if o.Verdict, o.ID = pipeline.Found, c.ID; r == nil || r.id != c.ID {
			o.Verdict = pipeline.Done
		}
	case r == nil && c.ID != "" && h.records[c.ID] != nil && h.records[c.ID].purged && d.chance(0.5):
		o.Verdict, o.Purged = pipeline.Gone, true
	case r == nil:
		h.w.count("in doubt, absent")
		o.Verdict = pipeline.Absent
	case c.Action == pipeline.Create && h.applied[c.Key][c.Version][c.Hash]:
		h.w.count("in doubt, found")
		o.Verdict, o.ID = pipeline.Done, r.id
	default:
		h.w.count("in doubt, found")
		o.Verdict, o.ID = pipeline.Found, r.id
	}
	o.Made = r != nil && h.madeBy(r, c)
	h.w.s.note("read back %s %q version %d: %d %s", c.Action, c.Key, c.Version, o.Verdict, o.ID)
	return o, true
}

// ask takes a question to the destination, which may fail.
func (k *simSink) ask(ctx context.Context, d *dice, kind string) error {
	w := k.p.w
	if err := k.p.step("before " + kind); err != nil {
		return err
	}
	if err := k.p.sleep(d.wide(time.Millisecond, w.slow), d); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !d.chance(w.fault(w.readFaults)):
		return nil
	case d.chance(0.2):
		w.met(kind + " paused")
		return pipeline.ErrPaused
	}
	w.met(kind + " failed")
	return errLost
}
