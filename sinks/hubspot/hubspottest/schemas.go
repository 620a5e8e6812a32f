package hubspottest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func schemaMethods(p []string) methods {
	switch {
	case len(p) == 0:
		return methods{"GET": listSchemas, "POST": createSchema}
	case len(p) == 1:
		return methods{"GET": readSchema, "PATCH": updateSchema, "DELETE": deleteSchema}
	case len(p) == 2 && p[1] == "associations":
		return methods{"POST": associateSchema}
	case len(p) == 2 && p[0] == "batch" && p[1] == "read":
		return methods{"POST": batchReadSchemas}
	}
	return nil
}

// A schemaView is a schema as HubSpot shows it (3.6).
type schemaView struct {
	ID           string            `json:"id"`
	TypeID       string            `json:"objectTypeId"`
	FQN          string            `json:"fullyQualifiedName,omitempty"`
	Name         string            `json:"name"`
	Labels       map[string]string `json:"labels"`
	Required     []string          `json:"requiredProperties"`
	Primary      string            `json:"primaryDisplayProperty"`
	Properties   []*property       `json:"properties"`
	Associations []schemaLink      `json:"associations"`
	Archived     bool              `json:"archived"`
	Created      stamp             `json:"createdAt"`
	Updated      stamp             `json:"updatedAt"`
}

type schemaLink struct {
	ID   string `json:"id"`
	From string `json:"fromObjectTypeId"`
	To   string `json:"toObjectTypeId"`
	Name string `json:"name"`
}

func (s *Server) schema(t *objectType) schemaView {
	v := schemaView{
		ID: t.ID[2:], TypeID: t.ID, FQN: t.fqn, Name: t.Singular, Required: t.Required, Primary: t.Primary,
		Labels:     map[string]string{"singular": t.Label, "plural": t.Name},
		Properties: t.order, Associations: []schemaLink{}, Archived: t.archived, Created: stamp{t.created}, Updated: stamp{t.created},
	}
	if v.Required == nil {
		v.Required = []string{}
	}
	for _, to := range s.portal.types {
		for _, a := range s.portal.links.types[pairOf{t.index, to.index}] {
			v.Associations = append(v.Associations, schemaLink{fmt.Sprint(a.ID), t.ID, to.ID, or(a.Name, t.Singular+"_to_"+to.Singular)})
		}
	}
	return v
}

func listSchemas(c *call) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	list := []schemaView{}
	for _, t := range c.s.portal.types {
		if t.Custom && t.archived == c.flag("archived") {
			list = append(list, c.s.schema(t))
		}
	}
	return c.json(http.StatusOK, map[string]any{"results": list})
}

// newSchema is the body of a create.
type newSchema struct {
	Name       string            `json:"name"`
	Labels     map[string]string `json:"labels"`
	Required   []string          `json:"requiredProperties"`
	Primary    string            `json:"primaryDisplayProperty"`
	Properties []json.RawMessage `json:"properties"`
	Associated []string          `json:"associatedObjects"`
}

// createSchema answers POST …/schemas: a custom object type 2-<n>.
func createSchema(c *call) *reply {
	var body newSchema
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, err := c.s.addSchema(c, body)
	if err != nil {
		return c.refuse(err)
	}
	return c.json(http.StatusCreated, c.s.schema(t))
}

func (s *Server) addSchema(c *call, body newSchema) (*objectType, *apiError) {
	switch {
	case body.Name == "" || len(body.Properties) == 0:
		return nil, invalid("Some required fields were not set: [name, properties]")
	case s.portal.byName[strings.ToLower(body.Name)] != nil || s.portal.byName["p_"+strings.ToLower(body.Name)] != nil:
		return nil, newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "An object named %s already exists", body.Name)
	}
	s.portal.lastType++
	t := &objectType{
		ID: fmt.Sprintf("2-%d", s.portal.lastType), Name: fmt.Sprintf("p%d_%s", s.portal.id, body.Name), Singular: body.Name,
		Custom: true, Label: or(body.Labels["singular"], body.Name), Primary: body.Primary, Required: body.Required,
	}
	s.portal.add(t, c.now)
	t.defineStandard(c.now)
	for _, raw := range body.Properties {
		if _, err := s.addProperty(c, t, withGroup(raw, t.groups[0].Name)); err != nil && err.SubCategory == "" {
			s.portal.drop(t)
			return nil, err
		}
	}
	for _, name := range body.Associated {
		if to := s.portal.resolve(name); to != nil {
			s.plainOf(t, to)
		}
	}
	return t, nil
}

// drop takes back the type that was added last.
func (p *portal) drop(t *objectType) {
	p.types = p.types[:len(p.types)-1]
	for name, have := range p.byName {
		if have == t {
			delete(p.byName, name)
		}
	}
}

// withGroup gives the properties of a new schema their group.
func withGroup(raw json.RawMessage, name string) json.RawMessage {
	var p map[string]any
	if json.Unmarshal(raw, &p) != nil || p["groupName"] != nil {
		return raw
	}
	p["groupName"] = name
	out, err := json.Marshal(p)
	if err != nil {
		return raw
	}
	return out
}

func (c *call) aSchema(status int, fn func(*objectType) (any, *apiError)) *reply {
	return c.answer(status, func() (any, *apiError) {
		t := c.s.portal.resolve(c.route.rest[0])
		if t == nil {
			return nil, notFound("There is no object type %s", c.route.rest[0])
		}
		return fn(t)
	})
}

func readSchema(c *call) *reply {
	return c.aSchema(http.StatusOK, func(t *objectType) (any, *apiError) { return c.s.schema(t), nil })
}

func updateSchema(c *call) *reply {
	var body struct {
		Labels   map[string]string `json:"labels"`
		Required []string          `json:"requiredProperties"`
		Primary  *string           `json:"primaryDisplayProperty"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.aSchema(http.StatusOK, func(t *objectType) (any, *apiError) {
		assign(&t.Primary, body.Primary)
		t.Label = or(body.Labels["singular"], t.Label)
		if body.Required != nil {
			t.Required = body.Required
		}
		return c.s.schema(t), nil
	})
}

func deleteSchema(c *call) *reply {
	return c.aSchema(http.StatusNoContent, func(t *objectType) (any, *apiError) {
		for _, r := range t.records {
			if r.archived == 0 {
				return nil, invalid("%s has records and can't be deleted", t.ID)
			}
		}
		if !t.Custom {
			return nil, invalid("%s is defined by HubSpot and can't be deleted", t.ID)
		}
		t.archived = true
		return nil, nil
	})
}

// associateSchema answers POST …/{type}/associations.
func associateSchema(c *call) *reply {
	var body schemaLink
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.aSchema(http.StatusCreated, func(t *objectType) (any, *apiError) {
		to, err := c.typeOf(body.To)
		if err != nil {
			return nil, err
		}
		a := c.s.plainOf(t, to)
		a.Name = or(body.Name, a.Name)
		return schemaLink{fmt.Sprint(a.ID), t.ID, to.ID, a.Name}, nil
	})
}

func batchReadSchemas(c *call) *reply {
	var body struct {
		Inputs []string `json:"inputs"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	list := []schemaView{}
	for _, name := range body.Inputs {
		if t := c.s.portal.resolve(name); t != nil {
			list = append(list, c.s.schema(t))
		}
	}
	return c.json(http.StatusOK, map[string]any{"status": "COMPLETE", "results": list, "startedAt": stamp{c.now}, "completedAt": stamp{c.now}})
}
