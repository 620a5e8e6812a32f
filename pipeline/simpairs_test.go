package pipeline_test

import (
	"context"
	"fmt"
	"time"

	"sluice/pipeline"
)

// pairs is the destination of a pipeline whose rows are links: who belongs to which group, and as what. A pair that
// others have made must outlive us.
type pairs struct {
	there   map[[2]string]string // ids → label
	foreign map[[2]string]bool
	absent  map[string]bool // values of records that aren't there yet
}

// newPairs makes a world one of links, half of them mirrored.
func newPairs(w *world, d *dice) {
	w.incremental, w.collisions = false, false
	w.hub.limits = pipeline.Limits{Links: 1 + d.n(10), LinksOnly: true, Mirror: d.chance(0.7), Landing: landing}
	w.pairs = &pairs{there: map[[2]string]string{}, foreign: map[[2]string]bool{}, absent: map[string]bool{}}
	for range d.n(12) {
		pair := [2]string{fmt.Sprintf("people/p%d", d.n(20)), fmt.Sprintf("groups/g%d", d.n(5))}
		w.pairs.there[pair], w.pairs.foreign[pair] = "", true
	}
	for i := range 5 {
		w.pairs.absent[fmt.Sprintf("g%d", i)] = d.chance(0.3)
	}
}

// link turns a row of records into one of links. Each key's person is its own.
func (r simRow) link(d *dice) simRow {
	if r.id != "" && r.id != unreadable {
		r.name, r.parent = fmt.Sprintf("p%s:%s", r.id[1:], pick(d, "", "chair", "member")), fmt.Sprintf("g%d", d.n(5))
	}
	return r
}

// A pairSink is how one process reaches the destination of links.
type pairSink struct{ *simSink }

func (k pairSink) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return k, nil
}

func (k pairSink) Specs() []pipeline.LinkSpec {
	return []pipeline.LinkSpec{{Slot: "s", FromObject: "people", FromField: 4, ToObject: "groups", ToField: 5, LabelField: 3}}
}

func (k pairSink) Find(ctx context.Context, object, _ string, values []string) (map[string]string, error) {
	d := k.p.dice("find " + object)
	if err := k.ask(ctx, d, "find"); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, v := range values {
		if !k.p.w.pairs.absent[v] {
			found[v] = object + "/" + v
		}
	}
	return found, nil
}

func (k pairSink) Link(ctx context.Context, links []pipeline.LinkChange, intend func(context.Context, []pipeline.LinkOutcome) error) ([]pipeline.LinkOutcome, error) {
	w, p := k.p.w, k.p
	d := p.dice("link")
	if err := k.ask(ctx, d, "links are read"); err != nil {
		return nil, err
	}
	var intended []pipeline.LinkOutcome
	w.mu.Lock()
	for i := range links {
		if l := &links[i]; !l.Remove {
			intended = append(intended, pipeline.LinkOutcome{Change: l, State: w.pairs.state(l)})
		}
	}
	w.mu.Unlock()
	if err := intend(ctx, intended); err != nil {
		return nil, err
	}
	if err := p.step("before links"); err != nil {
		return nil, err
	}
	if err := pipeline.Permitted(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	time.Sleep(d.wide(time.Millisecond, w.slow))
	outcomes := k.carryOutLinks(d, links)
	if err := p.step("after links"); err != nil {
		return nil, err
	}
	return outcomes, p.sleep(d.wide(time.Millisecond, w.slow), d)
}

// carryOutLinks lets link changes take effect; some don't, and of some the answer is lost.
func (k pairSink) carryOutLinks(d *dice, links []pipeline.LinkChange) (outcomes []pipeline.LinkOutcome) {
	w := k.p.w
	lost := d.chance(w.fault(w.writeFaults))
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range links {
		if lost && d.chance(0.3) {
			w.count("pair dropped")
			continue
		}
		o := w.pairs.make(&links[i])
		if !o.NoOp {
			w.requests++
			w.count(map[bool]string{true: "pair removed", false: "pair made"}[links[i].Remove])
		}
		w.s.note("%s pairs %q %s %s label %q remove %v", k.p.name, links[i].Key, links[i].From.ID, links[i].To.ID, links[i].Label, links[i].Remove)
		if lost && d.chance(0.5) {
			w.count("pair answer lost")
			continue
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

func (c *pairs) state(l *pipeline.LinkChange) *pipeline.LinkState {
	_, there := c.there[[2]string{l.From.ID, l.To.ID}]
	s := linkState(l)
	s.Made = !there || l.Was != nil && l.Was.Made
	return s
}

// make makes, relabels or removes a pair.
func (c *pairs) make(l *pipeline.LinkChange) pipeline.LinkOutcome {
	o := pipeline.LinkOutcome{Change: l, Verdict: pipeline.Done}
	pair := [2]string{l.From.ID, l.To.ID}
	label, there := c.there[pair]
	switch {
	case !l.Remove:
		o.State, o.NoOp = c.state(l), there && label == l.Label
		c.there[pair] = l.Label
	case l.Was != nil && l.Was.Made && there:
		delete(c.there, pair)
	default:
		o.NoOp = true
	}
	return o
}

// finalPairs compares the pairs that are there with the rows.
func (w *world) finalPairs() {
	w.mu.Lock()
	defer w.mu.Unlock()
	want := map[[2]string]string{}
	for _, r := range effective(w.sources[w.version]) {
		person, label := "people/p"+r.id[1:], r.name[len("p"+r.id[1:]+":"):]
		want[[2]string{person, "groups/" + r.parent}] = label
		if got, ok := w.pairs.there[[2]string{person, "groups/" + r.parent}]; !ok || got != label {
			w.violate("I2: the pair of %+v is labelled %q, and there: %v; ledger %+v", r, got, ok, w.store.Entry(r.id))
		}
	}
	if !w.hub.limits.Mirror {
		return
	}
	for _, r := range w.sources[w.version] {
		if r.id == "" || r.id == unreadable {
			return // a row whose key nobody knows: nothing is removed
		}
	}
	for pair := range w.pairs.there {
		if _, ok := want[pair]; !ok && !w.pairs.foreign[pair] {
			w.violate("I10: the pair %q is there, and no row asks for it", pair)
		}
	}
	w.count("mirrored")
}
