package hubspottest

import (
	"net/http"
	"slices"
)

// batchUpdate answers POST …/batch/update.
func batchUpdate(c *call) *reply {
	b, rep := c.readBatch(http.StatusOK, maxInputs)
	if rep != nil {
		return rep
	}
	return c.locked(http.StatusOK, func(t *objectType, a *batchAnswer) *apiError {
		if err := c.s.checkUpdateKeys(t, b.inputs); err != nil {
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
		if mode := c.s.opt.Switches.UpdateMissing; len(missing) > 0 && mode == "e" {
			return missingRecords(t, idsOf(missing))
		} else if len(missing) > 0 && mode == "c" {
			changes = nil
		}
		if err := c.carryOut(changes, partial, a); err != nil {
			return err
		}
		c.s.reportMissing(t, missing, a)
		return nil
	})
}

// checkUpdateKeys checks how the inputs name their records, and that each is named once.
func (s *Server) checkUpdateKeys(t *objectType, inputs []input) *apiError {
	keys := make([]*property, len(inputs))
	for i, in := range inputs {
		var err *apiError
		if keys[i], err = s.updateKey(t, in.idProperty); err != nil {
			return err
		}
	}
	return s.repeatedIDs(inputs, keys)
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
	var traces []string
	for _, in := range missing {
		if in.trace != "" {
			traces = append(traces, in.trace)
		}
	}
	e := missingRecords(t, idsOf(missing))
	if mode == "b" && traces != nil {
		e.with("objectWriteTraceId", traces...)
	}
	a.errors = append(a.errors, e)
}

func idsOf(inputs []*input) (ids []string) {
	for _, in := range inputs {
		ids = append(ids, in.id)
	}
	return ids
}

func missingRecords(t *objectType, ids []string) *apiError {
	return notFound("Could not get some %s objects, they may be deleted or not exist. Check that ids are valid.", t.upper()).with("ids", ids...)
}
