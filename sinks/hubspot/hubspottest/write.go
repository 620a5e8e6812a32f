package hubspottest

import (
	"net/http"
	"slices"
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
