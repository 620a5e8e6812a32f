package hubspot

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice/pipeline"
)

// A heldLink is a link that the ledger has shown as a row's, made or about to be, from one write of HubSpot's log to another.
type heldLink struct {
	pipeline.LinkDecision
	since, until int64 // until is 0 as long as it is shown
}

// decide notes which links the ledger shows as those of rows from the given write on.
func (b *books) decide(c pipeline.Commit, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	drop := func(gone func(*heldLink) bool) {
		for i := range b.links {
			if h := &b.links[i]; h.until == 0 && gone(h) {
				h.until = now
			}
		}
	}
	for _, d := range c.Decisions {
		if d.Gone && len(d.Links) == 0 {
			drop(func(h *heldLink) bool { return h.Key == d.Key })
		}
	}
	for _, d := range c.Links {
		drop(func(h *heldLink) bool { return h.Key == d.Key && h.Slot == d.Slot && h.From == d.From && h.To == d.To })
		if d.State != nil {
			b.links = append(b.links, heldLink{LinkDecision: d, since: now})
		}
	}
}

// shown tells whether the ledger has shown a label of a link as that of a row all the time between two writes: then nothing in
// HubSpot tells that it isn't the pipeline's (RELIABILITY.md).
func (l *tieLog) shown(e endsOf, label string, from, to int64) bool {
	shows := func(h heldLink, at int64) bool {
		s := h.State
		ends := l.final(s.FromID) == l.final(e[0]) && l.final(s.ToID) == l.final(e[1])
		return ends && h.since <= at && (h.until == 0 || h.until >= at) && (label == "" && s.Made || label != "" && slices.Contains(l.labels(s.Types), label))
	}
	for at := from; at <= to; at++ {
		if !slices.ContainsFunc(l.books.links, func(h heldLink) bool { return shows(h, at) }) {
			return false
		}
	}
	return true
}

// labels returns those of types as the ledger spells them.
func (l *tieLog) labels(types string) (list []string) {
	for t := range strings.SplitSeq(types, ",") {
		list = append(list, l.campaign.ties.names[strings.Replace(t, ":", "/", 1)])
	}
	return list
}

// TestShownLinks proves when the oracle takes a link that people have made for one that may be the pipeline's own.
func TestShownLinks(t *testing.T) {
	state := func(made bool, types string) *pipeline.LinkState {
		return &pipeline.LinkState{FromID: "1", ToID: "2", Made: made, Types: types}
	}
	commit := func(key string, s *pipeline.LinkState) pipeline.Commit {
		return pipeline.Commit{Links: []pipeline.LinkDecision{{Key: key, From: "1", To: "2", State: s}}}
	}
	const people, taken, board = 5, 9, "USER_DEFINED:33"
	for name, test := range map[string]struct {
		commits map[int64]pipeline.Commit
		pair    bool // all of it is taken, not its label
		want    bool
	}{
		"no row's":                    {},
		"a row's":                     {commits: map[int64]pipeline.Commit{3: commit("k", state(true, board))}, want: true},
		"a row's, the pair":           {commits: map[int64]pipeline.Commit{3: commit("k", state(true, board))}, pair: true, want: true},
		"a row's, but not the pair":   {commits: map[int64]pipeline.Commit{3: commit("k", state(false, board))}, pair: true},
		"another label":               {commits: map[int64]pipeline.Commit{3: commit("k", state(true, "USER_DEFINED:31"))}},
		"a row's after people's":      {commits: map[int64]pipeline.Commit{6: commit("k", state(true, board))}},
		"a row's until before":        {commits: map[int64]pipeline.Commit{3: commit("k", state(true, board)), 4: commit("k", nil)}},
		"a row's, and then no more":   {commits: map[int64]pipeline.Commit{3: commit("k", state(true, board)), 7: commit("k", nil)}},
		"a row's, whose record went":  {commits: map[int64]pipeline.Commit{3: commit("k", state(true, board)), 7: {Decisions: []pipeline.Decision{{Key: "k", Gone: true}}}}},
		"a row's, and then another's": {commits: map[int64]pipeline.Commit{3: commit("k", state(true, board)), 6: commit("l", state(true, board)), 7: commit("k", nil)}, want: true},
	} {
		c := &campaign{books: newBooks(), ties: &ties{names: map[string]string{"USER_DEFINED/33": "Board", "USER_DEFINED/31": "Chair"}}}
		for _, at := range slices.Sorted(maps.Keys(test.commits)) {
			c.books.decide(test.commits[at], at)
		}
		label := "Board"
		if test.pair {
			label = ""
		}
		if got := (&tieLog{campaign: c}).shown(endsOf{"1", "2"}, label, people, taken-1); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
