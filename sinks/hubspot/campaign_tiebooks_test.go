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

// leftToPeople tells whether the last row let go of a pair while a label of people's was on it. Then the pair stays, and nothing says
// that it was ever the pipeline's once they take the label off (RELIABILITY.md).
func (l *tieLog) leftToPeople(e endsOf, t *tie) bool {
	var last int64
	for _, h := range l.books.links {
		switch ours := l.final(h.State.FromID) == l.final(e[0]) && l.final(h.State.ToID) == l.final(e[1]); {
		case ours && h.until == 0:
			return false
		case ours:
			last = max(last, h.until)
		}
	}
	if last == 0 {
		return false
	}
	began := l.runs[max(0, sortedBefore(l.runs, last))].seq // what the run has read of the pair is of after that
	return slices.ContainsFunc(t.theirs, func(s span) bool { return s.from <= last && s.to > began })
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

// TestLeftToPeople proves when the oracle lets a pair stay that no row asks for any more.
func TestLeftToPeople(t *testing.T) {
	commit := func(s *pipeline.LinkState) pipeline.Commit {
		return pipeline.Commit{Links: []pipeline.LinkDecision{{Key: "k", From: "1", To: "2", State: s}}}
	}
	made := &pipeline.LinkState{FromID: "1", ToID: "2", Made: true}
	for name, test := range map[string]struct {
		commits map[int64]pipeline.Commit
		theirs  []span
		want    bool
	}{
		"never a row's":              {theirs: []span{{12, 20}}},
		"nobody's label":             {commits: map[int64]pipeline.Commit{3: commit(made), 15: commit(nil)}},
		"a label":                    {commits: map[int64]pipeline.Commit{3: commit(made), 15: commit(nil)}, theirs: []span{{12, 20}}, want: true},
		"a label, taken off beside":  {commits: map[int64]pipeline.Commit{3: commit(made), 15: commit(nil)}, theirs: []span{{5, 13}}, want: true},
		"a label, taken off before":  {commits: map[int64]pipeline.Commit{3: commit(made), 15: commit(nil)}, theirs: []span{{5, 9}}},
		"a label, set afterwards":    {commits: map[int64]pipeline.Commit{3: commit(made), 15: commit(nil)}, theirs: []span{{16, 20}}},
		"a label, and a row's still": {commits: map[int64]pipeline.Commit{3: commit(made)}, theirs: []span{{12, 20}}},
		"let go once more, after it": {commits: map[int64]pipeline.Commit{3: commit(made), 15: commit(nil), 22: commit(made), 25: commit(nil)}, theirs: []span{{12, 20}}},
	} {
		c := &campaign{books: newBooks(), runs: []pastRun{{seq: 1}, {seq: 10}, {seq: 21}}}
		for _, at := range slices.Sorted(maps.Keys(test.commits)) {
			c.books.decide(test.commits[at], at)
		}
		if got := (&tieLog{campaign: c}).leftToPeople(endsOf{"1", "2"}, &tie{theirs: test.theirs}); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
