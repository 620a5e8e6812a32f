package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// provisionGroup is the property group that Provision puts properties into.
const provisionGroup = "sluice"

// Provision makes what needs name and the account doesn't have: custom objects, properties and labels. What exists is
// left as it is. It is meant for a fresh local account; in a real one an administrator decides what there is.
func Provision(ctx context.Context, conn *Connection, needs []Need) error {
	p := &provisioner{conn: conn, http: &http.Client{Timeout: conn.timeout()}, types: map[string]string{}}
	defer p.http.CloseIdleConnections()
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
	conn  *Connection
	http  *http.Client
	types map[string]string // object to what paths call it
}

// object finds out what paths call an object, and makes it if it is nobody's.
func (p *provisioner) object(ctx context.Context, need Need) error {
	if path, ok := standardObjects[strings.ToLower(need.Object)]; ok || objectTypeID.MatchString(need.Object) {
		if !ok {
			path = need.Object
		}
		p.types[need.Object] = path
		return nil
	}
	var known struct {
		Results []struct{ ObjectTypeID, Name, FullyQualifiedName string }
	}
	if err := p.do(ctx, http.MethodGet, p.path("schemas"), nil, &known); err != nil {
		return err
	}
	for _, s := range known.Results {
		if strings.EqualFold(s.Name, need.Object) || strings.EqualFold(s.FullyQualifiedName, need.Object) {
			p.types[need.Object] = s.ObjectTypeID
			return nil
		}
	}
	var made struct{ ObjectTypeID string }
	if err := p.do(ctx, http.MethodPost, p.path("schemas"), customSchema(need), &made); err != nil {
		return err
	}
	p.types[need.Object] = made.ObjectTypeID
	return nil
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
	base := p.path("properties", p.types[need.Object])
	var known struct{ Results []struct{ Name string } }
	if err := p.do(ctx, http.MethodGet, base, nil, &known); err != nil {
		return err
	}
	exists := map[string]bool{}
	for _, property := range known.Results {
		exists[property.Name] = true
	}
	grouped := false
	for _, property := range need.Properties {
		if exists[property.Name] {
			continue
		}
		if !grouped {
			if err := p.do(ctx, http.MethodPost, base+"/groups", map[string]any{"name": provisionGroup, "label": "Sluice"}, nil); err != nil {
				return err
			}
			grouped = true
		}
		if err := p.do(ctx, http.MethodPost, base, definition(property), nil); err != nil {
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
		to, ok := p.types[l.To]
		if !ok {
			if err := p.object(ctx, Need{Object: l.To}); err != nil {
				return err
			}
			to = p.types[l.To]
		}
		base := p.path("associations", p.types[need.Object], to, "labels")
		var known struct{ Results []struct{ Label string } }
		if err := p.do(ctx, http.MethodGet, base, nil, &known); err != nil {
			return err
		}
		exists := false
		for _, k := range known.Results {
			exists = exists || k.Label == l.Label
		}
		if exists {
			continue
		}
		if err := p.do(ctx, http.MethodPost, base, map[string]any{"label": l.Label, "name": labelName(l.Label)}, nil); err != nil {
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

// path returns a path of the connection's version (API.md section 1.2).
func (p *provisioner) path(resource string, segments ...string) string {
	version := p.conn.APIVersion
	if version == "" {
		version = crm.DefaultVersion
	}
	start := map[string]string{
		"schemas": "/crm-object-schemas/" + version + "/schemas", "properties": "/crm/properties/" + version, "associations": "/crm/associations/" + version,
	}
	if version == "v3" {
		start["properties"], start["associations"] = "/crm/v3/properties", "/crm/v4/associations"
	}
	path := start[resource]
	for _, s := range segments {
		path += "/" + url.PathEscape(s)
	}
	return path
}

// do makes one request and decodes its answer into out. A 409 says that the thing exists, which is fine.
func (p *provisioner) do(ctx context.Context, method, path string, body, out any) error {
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(p.conn.BaseURL, "/")+path, payload)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.conn.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case resp.StatusCode == http.StatusConflict:
		return nil
	case resp.StatusCode >= 300:
		return fmt.Errorf("%s %s: hubspot answered %d: %s", method, path, resp.StatusCode, pipeline.Quote(string(answer)))
	case out == nil:
		return nil
	}
	return json.Unmarshal(answer, out)
}
