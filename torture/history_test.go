package torture

import (
	"time"
)

// landing is how long after it was sent a request of the stage's projects may take effect: their timeout and landing.
const landing = 1200 * time.Millisecond

// A group is one of intent_group that is open.
type group struct {
	event
	intents map[string]intent // by key
}

// A history is what was committed so far, in order.
type history struct {
	*verdict
	granted map[string]event            // the last, by pipeline
	open    map[string]map[string]group // by pipeline and id
	newest  map[string]int64            // versions, by "pipeline key"
}

// history: from what was committed, in order. A key is in one group that may still take effect, or in several with the same
// write (I6); its versions never go back (I4); nothing of an epoch is committed once a later one was granted (I7).
func (v *verdict) history(b *books) {
	h := &history{v, map[string]event{}, map[string]map[string]group{}, map[string]int64{}}
	for _, e := range b.events {
		if (e.kind == "commit" || e.kind == "intend") && e.epoch < h.granted[e.pipeline].epoch {
			v.blame("I7", e.pipeline, "%s %s of epoch %d came after epoch %d was granted", e.kind, e.id, e.epoch, h.granted[e.pipeline].epoch)
		}
		switch e.kind {
		case "grant":
			if e.epoch <= h.granted[e.pipeline].epoch {
				v.blame("I7", e.pipeline, "epoch %d is granted after epoch %d", e.epoch, h.granted[e.pipeline].epoch)
			}
			h.granted[e.pipeline] = e
		case "back":
			v.blame("I4", e.pipeline+" "+e.id, "the ledger's version went back")
		case "close":
			delete(h.open[e.pipeline], e.id)
		case "intend":
			h.intend(e)
		}
	}
}

// intend takes a group in.
func (h *history) intend(e event) {
	intents, err := unpack(e.data)
	if err != nil {
		h.blame("I5", e.pipeline, "group %s: %v", e.id, err)
	}
	g := group{e, map[string]intent{}}
	for _, i := range intents {
		name := e.pipeline + " " + i.key
		if _, twice := g.intents[i.key]; twice {
			h.blame("I6", name, "is twice in group %s", e.id)
		}
		for _, other := range h.open[e.pipeline] {
			if before, ok := other.intents[i.key]; ok && before.trace != i.trace && h.mayLand(other, e) {
				h.blame("I6", name, "version %d (%s) is intended while version %d (%s) of group %s is undecided", i.version, i.trace, before.version, before.trace, other.id)
			}
		}
		if i.version < h.newest[name] {
			h.blame("I4", name, "version %d is intended after version %d", i.version, h.newest[name])
		}
		h.newest[name] = max(h.newest[name], i.version)
		g.intents[i.key] = i
	}
	if h.open[e.pipeline] == nil {
		h.open[e.pipeline] = map[string]group{}
	}
	h.open[e.pipeline][e.id] = g
}

// mayLand tells whether a group's write could still take effect when another was intended: of an earlier process it can
// have been sent until its lease was taken.
func (h *history) mayLand(g group, now event) bool {
	sent := g.at
	if g.epoch < now.epoch {
		sent = max(sent, h.granted[now.pipeline].at)
	}
	const precision = 2 * time.Millisecond // of the database's clock, and of the trigger
	return now.at-sent < landing-precision
}
