package hubspottest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

const (
	maxLinks     = 2000 // inputs of a batch that writes (3.4)
	maxLinkReads = 1000 // inputs of a batch that reads
	linkPage     = 500  // links of one record in one answer
)

func associationMethods(p []string) methods {
	switch {
	case len(p) == 3 && p[2] == "labels":
		return methods{"GET": listLabels, "POST": createLabel, "PUT": updateLabel}
	case len(p) == 4 && p[2] == "labels":
		return methods{"DELETE": deleteLabel}
	case len(p) == 4 && p[2] == "batch":
		switch p[3] {
		case "create":
			return methods{"POST": linkBatch}
		case "read":
			return methods{"POST": readLinks}
		case "archive":
			return methods{"POST": archiveLinks}
		}
	case len(p) == 5 && p[2] == "batch" && p[3] == "associate" && p[4] == "default":
		return methods{"POST": linkDefault}
	case len(p) == 5 && p[2] == "batch" && p[3] == "labels" && p[4] == "archive":
		return methods{"POST": archiveLabels}
	}
	return nil
}

// flexID is an id that may be a JSON string or number.
type flexID string

// UnmarshalJSON takes both.
func (f *flexID) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		err := json.Unmarshal(data, &s)
		*f = flexID(s)
		return err
	}
	*f = flexID(data)
	return nil
}

type ref struct {
	ID    flexID `json:"id"`
	After string `json:"after"`
}

// A linkInput is one input of a batch that writes a pair.
type linkInput struct {
	From  ref         `json:"from"`
	To    ref         `json:"to"`
	Types []specInput `json:"types"`
}

// An endpoints is the two object types of an association path, and the two ids of one input.
type endpoints struct {
	from, to *objectType
	a, b     int64
}

// readLinkInputs decodes a batch about associations.
func readLinkInputs[T any](c *call, status, most int) ([]T, *reply) {
	var body struct {
		Inputs []T `json:"inputs"`
	}
	if err := c.decode(&body); err != nil {
		return nil, c.refuse(err)
	}
	if len(body.Inputs) > most {
		return nil, c.refuse(invalid("The maximum number of inputs supported in a batch request is %d, but received %d", most, len(body.Inputs)))
	}
	if len(body.Inputs) == 0 {
		return nil, c.emptyBatch(status)
	}
	return body.Inputs, nil
}

// ends resolves the two object types of the path.
func (c *call) ends(from, to string) (e endpoints, err *apiError) {
	if e.from, err = c.typeOf(from); err == nil {
		e.to, err = c.typeOf(to)
	}
	return e, err
}

// eachLink runs do for every input, with the lock, and collects what goes wrong: one item an input, others unharmed.
func eachLink[T any](c *call, inputs []T, a *batchAnswer, do func(endpoints, T) *apiError) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	e, err := c.ends(c.route.rest[0], c.route.rest[1])
	if err != nil {
		return c.refuse(err)
	}
	for _, in := range thin(c, inputs) {
		if err := do(e, in); err != nil {
			a.errors = append(a.errors, err)
		}
	}
	if !c.s.opt.Switches.InputOrder {
		c.s.rng.Shuffle(len(a.raw), func(i, j int) { a.raw[i], a.raw[j] = a.raw[j], a.raw[i] })
	}
	return nil
}

// locate checks the two ids of an input (10.2).
func (s *Server) locate(e endpoints, from, to string) (endpoints, *apiError) {
	var err *apiError
	if e.a, err = s.linkEnd(e.from, from); err == nil {
		e.b, err = s.linkEnd(e.to, to)
	}
	if err == nil && e.from == e.to && e.a == e.b {
		err = invalid("Object %d cannot be associated to itself (%d)", e.a, e.a)
	}
	if err == nil {
		return e, nil
	}
	switch s.opt.Switches.AssociationContext {
	case "none":
		err.Context = nil
	case "pair":
		err.with("fromObjectId", from).with("toObjectId", to)
	}
	return e, err
}

func (s *Server) linkEnd(t *objectType, id string) (int64, *apiError) {
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return 0, invalid("%s is not a valid ID", id).sub("crm.associations.INVALID_IDENTIFIER").with("id", id)
	}
	r := s.linkable(t, id)
	if r == nil {
		return 0, notFound("%s %s does not exist or is archived", t.title(), id).sub("crm.associations.OBJECT_NOT_FOUND").with("id", id)
	}
	return r.id, nil
}

// linkable returns the live record that an id stands for in a request about associations.
func (s *Server) linkable(t *objectType, id string) *record {
	r := t.live(id)
	if r != nil && idText(r.id) != id && s.opt.Switches.AssociateMerged == "missing" {
		return nil
	}
	return r
}

// linkBatch answers POST …/batch/create: the pair's types are replaced by those given (10.1).
func linkBatch(c *call) *reply {
	status := http.StatusCreated
	if c.switches().Associations200 {
		status = http.StatusOK
	}
	inputs, rep := readLinkInputs[linkInput](c, status, maxLinks)
	if rep != nil {
		return rep
	}
	a := &batchAnswer{status: status}
	rep = eachLink(c, inputs, a, func(e endpoints, in linkInput) *apiError {
		e, err := c.s.locate(e, string(in.From.ID), string(in.To.ID))
		if err != nil {
			return err
		}
		body, err := c.setTypes(e, in.Types)
		if err == nil {
			a.raw = append(a.raw, body)
		}
		return err
	})
	if rep != nil {
		return rep
	}
	return a.reply(c)
}

// labelsBetween is the answer to a write of one pair (10.2).
type labelsBetween struct {
	FromType string   `json:"fromObjectTypeId"`
	From     any      `json:"fromObjectId"`
	ToType   string   `json:"toObjectTypeId"`
	To       any      `json:"toObjectId"`
	Labels   []string `json:"labels"`
}

// setTypes checks the types and sets them on the pair.
func (c *call) setTypes(e endpoints, specs []specInput) (json.RawMessage, *apiError) {
	s, there := c.s, end(e.from, e.a, e.to)
	pairContext := func(err *apiError) *apiError {
		if s.opt.Switches.AssociationContext == "none" {
			return err
		}
		return err.with("fromObjectId", idText(e.a)).with("toObjectId", idText(e.b))
	}
	if len(specs) == 0 {
		return nil, pairContext(invalid("Some required fields were not set: [types]"))
	}
	s.plainOf(e.from, e.to)
	var types []*assocType
	for _, spec := range specs {
		t := s.portal.links.typeBy(there.pairOf, spec.Category, spec.ID)
		if t == nil || c.now.Sub(t.Created.Time) < s.opt.Switches.DefinitionLag {
			return nil, pairContext(invalid("%s type %d is not a valid association type from %s to %s", spec.Category, spec.ID, e.from.ID, e.to.ID))
		}
		types = append(types, t)
	}
	have := s.portal.links.typesOf(there, e.b)
	if most := s.opt.Switches.AssociationCap; have == nil && most > 0 && s.full(e, most) {
		return nil, pairContext(invalid("The maximum number of associations from %s to %s is %d", e.from.ID, e.to.ID, most))
	}
	if s.opt.Switches.AddLabels {
		types = append(slices.Clone(have), types...)
	}
	s.relabel(c.writer(), e.from, e.a, e.to, e.b, types)
	labels := []string{}
	for _, t := range s.portal.links.typesOf(there, e.b) {
		if !t.plain() {
			labels = append(labels, t.Label)
		}
	}
	body, _ := json.Marshal(labelsBetween{e.from.ID, c.idOut(e.a), e.to.ID, c.idOut(e.b), labels})
	return body, nil
}

func (s *Server) full(e endpoints, most int) bool {
	return len(s.portal.links.of(e.from, e.a, e.to)) >= most || len(s.portal.links.of(e.to, e.b, e.from)) >= most
}

// idOut writes an id as a number or a string (10.2).
func (c *call) idOut(id int64) any {
	mode := c.s.opt.Switches.NumericIDs
	if mode == "always" || mode == "v4" && !c.route.dated() {
		return id
	}
	return idText(id)
}

// defaultLink is one direction in the answer of associate/default.
type defaultLink struct {
	From struct {
		ID string `json:"id"`
	} `json:"from"`
	To struct {
		ID string `json:"id"`
	} `json:"to"`
	Spec specInput `json:"associationSpec"`
}

// linkDefault answers POST …/batch/associate/default: 200 even with errors inside (10.2).
func linkDefault(c *call) *reply {
	inputs, rep := readLinkInputs[linkInput](c, http.StatusOK, maxLinks)
	if rep != nil {
		return rep
	}
	a := &batchAnswer{status: http.StatusOK, fixed: true}
	rep = eachLink(c, inputs, a, func(e endpoints, in linkInput) *apiError {
		e, err := c.s.locate(e, string(in.From.ID), string(in.To.ID))
		if err != nil {
			return err
		}
		return c.addDefault(e, a)
	})
	if rep != nil {
		return rep
	}
	return a.reply(c)
}

// addDefault makes a plain relation and leaves labels that are there.
func (c *call) addDefault(e endpoints, a *batchAnswer) *apiError {
	s := c.s
	have := s.portal.links.typesOf(end(e.from, e.a, e.to), e.b)
	if most := s.opt.Switches.AssociationCap; have == nil && most > 0 && s.full(e, most) {
		return invalid("The maximum number of associations from %s to %s is %d", e.from.ID, e.to.ID, most).
			with("fromObjectId", idText(e.a)).with("toObjectId", idText(e.b))
	}
	s.relabel(c.writer(), e.from, e.a, e.to, e.b, have)
	for _, d := range []endpoints{e, {e.to, e.from, e.b, e.a}} {
		t := s.plainOf(d.from, d.to)
		var l defaultLink
		l.From.ID, l.To.ID, l.Spec = idText(d.a), idText(d.b), specInput{t.Category, t.ID}
		body, _ := json.Marshal(l)
		a.raw = append(a.raw, body)
	}
	return nil
}
