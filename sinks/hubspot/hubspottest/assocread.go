package hubspottest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// linkedTo is one neighbour of a record (10.2).
type linkedTo struct {
	To    any        `json:"toObjectId"`
	Types []typeView `json:"associationTypes"`
}

type typeView struct {
	Category string  `json:"category"`
	ID       int     `json:"typeId"`
	Label    *string `json:"label"`
}

func view(a *assocType) typeView {
	v := typeView{Category: a.Category, ID: a.ID}
	if a.Label != "" {
		v.Label = &a.Label
	}
	return v
}

// linksFrom is one result of a batch read.
type linksFrom struct {
	From struct {
		ID string `json:"id"`
	} `json:"from"`
	To     []linkedTo `json:"to"`
	Paging *paging    `json:"paging,omitempty"`
}

// neighbours returns one page of a record's links, from the id after on.
func (c *call) neighbours(e endpoints, after string, limit int) ([]linkedTo, *paging) {
	list := c.s.portal.links.of(e.from, e.a, e.to)
	if n, err := strconv.ParseInt(after, 10, 64); err == nil {
		at, _ := c.s.portal.links.find(end(e.from, e.a, e.to), n)
		list = list[at:]
	}
	var next *paging
	if len(list) > limit {
		next = pagingTo(idText(list[limit].to))
		list = list[:limit]
	}
	out := make([]linkedTo, 0, len(list))
	for _, x := range list {
		l := linkedTo{To: c.idOut(x.to)}
		for _, t := range x.types {
			l.Types = append(l.Types, view(t))
		}
		out = append(out, l)
	}
	return out, next
}

// readLinks answers POST …/batch/read.
func readLinks(c *call) *reply {
	inputs, rep := readLinkInputs[ref](c, http.StatusOK, maxLinkReads)
	if rep != nil {
		return rep
	}
	a := &batchAnswer{status: http.StatusOK}
	rep = eachLink(c, inputs, a, func(e endpoints, in ref) (err *apiError) {
		if c.passesOver(string(in.ID)) {
			return nil
		}
		if e.a, err = c.s.linkEnd(e.from, string(in.ID)); err != nil {
			return err.with("fromObjectId", string(in.ID))
		}
		out := linksFrom{}
		out.From.ID = string(in.ID)
		out.To, out.Paging = c.neighbours(e, in.After, linkPage)
		if len(out.To) == 0 {
			switch c.s.opt.Switches.NoAssociations {
			case "omit":
				return nil
			case "error":
				return notFound("No %s is associated with %s %s.", e.to.Singular, e.from.Singular, out.From.ID).
					sub("crm.associations.NO_ASSOCIATIONS_FOUND").with("fromObjectId", out.From.ID)
			}
		}
		body, _ := json.Marshal(out)
		a.raw = append(a.raw, body)
		return nil
	})
	if rep != nil {
		return rep
	}
	return a.reply(c)
}

// archiveLinks answers POST …/batch/archive: every type of the pairs goes. v4 answers 204, dated versions 200 with a
// body that may hold errors (1.3).
func archiveLinks(c *call) *reply {
	type input struct {
		From ref   `json:"from"`
		To   []ref `json:"to"`
	}
	inputs, rep := readLinkInputs[input](c, c.archiveStatus(), maxLinks)
	if rep != nil {
		return rep
	}
	a := &batchAnswer{status: http.StatusOK, fixed: true}
	rep = eachLink(c, inputs, a, func(e endpoints, in input) *apiError {
		for _, to := range in.To {
			if err := c.removeLink(e, string(in.From.ID), string(to.ID)); err != nil {
				a.errors = append(a.errors, err)
			}
		}
		return nil
	})
	return c.archived(a, rep)
}

func (c *call) archiveStatus() int {
	if c.route.dated() {
		return http.StatusOK
	}
	return http.StatusNoContent
}

func (c *call) archived(a *batchAnswer, rep *reply) *reply {
	switch {
	case rep != nil:
		return rep
	case !c.route.dated():
		return noContent()
	}
	return a.reply(c)
}

// removeLink removes a pair. A pair that isn't linked, or whose records are gone, is no error; an id that is none is.
func (c *call) removeLink(e endpoints, from, to string) *apiError {
	for _, id := range []string{from, to} {
		if _, err := strconv.ParseInt(id, 10, 64); err != nil {
			return invalid("%s is not a valid ID", id).sub("crm.associations.INVALID_IDENTIFIER").with("id", id)
		}
	}
	a, b := c.s.linkable(e.from, from), c.s.linkable(e.to, to)
	if a != nil && b != nil {
		c.s.unlink(c.writer(), e.from, a.id, e.to, b.id)
	}
	return nil
}

// archiveLabels answers POST …/batch/labels/archive. Removing the unlabeled type removes the pair (10.1).
func archiveLabels(c *call) *reply {
	inputs, rep := readLinkInputs[linkInput](c, c.archiveStatus(), maxLinks)
	if rep != nil {
		return rep
	}
	a := &batchAnswer{status: http.StatusOK, fixed: true}
	rep = eachLink(c, inputs, a, func(e endpoints, in linkInput) *apiError {
		from, to := c.s.linkable(e.from, string(in.From.ID)), c.s.linkable(e.to, string(in.To.ID))
		if from == nil || to == nil {
			return c.removeLink(e, string(in.From.ID), string(in.To.ID))
		}
		e.a, e.b = from.id, to.id
		return c.removeTypes(e, in.Types)
	})
	return c.archived(a, rep)
}

func (c *call) removeTypes(e endpoints, specs []specInput) *apiError {
	there := end(e.from, e.a, e.to)
	have := c.s.portal.links.typesOf(there, e.b)
	if have == nil {
		return nil
	}
	left := slices.Clone(have)
	for _, spec := range specs {
		t := c.s.portal.links.typeBy(there.pairOf, spec.Category, spec.ID)
		if t == nil {
			return invalid("%s type %d is not a valid association type from %s to %s", spec.Category, spec.ID, e.from.ID, e.to.ID).
				with("fromObjectId", idText(e.a)).with("toObjectId", idText(e.b))
		}
		if t.plain() {
			c.s.unlink(c.writer(), e.from, e.a, e.to, e.b)
			return nil
		}
		left = slices.DeleteFunc(left, func(x *assocType) bool { return x == t })
	}
	c.s.relabel(c.writer(), e.from, e.a, e.to, e.b, left)
	return nil
}

// pairOfPath locates the pair of /objects/{v}/{type}/{id}/associations/[default/]{to}/{toId}.
func (c *call) pairOfPath(to, toID string) (endpoints, *apiError) {
	e, err := c.ends(c.route.rest[0], to)
	if err != nil {
		return e, err
	}
	return c.s.locate(e, c.route.rest[1], toID)
}

// putLink answers PUT …/associations/{to}/{toId}: the body is an array of types.
func putLink(c *call) *reply {
	var specs []specInput
	if err := c.decode(&specs); err != nil {
		return c.refuse(err)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	e, err := c.pairOfPath(c.route.rest[3], c.route.rest[4])
	if err != nil {
		return c.refuse(err)
	}
	body, err := c.setTypes(e, specs)
	if err != nil {
		return c.refuse(err)
	}
	return &reply{status: http.StatusCreated, kind: jsonType, body: body}
}

// putDefaultLink answers PUT …/associations/default/{to}/{toId}.
func putDefaultLink(c *call) *reply {
	a := &batchAnswer{status: http.StatusOK, fixed: true}
	c.s.mu.Lock()
	e, err := c.pairOfPath(c.route.rest[4], c.route.rest[5])
	if err == nil {
		err = c.addDefault(e, a)
	}
	c.s.mu.Unlock()
	if err != nil {
		return c.refuse(err)
	}
	return a.reply(c)
}

// deleteLink answers DELETE …/associations/{to}/{toId}.
func deleteLink(c *call) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	e, err := c.ends(c.route.rest[0], c.route.rest[3])
	if err == nil {
		err = c.removeLink(e, c.route.rest[1], c.route.rest[4])
	}
	if err != nil {
		return c.refuse(err)
	}
	return noContent()
}

// listLinks answers GET …/{id}/associations/{to}.
func listLinks(c *call) *reply {
	limit, err := c.number("limit", linkPage, linkPage)
	if err != nil {
		return c.refuse(err)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	e, err := c.ends(c.route.rest[0], c.route.rest[3])
	if err == nil {
		e.a, err = c.s.linkEnd(e.from, c.route.rest[1])
	}
	if err != nil {
		return c.refuse(err)
	}
	out := struct {
		Results []linkedTo `json:"results"`
		Paging  *paging    `json:"paging,omitempty"`
	}{}
	out.Results, out.Paging = c.neighbours(e, c.query.Get("after"), limit)
	return c.json(http.StatusOK, out)
}
