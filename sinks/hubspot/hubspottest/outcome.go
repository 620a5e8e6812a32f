package hubspottest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// locked resolves the type, runs fill with the portal's lock and writes the answer without it.
func (c *call) locked(status int, fill func(*objectType, *batchAnswer) *apiError) *reply {
	a := &batchAnswer{status: status}
	c.s.mu.Lock()
	t, err := c.typeOf(c.route.rest[0])
	if err == nil {
		err = fill(t, a)
	}
	if c.omit {
		a.results = a.results[:len(a.results)/2]
	}
	if err == nil && !c.s.opt.Switches.InputOrder {
		c.s.rng.Shuffle(len(a.results), func(i, j int) { a.results[i], a.results[j] = a.results[j], a.results[i] })
	}
	c.s.mu.Unlock()
	if err != nil {
		return c.refuse(err)
	}
	return a.reply(c)
}

// carryOut applies the changes: the good ones in partial mode, else all or none (5.2).
func (c *call) carryOut(changes []*change, partial bool, a *batchAnswer) *apiError {
	s := c.s
	if err := s.whole(changes, partial); err != nil {
		if s.opt.Switches.NotAtomic {
			for _, ch := range changes {
				if ch.err != nil {
					break
				}
				s.apply(c.writer(), ch)
			}
		}
		return err
	}
	for _, ch := range changes {
		if ch.err == nil {
			r, fresh := s.apply(c.writer(), ch)
			a.results = append(a.results, s.written(ch, r, fresh))
		}
	}
	a.errors = append(a.errors, s.items(changes)...)
	if partial && s.opt.Switches.All207 {
		a.status = http.StatusMultiStatus
	}
	return nil
}

// whole returns the error that fails the entire request, or nil.
func (s *Server) whole(changes []*change, partial bool) *apiError {
	var first *apiError
	var all []errorDetail
	var texts []string
	for _, ch := range changes {
		if ch.err == nil || partial && !(ch.err.rule && s.opt.Switches.RulesWhole) {
			continue
		}
		if first == nil {
			first = ch.err
		}
		if list, ok := strings.CutPrefix(ch.err.Message, "Property values were not valid: ["); ok {
			texts = append(texts, strings.TrimSuffix(list, "]"))
			all = append(all, ch.err.Errors...)
		}
	}
	if first == nil {
		return nil
	}
	e := *first
	if strings.HasPrefix(e.Message, "Property values were not valid: [") {
		e.Message, e.Errors = "Property values were not valid: ["+strings.Join(texts, ",")+"]", all
	}
	if e.HTTP == http.StatusConflict && len(changes) > 1 {
		e.Context = nil
		if s.opt.Switches.ConflictWithoutID {
			e.Message, _, _ = strings.Cut(e.Message, ".")
		}
	}
	return &e
}

// items makes the error items of a 207 (5.5).
func (s *Server) items(changes []*change) []*apiError {
	var list []*apiError
	at := make(map[string]int)
	for _, ch := range changes {
		if ch.err == nil {
			continue
		}
		e := *ch.err
		e.Errors = nil
		if e.rule {
			e.Errors = ch.err.Errors
		}
		if ch.trace == "" || s.opt.Switches.UntraceableErrors {
			list = append(list, &e)
			continue
		}
		same := fmt.Sprint(e.Category, e.Message)
		if i, ok := at[same]; ok && s.opt.Switches.GroupErrors {
			list[i].Context["objectWriteTraceId"] = append(list[i].Context["objectWriteTraceId"], ch.trace)
			continue
		}
		at[same] = len(list)
		list = append(list, e.with("objectWriteTraceId", ch.trace))
	}
	return list
}

// written makes the result of a write: the submitted properties and a few system ones (4).
func (s *Server) written(ch *change, r *record, fresh bool) result {
	res := s.result(ch.t, r)
	w := s.opt.Switches
	for _, v := range ch.set {
		if !w.ResultKeyOnly || v.def.keyed {
			res.show = append(res.show, v.def)
			if v.text == "" {
				res.values = append(slices.Clip(res.values), v)
			}
		}
	}
	if ch.upsert {
		for _, p := range ch.t.keys() {
			if !ch.sets(p) && r.get(p) != "" {
				res.show = append(res.show, p)
			}
		}
	}
	for _, p := range ch.t.systemShown() {
		if !ch.sets(p) {
			res.show = append(res.show, p)
		}
	}
	if !w.NoTraceEcho {
		res.trace = ch.trace
	}
	res.upsert, res.isNew, res.warnings = ch.upsert, fresh, ch.warnings
	return res
}

func (s *Server) result(t *objectType, r *record) result {
	return result{t: t, id: r.id, created: r.created, updated: r.updated, archived: r.archived, values: r.values, merged: r.merged}
}

// keys returns the properties that identify records of the type.
func (t *objectType) keys() []*property {
	var list []*property
	for _, p := range t.order {
		if p.keyed && !p.Archived {
			list = append(list, p)
		}
	}
	return list
}

// systemShown returns the system properties that every answer holds.
func (t *objectType) systemShown() []*property {
	created, updated := t.props["createdate"], t.props["lastmodifieddate"]
	if created == nil {
		created = t.props["hs_createdate"]
	}
	if updated == nil {
		updated = t.props["hs_lastmodifieddate"]
	}
	return []*property{t.props["hs_object_id"], created, updated}
}

func idText(id int64) string { return strconv.FormatInt(id, 10) }
