package hubspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// provisionGroup is the property group that Provision puts properties into.
const provisionGroup = "sluice"

// Provision makes what needs name and the account doesn't have: custom objects, properties and labels. What exists is
// left as it is. It is meant for a fresh local account; in a real one an administrator decides what there is.
func Provision(ctx context.Context, conn *Connection, needs []Need) (err error) {
	connected, err := conn.Connect(ctx, pipeline.Env{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connected.Close()) }()
	p := &provisioner{portal: connected.(*portal), types: map[string]string{}}
	for _, need := range needs {
		if err := p.object(ctx, need); err != nil {
			return fmt.Errorf("provision %s: %w", need.Object, err)
		}
		if err := p.properties(ctx, need); err != nil {
			return fmt.Errorf("provision %s: %w", need.Object, err)
		}
	}
	for _, need := range needs { // after all objects
		if err := p.labels(ctx, need); err != nil {
			return fmt.Errorf("provision labels of %s: %w", need.Object, err)
		}
	}
	return nil
}

type provisioner struct {
	*portal
	types map[string]string // object to what paths call it
}

// object finds out what paths call an object, and makes it if it is nobody's.
func (p *provisioner) object(ctx context.Context, need Need) error {
	if p.types[need.Object] != "" {
		return nil
	}
	path, err := p.objectPath(ctx, "", need.Object)
	if _, unknown := errors.AsType[*pipeline.FieldError](err); unknown {
		path, err = p.CreateSchema(ctx, customSchema(need))
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
	object := p.types[need.Object]
	known, err := p.Properties(ctx, object)
	if err != nil {
		return err
	}
	grouped := false
	for _, property := range need.Properties {
		if slices.ContainsFunc(known, func(k crm.PropertyDefinition) bool { return k.Name == property.Name }) {
			continue
		}
		if !grouped {
			if err := p.CreatePropertyGroup(ctx, object, map[string]any{"name": provisionGroup, "label": "Sluice"}); err != nil {
				return err
			}
			grouped = true
		}
		if err := p.CreateProperty(ctx, object, definition(property)); err != nil {
			return err
		}
	}
	return nil
}

func definition(p NeedProperty) map[string]any {
	d := map[string]any{
		"name": p.Name, "label": p.Name, "groupName": provisionGroup, "type": p.Type, "fieldType": p.FieldType, "hasUniqueValue": p.Unique,
	}
	if p.Type == "bool" {
		d["options"] = []map[string]any{
			{"label": "Yes", "value": "true", "displayOrder": 0, "hidden": false},
			{"label": "No", "value": "false", "displayOrder": 1, "hidden": false},
		}
	}
	return d
}

func (p *provisioner) labels(ctx context.Context, need Need) error {
	for _, l := range need.Labels {
		if err := p.object(ctx, Need{Object: l.To}); err != nil {
			return err
		}
		from, to := p.types[need.Object], p.types[l.To]
		known, err := p.Labels(ctx, from, to)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(known, func(k crm.Label) bool { return k.Label == l.Label }) {
			continue
		}
		if err := p.CreateLabel(ctx, from, to, map[string]any{"label": l.Label, "name": labelName(l.Label)}); err != nil {
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
