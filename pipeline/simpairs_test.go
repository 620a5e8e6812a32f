package pipeline_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/pipeline"
)

// pairs is the destination of a pipeline whose rows are links: who belongs to which group, and as what. A pair that
// others have made must outlive us, and one that several rows ask for the last of them.
type pairs struct {
	there   map[[2]string]map[string]bool // ids → labels, "" for the plain relation
	foreign map[[2]string]bool
	absent  map[string]bool    // values of records that aren't there yet
	share   int                // how many keys have one person
	merged  merges             // of groups
	taken   map[[2]string]bool // pairs that were taken back without a look at which records were merged: a row may ask for one by a former id
}

// newPairs makes a world one of links, half of them mirrored.
func newPairs(w *world, d *dice) {
	w.incremental, w.collisions = false, false
	w.hub.limits = pipeline.Limits{Links: 1 + d.n(10), LinksOnly: true, Mirror: d.chance(0.7), Landing: landing}
	w.pairs = &pairs{there: map[[2]string]map[string]bool{}, foreign: map[[2]string]bool{}, absent: map[string]bool{}, share: 1, merged: merges{}, taken: map[[2]string]bool{}}
	for range d.n(12) {
		pair := [2]string{fmt.Sprintf("people/p%d", d.n(20)), fmt.Sprintf("groups/g%d", d.n(5))}
		w.pairs.there[pair], w.pairs.foreign[pair] = map[string]bool{"": true}, true
	}
	for i := range 5 {
		w.pairs.absent[fmt.Sprintf("g%d", i)] = d.chance(0.3)
	}
	if d := w.s.dice("shared pairs"); d.chance(0.5) {
		w.pairs.share = 2 + d.n(4)
	}
}

// link turns a row of records into one of links.
func (r simRow) link(d *dice, share int) simRow {
	if n, err := strconv.Atoi(strings.TrimLeft(r.id, "k")); err == nil {
		r.name, r.parent = fmt.Sprintf("p%d:%s", n/share, pick(d, "", "chair", "member")), fmt.Sprintf("g%d", d.n(5))
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
			intended = append(intended, pipeline.LinkOutcome{Change: l, State: w.pairs.state(l, links)})
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
		o := w.pairs.make(&links[i], links)
		switch {
		case o.Verdict == pipeline.Found:
			w.count("pair of a group that was merged")
		case !o.NoOp:
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

// pairOf returns the records of a change.
func pairOf(l *pipeline.LinkChange) [2]string {
	from, to := l.Records()
	return [2]string{from, to}
}

// merge is what a person does to two groups: what the pairs of one have, those of the other get.
func (c *pairs) merge(w *world, d *dice) {
	group := func() string { return fmt.Sprintf("groups/g%d", d.n(5)) }
	from, into := group(), group()
	if !w.unfollowed || from == into || c.merged[from] != "" || c.merged[into] != "" {
		return
	}
	w.s.note("somebody merges %s into %s", from, into)
	c.merged[from] = into
	for pair, labels := range c.there {
		if pair[1] != from {
			continue
		}
		delete(c.there, pair)
		moved := [2]string{pair[0], into}
		c.foreign[moved] = c.foreign[moved] || c.foreign[pair]
		if c.there[moved] == nil {
			c.there[moved] = map[string]bool{}
		}
		maps.Copy(c.there[moved], labels)
	}
	for pair, taken := range maps.Clone(c.taken) {
		if pair[1] == from && taken {
			c.taken[[2]string{pair[0], into}] = true
		}
	}
}

// survives tells whether a group was merged with another one. What is left there of links from before that isn't known to be
// ours stays.
func (c *pairs) survives(id string) bool {
	return slices.Contains(slices.Collect(maps.Values(c.merged)), id)
}

// beside returns what there is of the pair of a link beside it: what others have of it, and what the same call asks for or
// takes back.
func beside(l *pipeline.LinkChange, links []pipeline.LinkChange) (wanted, was []pipeline.LinkState) {
	wanted, was = slices.Clone(l.Shared), slices.Clone(l.Shared)
	for i := range links {
		o := &links[i]
		if o == l || pairOf(o) != pairOf(l) {
			continue
		}
		if !o.Remove {
			wanted = append(wanted, pipeline.LinkState{Types: o.Label})
		}
		if o.Was != nil {
			was = append(was, *o.Was)
		}
	}
	return wanted, was
}

// state returns what a link is about to be: until its end is known, the labels that it has had count as well.
func (c *pairs) state(l *pipeline.LinkChange, links []pipeline.LinkChange) *pipeline.LinkState {
	_, there := c.there[pairOf(l)]
	_, was := beside(l, links)
	s := linkState(l)
	s.Made = !there || l.Was != nil && l.Was.Made || slices.ContainsFunc(was, func(s pipeline.LinkState) bool { return s.Made })
	if s.Types = l.Label; l.Was != nil {
		s.Types += "," + l.Was.Types
	}
	return s
}

// make makes, relabels or removes a pair.
func (c *pairs) make(l *pipeline.LinkChange, links []pipeline.LinkChange) pipeline.LinkOutcome {
	o := pipeline.LinkOutcome{Change: l, Verdict: pipeline.Done, NoOp: true}
	pair := pairOf(l)
	if into := c.merged.into(pair[1]); into.ID != "" {
		o.Verdict, o.NoOp, o.Merged[1] = pipeline.Found, false, into
		return o
	}
	labels, there := c.there[pair]
	wanted, _ := beside(l, links)
	if !l.Remove {
		o.State, o.NoOp = c.state(l, links), labels[l.Label]
		o.State.Types = l.Label
		if !there {
			labels = map[string]bool{}
			c.there[pair] = labels
		}
		labels[l.Label] = true
	}
	if l.Was == nil || !there {
		return o
	}
	blind := c.survives(pair[1]) && l.To.Survivor.ID == "" // see the known limits in RELIABILITY.md
	c.taken[pair] = c.taken[pair] || blind && l.Remove
	if l.Remove && l.Was.Made && len(wanted) == 0 {
		delete(c.there, pair)
		o.NoOp = false
		return o
	}
	for label := range strings.SplitSeq(l.Was.Types, ",") {
		others := slices.ContainsFunc(wanted, func(s pipeline.LinkState) bool { return slices.Contains(strings.Split(s.Types, ","), label) })
		if label != "" && !others && labels[label] && (l.Remove || label != l.Label) {
			delete(labels, label)
			o.NoOp, c.taken[pair] = false, c.taken[pair] || blind
		}
	}
	return o
}

// finalPairs compares the pairs that are there with the rows.
func (w *world) finalPairs() {
	w.mu.Lock()
	defer w.mu.Unlock()
	want := map[[2]string]map[string]bool{}
	for _, r := range effective(w.sources[w.version]) {
		person, label, _ := strings.Cut(r.name, ":")
		pair := [2]string{"people/" + person, "groups/" + r.parent}
		pair[1] = cmp.Or(w.pairs.merged.into(pair[1]).ID, pair[1])
		if want[pair] == nil {
			want[pair] = map[string]bool{}
		} else {
			w.count("shared pair")
		}
		want[pair][label] = true
		if got := w.pairs.there[pair]; !w.pairs.taken[pair] && (len(got) == 0 || label != "" && !got[label]) {
			w.violate("I2: the pair of %+v has the labels %v; ledger %+v", r, got, w.store.Entry(r.id))
		}
	}
	if w.pairs.share == 1 {
		w.finalLabels(want) // each row's own
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
		if want[pair] == nil && !w.pairs.foreign[pair] && !w.pairs.survives(pair[1]) {
			w.violate("I10: the pair %q is there, and no row asks for it", pair)
		}
		if want[pair] == nil {
			want[pair] = map[string]bool{}
		}
	}
	w.finalLabels(want)
	w.count("mirrored")
}

// finalLabels looks for labels of pairs that no row asks for; the caller holds mu.
func (w *world) finalLabels(want map[[2]string]map[string]bool) {
	for pair, labels := range want {
		for label := range w.pairs.there[pair] {
			if label != "" && !labels[label] && !w.pairs.survives(pair[1]) {
				w.violate("I10: the pair %q is labelled %q, and no row asks for that", pair, label)
			}
		}
	}
}
