package hubspottest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxInputs is how many records one batch request may hold (3.1).
const maxInputs = 100

// batchCreate answers POST …/batch/create.
func batchCreate(c *call) *reply {
	b, rep := c.readBatch(http.StatusCreated, maxInputs)
	if rep != nil {
		return rep
	}
	return c.locked(http.StatusCreated, func(t *objectType, a *batchAnswer) *apiError {
		inputs := thin(c, b.inputs)
		partial, taken := c.s.partial(inputs), claims{}
		changes := make([]*change, len(inputs))
		for i := range inputs {
			changes[i] = c.s.prepare(c, t, nil, &inputs[i], taken)
		}
		if partial && c.s.opt.Switches.DuplicateCreate == "whole" && c.s.repeats(changes) {
			return invalid("Duplicate values of a unique property found in batch input")
		}
		return c.carryOut(changes, partial, a)
	})
}

// repeats returns whether one of the changes conflicts with another of the same request.
func (s *Server) repeats(changes []*change) bool {
	return slices.ContainsFunc(changes, func(ch *change) bool {
		return ch.err != nil && ch.err.HTTP == http.StatusConflict && ch.err.Context == nil
	})
}

// batchUpsert answers POST …/batch/upsert (7).
func batchUpsert(c *call) *reply {
	b, rep := c.readBatch(http.StatusOK, maxInputs)
	if rep != nil {
		return rep
	}
	return c.locked(http.StatusOK, func(t *objectType, a *batchAnswer) *apiError {
		keys := make([]*property, len(b.inputs))
		for i, in := range b.inputs {
			var err *apiError
			if keys[i], err = c.s.keyFor(t, in.idProperty, "update/upsert"); err != nil {
				return err
			}
		}
		if err := c.s.repeatedIDs(b.inputs, keys); err != nil {
			return err
		}
		inputs := thin(c, slices.Clone(b.inputs))
		taken, changes := claims{}, make([]*change, len(inputs))
		for i := range inputs {
			changes[i] = c.s.prepareUpsert(c, t, t.find(inputs[i].idProperty), &inputs[i], taken)
		}
		return c.carryOut(changes, c.s.partial(b.inputs), a)
	})
}

func (s *Server) prepareUpsert(c *call, t *objectType, key *property, in *input, taken claims) *change {
	if strings.TrimSpace(in.id) == "" {
		return &change{t: t, trace: in.trace, upsert: true, err: invalid("The value of %s must not be empty", key.Name)}
	}
	rec := s.holder(t, key, in.id)
	if rec != nil && rec.archived != 0 {
		e := invalid("%d already has the value %s of %s, and it is archived", rec.id, in.id, key.Name)
		return &change{t: t, trace: in.trace, upsert: true, err: e}
	}
	at := slices.IndexFunc(in.properties, func(p pair) bool { return p.name == key.Name })
	switch {
	case at < 0 && rec == nil:
		in.properties = append(in.properties, pair{name: key.Name, text: in.id})
	case at >= 0 && rec != nil && s.key(key, in.properties[at].text) == s.key(key, in.id):
		in.properties = slices.Delete(in.properties, at, at+1) // so that a secondary address stays one
	}
	if s.opt.Switches.EmailUpsertBlanks && key.email && rec != nil {
		in.properties = append(blanks(t, rec, key), in.properties...)
	}
	ch := s.prepare(c, t, rec, in, taken)
	ch.upsert = true
	return ch
}

// blanks clears everything that may be cleared.
func blanks(t *objectType, rec *record, key *property) []pair {
	var list []pair
	for _, v := range rec.values {
		if v.def != key && !v.def.readOnly(false) {
			list = append(list, pair{name: v.def.Name})
		}
	}
	return list
}

// repeatedIDs refuses a batch that names a record twice, in every mode (5.6).
func (s *Server) repeatedIDs(inputs []input, keys []*property) *apiError {
	seen := make(map[claimed]bool, len(inputs))
	var twice []string
	for i, in := range inputs {
		id := claimed{keys[i], strings.TrimSpace(in.id)}
		if keys[i] != nil {
			id.key = s.key(keys[i], in.id)
		}
		if seen[id] && !slices.Contains(twice, id.key) {
			twice = append(twice, id.key)
		}
		seen[id] = true
	}
	if twice == nil {
		return nil
	}
	return invalid("Duplicate IDs found in batch input: [%s]. IDs must be unique", strings.Join(twice, ", ")).with("ids", twice...)
}

// batchUpdate answers POST …/batch/update.
func batchUpdate(c *call) *reply {
	b, rep := c.readBatch(http.StatusOK, maxInputs)
	if rep != nil {
		return rep
	}
	return c.locked(http.StatusOK, func(t *objectType, a *batchAnswer) *apiError {
		keys := make([]*property, len(b.inputs))
		for i, in := range b.inputs {
			var err *apiError
			if keys[i], err = c.s.updateKey(t, in.idProperty); err != nil {
				return err
			}
		}
		if err := c.s.repeatedIDs(b.inputs, keys); err != nil {
			return err
		}
		partial := c.s.partial(b.inputs) && !c.s.opt.Switches.UpdateInvalidWhole
		inputs := thin(c, slices.Clone(b.inputs))
		taken := claims{}
		var changes []*change
		var missing []*input
		for i := range inputs {
			in := &inputs[i]
			key, _ := c.s.updateKey(t, in.idProperty)
			rec, silent := c.s.updated(t, key, in.id)
			switch {
			case silent:
			case rec == nil:
				missing = append(missing, in)
			default:
				changes = append(changes, c.s.prepare(c, t, rec, in, taken))
			}
		}
		if len(missing) > 0 && c.s.opt.Switches.UpdateMissing == "c" {
			changes = nil
		}
		if err := c.carryOut(changes, partial, a); err != nil {
			return err
		}
		c.s.reportMissing(t, missing, a)
		return nil
	})
}

// updateKey returns the property of an idProperty, nil for the record id (7).
func (s *Server) updateKey(t *objectType, name string) (*property, *apiError) {
	if name == "" {
		return nil, nil
	}
	p, err := s.keyFor(t, name, "update/upsert")
	if err == nil && p.email && !s.opt.Switches.UpdateByEmail {
		return nil, invalid("Unable to perform update/upsert by non-unique %s property %s in portal ID %d", t.ID, name, s.opt.Portal)
	}
	return p, err
}

// updated finds the record of an update. A merged-away id is left out of the answer silently (11.3).
func (s *Server) updated(t *objectType, key *property, id string) (rec *record, silent bool) {
	if key != nil {
		if rec = s.holder(t, key, id); rec != nil && rec.archived != 0 {
			rec = nil
		}
		return rec, false
	}
	rec, merged := t.byID(id)
	if rec == nil || rec.archived != 0 {
		return nil, false
	}
	if merged {
		switch s.opt.Switches.UpdateMerged {
		case "omit":
			return nil, true
		case "missing":
			return nil, false
		}
	}
	return rec, false
}

// reportMissing names the records that don't exist, in one of the ways of 5.3.
func (s *Server) reportMissing(t *objectType, missing []*input, a *batchAnswer) {
	mode := s.opt.Switches.UpdateMissing
	if len(missing) == 0 {
		return
	}
	if mode == "d" {
		a.status = http.StatusMultiStatus
		return
	}
	var ids, traces []string
	for _, in := range missing {
		ids = append(ids, in.id)
		if in.trace != "" {
			traces = append(traces, in.trace)
		}
	}
	e := missingRecords(t, ids)
	if mode == "b" && traces != nil {
		e.with("objectWriteTraceId", traces...)
	}
	a.errors = append(a.errors, e)
}

func missingRecords(t *objectType, ids []string) *apiError {
	return notFound("Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", t.upper()).with("ids", ids...)
}

// batchArchive answers POST …/batch/archive: 204, whatever the ids.
func batchArchive(c *call) *reply {
	b, rep := c.readBatch(http.StatusNoContent, maxInputs)
	if rep != nil {
		return rep
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, err := c.typeOf(c.route.rest[0])
	if err != nil {
		return c.refuse(err)
	}
	for _, in := range thin(c, b.inputs) {
		if r := t.live(in.id); r != nil {
			c.s.archive(c.writer(), t, r)
		}
	}
	return noContent()
}

// locked resolves the type, runs fill with the portal's lock and writes the answer without it.
func (c *call) locked(status int, fill func(*objectType, *batchAnswer) *apiError) *reply {
	a := &batchAnswer{status: status}
	c.s.mu.Lock()
	t, err := c.typeOf(c.route.rest[0])
	if err == nil {
		err = fill(t, a)
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
