package hubspot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// HubSpot makes no link of a record that was archived, or merged into another one, and its refusal need not say of which of the
// two ends that is so. Reading a record by its former id answers with the one that it was merged into, which has its links by
// then (API.md section 11.3).

// follow finds out of pairs that weren't made, and of those to be removed that aren't there, whether their records were merged
// into others; of those that are gone for another reason, their refusals say which. It costs requests only if there are such
// pairs.
func (l *linking) follow(ctx context.Context, g *linkGroup, pairs []*pair) error {
	lost := slices.DeleteFunc(slices.Clone(pairs), func(p *pair) bool { return !p.lost() })
	if len(lost) == 0 {
		return nil
	}
	var ends [2]*endReading
	for at, path := range []string{g.from, g.to} {
		ids := map[string]bool{}
		for _, p := range lost {
			ids[p.id(at)] = true
		}
		var err error
		if ends[at], err = l.readIDs(ctx, lost[0].object(at), path, slices.Collect(maps.Keys(ids))); err != nil {
			return l.unfollowed(lost, err)
		}
	}
	for _, p := range lost {
		p.settle(ends)
	}
	return nil
}

// elsewhere returns the changes of pairs that aren't linked, as far as their records were merged into others, which they are
// about from now on. Those that were told of that before are not asked for once more.
func (l *linking) elsewhere(ctx context.Context, g *linkGroup) (moved []*pipeline.LinkChange, err error) {
	for _, p := range g.pairs {
		told := p.end(0).Survivor.ID+p.end(1).Survivor.ID != ""
		p.unknown = !p.unread && len(p.current) == 0 && !told
	}
	if err := l.follow(ctx, g, g.pairs); err != nil {
		return nil, err
	}
	for _, p := range g.pairs {
		if p.merged == nil {
			continue
		}
		for _, c := range p.changes {
			c.Follow(*p.merged)
		}
		moved = append(moved, p.changes...)
	}
	return moved, nil
}

// unfollowed decides on an error of looking for records: where the app may not read them the links stay refused, which is all
// that can be done; otherwise they wait for the next run.
func (l *linking) unfollowed(lost []*pair, err error) error {
	if e, ok := errors.AsType[*crm.Error](err); ok && e.Status == http.StatusForbidden {
		l.log.Warn("whether the records of refused links were merged into others can't be read", "error", err)
		return nil
	}
	for _, p := range lost {
		p.unknown = true
	}
	return err
}

// lost tells whether one of the pair's records may not be there any more.
func (p *pair) lost() bool {
	switch {
	case p.unread || p.silent:
		return false
	case p.failed != nil || p.unknown:
		return true
	}
	return len(p.current) == 0 && p.asks() == 0
}

// id returns the id of one of the two records.
func (p *pair) id(at int) string { return [2]string{p.From, p.To}[at] }

// end returns what the pair's first change says of one of the two records.
func (p *pair) end(at int) *pipeline.LinkEnd {
	return [2]*pipeline.LinkEnd{&p.changes[0].From, &p.changes[0].To}[at]
}

func (p *pair) object(at int) string { return p.end(at).Object }

// settle notes what is known of the records of a pair.
func (p *pair) settle(ends [2]*endReading) {
	var merged [2]pipeline.Survivor
	var gone []string
	for at, r := range ends {
		id := p.id(at)
		if s := r.live.found[id]; s != nil && s.ID != id {
			merged[at] = pipeline.Survivor{ID: s.ID, Former: formerIDs(s)}
		}
		if why := r.gone(id); why != "" {
			gone = append(gone, nameEnd(p.end(at), id)+" "+why)
		}
	}
	switch {
	case len(gone) > 0 && p.failed != nil:
		p.failed = pipeline.Rejectf("link_refused", "%w: %s; the link is sent again when the row changes, or by `sluice rejects retry`", p.failed, strings.Join(gone, ", and "))
	case len(gone) == 0 && merged[0].ID+merged[1].ID != "":
		p.merged, p.failed = &merged, nil
	}
}

// formerIDs returns the ids of the records that were merged into one.
func formerIDs(r *crm.Result) []string {
	return slices.DeleteFunc(strings.Split(r.Properties[mergedIDs], ";"), func(id string) bool { return !isDigits(id) || id == "" })
}

// nameEnd names a record for people, by its key if that is known.
func nameEnd(end *pipeline.LinkEnd, id string) string {
	name := "record " + id + " of " + end.Object
	if end.Property != "" {
		name += fmt.Sprintf(" (%s %s)", end.Property, pipeline.Quote(end.Value))
	}
	return name
}

// An endReading is what is known of the records of one object at one end of links.
type endReading struct{ live, binned *lookup }

// readIDs reads records by their ids, a hundred a request, and looks into the recycle bin for those that aren't there.
func (s *Sink) readIDs(ctx context.Context, object, path string, ids []string) (r *endReading, err error) {
	r = &endReading{binned: s.lookup(object, path, recordID)}
	if r.live, err = s.look(ctx, s.lookup(object, path, recordID, mergedIDs), ids); err != nil {
		return nil, err
	}
	r.binned.archived = true
	r.binned, err = s.look(ctx, r.binned, slices.Collect(maps.Keys(r.live.absent)))
	return r, err
}

// gone says why a record isn't there, and what to do; "" if it is, or nobody knows.
func (r *endReading) gone(id string) string {
	switch {
	case !r.live.absent[id]:
		return ""
	case r.binned.found[id] != nil:
		return "was archived in HubSpot: restore it there, or have its pipeline make it again (on_gone: recreate, which mode: create hasn't, and `sluice verify --repair`)"
	case r.binned.absent[id]:
		return "isn't in HubSpot, nor in its recycle bin: it was deleted for good, or never was there"
	}
	return ""
}
