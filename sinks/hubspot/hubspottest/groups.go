package hubspottest

import (
	"net/http"
	"slices"
)

// group finds a property group, or returns nil.
func (t *objectType) group(name string) *group {
	for _, g := range t.groups {
		if g.Name == name && !g.Archived {
			return g
		}
	}
	return nil
}

func noGroup(name string) *apiError { return notFound("Property group %s does not exist", name) }

func listGroups(c *call) *reply {
	return c.definition(http.StatusOK, func(t *objectType) (any, *apiError) {
		list := slices.DeleteFunc(slices.Clone(t.groups), func(g *group) bool { return g.Archived })
		return map[string]any{"results": list}, nil
	})
}

func createGroup(c *call) *reply {
	g := &group{DisplayOrder: -1}
	if err := c.decode(g); err != nil {
		return c.refuse(err)
	}
	return c.definition(http.StatusCreated, func(t *objectType) (any, *apiError) {
		switch {
		case g.Name == "" || g.Label == "":
			return nil, invalid("Some required fields were not set: [label, name]")
		case t.group(g.Name) != nil:
			return nil, newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property group named '%s' already exists.", g.Name).with("name", g.Name)
		}
		g.Archived = false
		t.groups = append(t.groups, g)
		return g, nil
	})
}

func readGroup(c *call) *reply {
	return c.definition(http.StatusOK, func(t *objectType) (any, *apiError) {
		if g := t.group(c.route.rest[2]); g != nil {
			return g, nil
		}
		return nil, noGroup(c.route.rest[2])
	})
}

func updateGroup(c *call) *reply {
	var body struct {
		Label *string `json:"label"`
		Order *int    `json:"displayOrder"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.definition(http.StatusOK, func(t *objectType) (any, *apiError) {
		g := t.group(c.route.rest[2])
		if g == nil {
			return nil, noGroup(c.route.rest[2])
		}
		assign(&g.Label, body.Label)
		assign(&g.DisplayOrder, body.Order)
		return g, nil
	})
}

func deleteGroup(c *call) *reply {
	return c.definition(http.StatusNoContent, func(t *objectType) (any, *apiError) {
		g := t.group(c.route.rest[2])
		if g == nil {
			return nil, noGroup(c.route.rest[2])
		}
		if slices.ContainsFunc(t.order, func(p *property) bool { return p.GroupName == g.Name && !p.Archived }) {
			return nil, invalid("Property group %s has properties and can't be deleted", g.Name)
		}
		g.Archived = true
		return nil, nil
	})
}
