package hubspottest

import (
	"net/http"
	"slices"
)

// maxLabels is how many labels a pair of object types may have (10.1).
const maxLabels = 50

// statusLabelLimit is what the 51st label gets (6.1).
const statusLabelLimit = 437

type labelList struct {
	Results []typeView `json:"results"`
}

// pair runs fn with the portal's lock and the two object types of the path, and answers with what it returns.
func (c *call) pair(status int, fn func(endpoints) (any, *apiError)) *reply {
	return c.answer(status, func() (any, *apiError) {
		e, err := c.ends(c.route.rest[0], c.route.rest[1])
		if err != nil {
			return nil, err
		}
		return fn(e)
	})
}

// listLabels answers GET …/labels.
func listLabels(c *call) *reply {
	return c.pair(http.StatusOK, func(e endpoints) (any, *apiError) {
		c.s.plainOf(e.from, e.to)
		out := labelList{}
		for _, t := range c.s.portal.links.types[pairOf{e.from.index, e.to.index}] {
			if c.now.Sub(t.Created.Time) >= c.s.opt.Switches.DefinitionLag {
				out.Results = append(out.Results, view(t))
			}
		}
		return out, nil
	})
}

// createLabel answers POST …/labels. With inverseLabel the two directions are labelled differently.
func createLabel(c *call) *reply {
	var body struct {
		Name    string `json:"name"`
		Label   string `json:"label"`
		Inverse string `json:"inverseLabel"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.pair(http.StatusOK, func(e endpoints) (any, *apiError) {
		a, err := c.s.addLabel(e, body.Name, body.Label, body.Inverse)
		if err != nil {
			return nil, err
		}
		out := labelList{Results: []typeView{view(a)}}
		back := pairOf{e.to.index, e.from.index}
		if b := c.s.portal.links.typeBy(back, a.Category, a.Inverse); b != nil && b != a {
			out.Results = append(out.Results, view(b))
		}
		return out, nil
	})
}

func (s *Server) addLabel(e endpoints, name, label, inverse string) (*assocType, *apiError) {
	if label == "" || name == "" {
		return nil, invalid("Some required fields were not set: [label, name]")
	}
	s.plainOf(e.from, e.to)
	p, made := pairOf{e.from.index, e.to.index}, 0
	for _, t := range s.portal.links.types[p] {
		if t.Label == label || t.Name == name {
			return nil, newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "An association label %q already exists", label)
		}
		if t.Category == "USER_DEFINED" && !t.plain() {
			made++
		}
	}
	if made >= maxLabels {
		return nil, newError(statusLabelLimit, "VALIDATION_ERROR", "The maximum of %d association labels between %s and %s is reached", maxLabels, e.from.ID, e.to.ID)
	}
	a := s.portal.defineLink(e.from, e.to, "USER_DEFINED", label, or(inverse, label), stamp{s.now()})
	a.Name = name
	if b := s.portal.links.typeBy(pairOf{p.to, p.from}, a.Category, a.Inverse); b != nil {
		b.Name = name
	}
	return a, nil
}

// updateLabel answers PUT …/labels.
func updateLabel(c *call) *reply {
	var body struct {
		ID      int    `json:"associationTypeId"`
		Label   string `json:"label"`
		Inverse string `json:"inverseLabel"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.pair(http.StatusNoContent, func(e endpoints) (any, *apiError) {
		p := pairOf{e.from.index, e.to.index}
		a := c.s.portal.links.typeBy(p, "USER_DEFINED", body.ID)
		if a == nil || a.plain() {
			return nil, notFound("There is no label with type id %d", body.ID)
		}
		a.Label = or(body.Label, a.Label)
		if b := c.s.portal.links.typeBy(pairOf{p.to, p.from}, a.Category, a.Inverse); b != nil {
			b.Label = or(or(body.Inverse, body.Label), b.Label)
		}
		return nil, nil
	})
}

// deleteLabel answers DELETE …/labels/{typeId}: the label goes from every pair.
func deleteLabel(c *call) *reply {
	return c.pair(http.StatusNoContent, func(e endpoints) (any, *apiError) {
		links := &c.s.portal.links
		there, back := pairOf{e.from.index, e.to.index}, pairOf{e.to.index, e.from.index}
		a := links.typeBy(there, "USER_DEFINED", atoi(c.route.rest[3]))
		if a == nil || a.plain() {
			return nil, notFound("There is no label with type id %s", c.route.rest[3])
		}
		b := links.typeBy(back, a.Category, a.Inverse)
		gone := func(t *assocType) bool { return t == a || t == b }
		for _, p := range []pairOf{there, back} {
			links.types[p] = slices.DeleteFunc(links.types[p], gone)
		}
		for k, list := range links.edges {
			if k.pairOf == there || k.pairOf == back {
				for i := range list {
					list[i].types = slices.DeleteFunc(slices.Clone(list[i].types), gone)
				}
			}
		}
		return nil, nil
	})
}

// definitionMethods serves the limits configuration of associations (3.4): nothing is configured.
func definitionMethods([]string) methods {
	return methods{"GET": func(c *call) *reply { return c.json(http.StatusOK, map[string]any{"results": []any{}}) }}
}
