package hubspottest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// maxUnique is how many unique properties may be added to an object type (3.5).
const maxUnique = 10

func propertyMethods(p []string) methods {
	switch {
	case len(p) == 1:
		return methods{"GET": listProperties, "POST": createProperty}
	case len(p) == 2 && p[1] == "groups":
		return methods{"GET": listGroups, "POST": createGroup}
	case len(p) == 2:
		return methods{"GET": readProperty, "PATCH": updateProperty, "DELETE": archiveProperty}
	case len(p) == 3 && p[1] == "groups":
		return methods{"GET": readGroup, "PATCH": updateGroup, "DELETE": deleteGroup}
	case len(p) == 3 && p[1] == "batch":
		switch p[2] {
		case "create":
			return methods{"POST": batchCreateProperties}
		case "read":
			return methods{"POST": batchReadProperties}
		case "archive":
			return methods{"POST": batchArchiveProperties}
		}
	}
	return nil
}

// definition runs fn with the lock and the path's object type, and answers with what it returns.
func (c *call) definition(status int, fn func(*objectType) (any, *apiError)) *reply {
	return c.answer(status, func() (any, *apiError) {
		t, err := c.typeOf(c.route.rest[0])
		if err != nil {
			return nil, err
		}
		return fn(t)
	})
}

func listProperties(c *call) *reply {
	archived := c.flag("archived")
	return c.definition(http.StatusOK, func(t *objectType) (any, *apiError) {
		list := []*property{}
		for _, p := range t.order {
			if p.Archived == archived && (p.Defined || c.now.Sub(p.Created.Time) >= c.s.opt.Switches.DefinitionLag) {
				list = append(list, p)
			}
		}
		return map[string]any{"results": list}, nil
	})
}

func noProperty(name string) *apiError {
	return notFound("Property %s does not exist", name).with("name", name)
}

func readProperty(c *call) *reply {
	return c.definition(http.StatusOK, func(t *objectType) (any, *apiError) {
		p := t.props[c.route.rest[1]]
		if p == nil || p.Archived != c.flag("archived") {
			return nil, noProperty(c.route.rest[1])
		}
		return p, nil
	})
}

var (
	propertyTypes = strings.Fields("bool date datetime enumeration number phone_number string")
	fieldTypes    = strings.Fields("booleancheckbox calculation_equation checkbox date file html number phonenumber radio select text textarea")
	propertyName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// addProperty checks and defines a property. The name of an archived one restores it.
func (s *Server) addProperty(c *call, t *objectType, raw json.RawMessage) (*property, *apiError) {
	p := &property{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, invalidJSON(raw, err)
	}
	if err := s.checkProperty(c, t, p, raw); err != nil {
		return nil, err
	}
	if old := t.props[p.Name]; old != nil {
		if !old.Archived {
			e := newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property named '%s' already exists.", p.Name)
			return nil, e.sub("Properties.PROPERTY_WITH_NAME_EXISTS").with("name", p.Name)
		}
		old.Archived = false
		return old, nil
	}
	if p.Unique && t.customUnique() >= maxUnique {
		return nil, invalid("The maximum of %d unique properties of %s is reached", maxUnique, t.ID)
	}
	*p = property{
		Name: p.Name, Label: p.Label, Type: p.Type, FieldType: p.FieldType, Description: p.Description, GroupName: p.GroupName,
		Options: p.Options, DisplayOrder: p.DisplayOrder, Unique: p.Unique, Hidden: p.Hidden, FormField: p.FormField,
		External: p.External, Formula: p.Formula, Calculated: p.FieldType == "calculation_equation", Sensitivity: p.Sensitivity,
	}
	p.Modification.Archivable = true
	p.Modification.ReadValue = p.Calculated
	return t.define(p, c.now), nil
}

func (s *Server) checkProperty(c *call, t *objectType, p *property, raw json.RawMessage) *apiError {
	var missing []string
	for name, v := range map[string]string{"name": p.Name, "label": p.Label, "type": p.Type, "fieldType": p.FieldType, "groupName": p.GroupName} {
		if v == "" {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	switch {
	case missing != nil:
		return invalid("Invalid input JSON on line 1, column 1: Some required fields were not set: [%s]", strings.Join(missing, ", "))
	case !propertyName.MatchString(p.Name):
		return invalid("Property name '%s' is not valid: it must start with a letter and hold lower case letters, digits and underscores only", p.Name)
	case !slices.Contains(propertyTypes, p.Type):
		return invalid("Invalid property type: %s", p.Type)
	case !slices.Contains(fieldTypes, p.FieldType):
		return invalid("Invalid property field type: %s", p.FieldType)
	case !slices.ContainsFunc(t.groups, func(g *group) bool { return g.Name == p.GroupName && !g.Archived }):
		return invalid("Property group %s does not exist", p.GroupName)
	case p.Unique && p.Type != "string" && p.Type != "number":
		return invalid("A unique property must be of type string or number, not %s", p.Type)
	case p.Unique && t.activity() && s.opt.Switches.NoActivityKeys:
		return invalid("Unique properties are not available for %s", t.Name)
	case p.Type == "bool" && len(p.Options) > 0 && len(p.Options) != 2:
		return invalid("A bool property must have exactly two options")
	case (c.route.version == "2026-03" || c.route.version == "2026-09") && orderMissing(raw):
		return invalid("Invalid input JSON on line 1, column 1: Some required fields were not set: [displayOrder]") // 1.3
	}
	return nil
}

// orderMissing returns whether an option has no displayOrder.
func orderMissing(raw json.RawMessage) bool {
	var body struct {
		Options []struct {
			Order *int `json:"displayOrder"`
		} `json:"options"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return false
	}
	for _, o := range body.Options {
		if o.Order == nil {
			return true
		}
	}
	return false
}

func createProperty(c *call) *reply {
	return c.definition(http.StatusCreated, func(t *objectType) (any, *apiError) { return c.s.addProperty(c, t, c.body) })
}

// updateProperty answers PATCH …/{name}. hasUniqueValue never changes; options replace the whole list (3.5).
func updateProperty(c *call) *reply {
	var body struct {
		Label       *string  `json:"label"`
		Description *string  `json:"description"`
		GroupName   *string  `json:"groupName"`
		FieldType   *string  `json:"fieldType"`
		Options     []option `json:"options"`
		Hidden      *bool    `json:"hidden"`
		FormField   *bool    `json:"formField"`
		Order       *int     `json:"displayOrder"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.definition(http.StatusOK, func(t *objectType) (any, *apiError) {
		p := t.find(c.route.rest[1])
		if p == nil {
			return nil, noProperty(c.route.rest[1])
		}
		assign(&p.Label, body.Label)
		assign(&p.Description, body.Description)
		assign(&p.GroupName, body.GroupName)
		assign(&p.FieldType, body.FieldType)
		assign(&p.Hidden, body.Hidden)
		assign(&p.FormField, body.FormField)
		assign(&p.DisplayOrder, body.Order)
		if body.Options != nil {
			p.Options = body.Options
		}
		p.Updated = stamp{c.now}
		return p, nil
	})
}

func assign[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

// dropProperty archives a property. Built-in ones can't be archived, nor those that a schema needs.
func (s *Server) dropProperty(t *objectType, name string) *apiError {
	p := t.find(name)
	switch {
	case p == nil:
		return noProperty(name)
	case p.Defined:
		return invalid("Property %s is defined by HubSpot and can't be deleted", name)
	case slices.Contains(t.Required, name) || t.Primary == name:
		return invalid("Property %s is in use and can't be deleted", name).sub("PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE").with("name", name)
	}
	p.Archived = true
	return nil
}

func archiveProperty(c *call) *reply {
	return c.definition(http.StatusNoContent, func(t *objectType) (any, *apiError) {
		return nil, c.s.dropProperty(t, c.route.rest[1])
	})
}
