package hubspot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// provisionGroup is the property group that Provision puts properties into whose group isn't said.
const provisionGroup = "sluice"

// maxUnique is how many properties of an object may be unique (API.md section 3.5).
const maxUnique = 10

// A Step is one thing that Provision makes.
type Step struct {
	Make    string   `json:"make"` // "object", "group", "property" or "label"
	Object  string   `json:"object"`
	Name    string   `json:"name,omitempty"`
	Type    string   `json:"type,omitempty"`
	Unique  bool     `json:"unique,omitempty"`
	Options []string `json:"options,omitempty"`
	To      string   `json:"to,omitempty"`      // of a label: the object at the other end
	Similar string   `json:"similar,omitempty"` // of a property or an object: one that exists, and whose name is nearly the same
	Account string   `json:"account"`           // where it is made, such as "hubspot portal 62515"
}

// Provision makes what needs name and the account doesn't have: custom objects, property groups, properties and labels.
// What exists is left as it is, also if somebody else has made it meanwhile.
func Provision(ctx context.Context, conn *Connection, needs []Need) error {
	_, err := provision(ctx, conn, needs, false)
	return err
}

// Survey returns what Provision would make, and an error for each thing that exists, but not as it is needed. Nothing is
// written.
func Survey(ctx context.Context, conn *Connection, needs []Need) ([]Step, error) {
	return provision(ctx, conn, needs, true)
}

func provision(ctx context.Context, conn *Connection, needs []Need, survey bool) (_ []Step, err error) {
	connected, err := conn.Connect(ctx, pipeline.Env{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, connected.Close()) }()
	p := &provisioner{portal: connected.(*portal), survey: survey, types: map[string]string{}, groups: map[string][]string{}}
	for _, need := range needs {
		if err := p.object(ctx, need); err != nil {
			return nil, fmt.Errorf("provision %s: %w", need.Object, explain(err))
		}
		if err := p.properties(ctx, need); err != nil {
			return nil, fmt.Errorf("provision %s: %w", need.Object, explain(err))
		}
	}
	for _, need := range needs { // after all objects
		if err := p.labels(ctx, need); err != nil {
			return nil, fmt.Errorf("provision labels of %s: %w", need.Object, explain(err))
		}
	}
	if err := p.sign(ctx); err != nil {
		return nil, err
	}
	return p.steps, errors.Join(p.wrong...)
}

// sign says in which account the steps are: a token of another one is easily taken, and what was made isn't easily undone.
func (p *provisioner) sign(ctx context.Context) error {
	if !p.survey || len(p.steps) == 0 {
		return nil
	}
	account, err := p.name(ctx)
	for i := range p.steps {
		p.steps[i].Account = account
	}
	return err
}

type provisioner struct {
	*portal
	survey bool                // note only what is to be made
	types  map[string]string   // object to what paths call it; "" where it is to be made
	groups map[string][]string // of objects that were asked for them
	steps  []Step
	wrong  []error // what exists, but not as it is needed
}

// make makes something, or notes that it is to be made.
func (p *provisioner) make(s Step, now func() error) error {
	if slices.ContainsFunc(p.steps, func(have Step) bool {
		return have.Make == s.Make && have.Object == s.Object && have.Name == s.Name && have.To == s.To
	}) {
		return nil
	}
	p.steps = append(p.steps, s)
	if p.survey {
		return nil
	}
	return now()
}

// object finds out what paths call an object, and makes it if it is nobody's.
func (p *provisioner) object(ctx context.Context, need Need) error {
	if _, known := p.types[need.Object]; known {
		return nil
	}
	path, err := p.objectPath(ctx, "", need.Object)
	if unknown, ok := errors.AsType[*pipeline.FieldError](err); ok {
		path = ""
		similar := pipeline.Nearest(need.Object, sortedKeys(standardObjects))
		err = p.make(Step{Make: "object", Object: need.Object, Similar: similar}, func() (err error) {
			path, err = p.CreateSchema(ctx, customSchema(need))
			if err == nil && path == "" { // one of HubSpot's own, by a name that paths don't take
				err = fieldError("", unknown.Hint, "%w, and HubSpot doesn't let one of that name be made", unknown)
			}
			return err
		})
	}
	p.types[need.Object] = path
	return err
}

// customSchema describes an object with a display property only: the others are added like those of any object.
func customSchema(need Need) any {
	type object = map[string]any
	primary := "name"
	for _, property := range need.Properties {
		if property.Name == primary && property.Unique {
			primary = "title"
		}
	}
	return object{
		"name": need.Object, "labels": object{"singular": need.Object, "plural": need.Object},
		"primaryDisplayProperty": primary, "requiredProperties": []string{}, "searchableProperties": []string{},
		"secondaryDisplayProperties": []string{}, "associatedObjects": []string{}, "allowsSensitiveProperties": false,
		"shouldCreateSameObjectAssociation": true,
		"properties":                        []object{{"name": primary, "label": primary, "type": "string", "fieldType": "text"}},
	}
}

func (p *provisioner) properties(ctx context.Context, need Need) error {
	if len(need.Properties) == 0 {
		return nil
	}
	known := &catalogue{object: need.Object, path: p.types[need.Object], properties: map[string]crm.PropertyDefinition{}}
	if known.path != "" {
		var err error
		if known, err = p.catalogueOf(ctx, need.Object, known.path); err != nil {
			return err
		}
	}
	unique := len(known.names(func(d crm.PropertyDefinition) bool { return d.HasUniqueValue && !d.ReadOnly }))
	for _, property := range need.Properties {
		if d, there := known.properties[property.Name]; there {
			p.compare(known, d, property)
			continue
		}
		if property.Type == "enumeration" && len(property.Options) == 0 {
			p.wrong = append(p.wrong, fmt.Errorf("%s.%s can't be made: translate takes its values for labels of options, and the file doesn't name any; declare them by properties: { %s: { type: enumeration, options: [one, two] } }",
				need.Object, property.Name, property.Name))
			continue
		}
		if property.Unique {
			unique++
		}
		if err := p.property(ctx, known, property); err != nil {
			return err
		}
	}
	if unique > maxUnique {
		p.wrong = append(p.wrong, fmt.Errorf("%s would have %d unique properties, but may have %d: make do with fewer", need.Object, unique, maxUnique))
	}
	return nil
}

// compare notes where a property that exists isn't what is needed.
func (p *provisioner) compare(known *catalogue, d crm.PropertyDefinition, need NeedProperty) {
	wrong := func(format string, args ...any) {
		p.wrong = append(p.wrong, fmt.Errorf("%s.%s is there already, but "+format, append([]any{known.object, need.Name}, args...)...))
	}
	if need.Unique && !known.unique(d) {
		wrong("isn't unique, and can't be made so: name another property; or, if nothing needs its values, delete it in HubSpot, and have it made again under another internal name")
	}
	if need.Declared && d.Type != need.Type {
		wrong("its type is %s, and the file declares %s: correct the file, or change it in HubSpot", d.Type, need.Type)
	}
	for _, option := range need.Options {
		if !d.ExternalOptions && !slices.ContainsFunc(d.Options, func(o crm.Option) bool { return o.Value == option }) {
			wrong("has no option %q, which the file declares: add it in HubSpot, or correct the file", option)
		}
	}
}

// property makes a property, and its group.
func (p *provisioner) property(ctx context.Context, known *catalogue, property NeedProperty) error {
	object, group, label := known.path, cmp.Or(property.Group, provisionGroup), cmp.Or(property.Group, "Sluice")
	there, err := p.hasGroup(ctx, object, group)
	if err == nil && !there {
		err = p.make(Step{Make: "group", Object: known.object, Name: group}, func() error {
			return p.CreatePropertyGroup(ctx, object, map[string]any{"name": group, "label": label})
		})
	}
	if err != nil {
		return err
	}
	step := Step{Make: "property", Object: known.object, Name: property.Name, Type: property.Type, Unique: property.Unique, Options: property.Options}
	step.Similar = pipeline.Nearest(property.Name, known.names(writable))
	return p.make(step, func() error { return p.CreateProperty(ctx, object, definition(property, group)) })
}

func (p *provisioner) hasGroup(ctx context.Context, object, group string) (bool, error) {
	if object == "" {
		return false, nil
	}
	if p.groups[object] == nil {
		groups, err := p.PropertyGroups(ctx, object)
		if err != nil {
			return false, err
		}
		p.groups[object] = groups
	}
	return slices.Contains(p.groups[object], group), nil
}

func definition(p NeedProperty, group string) map[string]any {
	d := map[string]any{
		"name": p.Name, "label": cmp.Or(p.Label, p.Name), "groupName": group, "type": p.Type, "fieldType": p.FieldType, "hasUniqueValue": p.Unique,
	}
	if p.Type == "bool" {
		d["options"] = []map[string]any{
			{"label": "Yes", "value": "true", "displayOrder": 0, "hidden": false},
			{"label": "No", "value": "false", "displayOrder": 1, "hidden": false},
		}
	}
	var options []map[string]any
	for i, o := range p.Options {
		options = append(options, map[string]any{"label": o, "value": o, "displayOrder": i, "hidden": false})
	}
	if options != nil {
		d["options"] = options
	}
	return d
}

func (p *provisioner) labels(ctx context.Context, need Need) error {
	for _, l := range need.Labels {
		if err := p.object(ctx, Need{Object: l.To}); err != nil {
			return err
		}
		from, to := p.types[need.Object], p.types[l.To]
		var known []crm.Label
		if from != "" && to != "" {
			var err error
			if known, err = p.Labels(ctx, from, to); err != nil {
				return err
			}
		}
		if _, there := findType(known, l.Label); there {
			continue
		}
		err := p.make(Step{Make: "label", Object: need.Object, To: l.To, Name: l.Label}, func() error {
			return p.CreateLabel(ctx, from, to, map[string]any{"label": l.Label, "name": labelName(l.Label)})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// labelName makes the internal name of a label.
func labelName(label string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(label))
}
