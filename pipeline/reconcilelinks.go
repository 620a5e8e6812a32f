package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// rowLinks are the links that a row asks for, and whether they are there.
type rowLinks struct {
	asked    []LinkChange
	presence []Presence
	unknown  bool // an end couldn't be found, or there is something to take back
}

// there tells whether all links that a row asks for are.
func (l *rowLinks) there() bool {
	return !l.unknown && !slices.ContainsFunc(l.presence, func(p Presence) bool { return p != There })
}

// beyond tells whether the ledger shows links that a row no longer asks for: the next run has to take them back.
func beyond(links []LinkState, asked []LinkChange) bool {
	return slices.ContainsFunc(links, func(s LinkState) bool {
		return !slices.ContainsFunc(asked, func(l LinkChange) bool { return s.Slot == l.Slot && (l.To.ID == "" || s.holds(&l)) })
	})
}

// decisions put down the links that the ledger doesn't show, as ones that somebody else has made.
func (l *rowLinks) decisions(p *pending) (list []LinkDecision) {
	for i := range l.asked {
		c := l.asked[i]
		state := &LinkState{Slot: c.Slot, FromID: c.From.ID, ToID: c.To.ID, From: c.From.Object, To: c.To.Object, Label: c.Label}
		if at := slices.IndexFunc(p.entry.Links, func(s LinkState) bool { return s.holds(&c) }); at >= 0 {
			if p.entry.Links[at].Label == c.Label {
				continue
			}
			c = p.entry.Links[at].asAsked(c)
		}
		list = append(list, LinkDecision{Key: p.Key, Slot: c.Slot, From: c.From.ID, To: c.To.ID, State: state.askedBy(&c)})
	}
	return list
}

// linksOfRows reads back the links that rows ask for whose records are there.
func (r *reconciliation) linksOfRows(ctx context.Context, list []*pending, readings []Reading) ([]*rowLinks, error) {
	rows := make([]*rowLinks, len(list))
	for i := range rows {
		rows[i] = &rowLinks{}
	}
	if len(r.specs) == 0 {
		return rows, nil
	}
	if err := r.ask(ctx, list, readings, rows); err != nil {
		return nil, fmt.Errorf("look up the ends of links: %w", err)
	}
	var known []LinkChange
	for _, row := range rows {
		if !row.unknown {
			known = append(known, row.asked...)
		}
	}
	there, err := r.reader.ReadLinks(ctx, known)
	if err != nil {
		return nil, fmt.Errorf("read back links: %w", err)
	}
	for _, row := range rows {
		if n := len(row.asked); !row.unknown {
			row.presence, there = there[:n], there[n:]
		}
	}
	return rows, nil
}

// ask works out which links rows ask for, with the ids of their ends as far as the state or the destination knows them.
func (r *reconciliation) ask(ctx context.Context, list []*pending, readings []Reading, rows []*rowLinks) error {
	for _, spec := range r.specs {
		for _, field := range []int{spec.FromField, spec.ToField} {
			if err := r.lookup(ctx, list, field); err != nil {
				return err
			}
		}
	}
	var all []LinkChange
	counts := make([]int, len(list))
	for i, p := range list {
		p.ID = readings[i].ID
		asked, err := r.linksOf(p)
		rows[i].unknown = err != nil || readings[i].Presence != There || readings[i].Err != nil || beyond(p.entry.Links, asked)
		if !rows[i].unknown {
			all, counts[i] = append(all, asked...), len(asked)
		}
	}
	if err := r.findEnds(ctx, all); err != nil {
		return err
	}
	for i, n := range counts {
		rows[i].asked, all = all[:n:n], all[n:]
		for _, c := range rows[i].asked {
			rows[i].unknown = rows[i].unknown || c.From.ID == "" || c.To.ID == ""
		}
	}
	return nil
}
