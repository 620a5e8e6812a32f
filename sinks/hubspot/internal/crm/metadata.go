package crm

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// list gets all results of a collection, page by page where it has pages.
func list[T any](ctx context.Context, c *Client, cl call) ([]T, error) {
	cl.method, cl.safe = http.MethodGet, true
	path, after := cl.path, ""
	var all []T
	for {
		var page struct {
			Results []T `json:"results"`
			Paging  struct {
				Next struct {
					After text `json:"after"`
				} `json:"next"`
			} `json:"paging"`
		}
		whole := into(&page)
		cl.decode = func(r reply) error {
			if err := whole(r); err != nil || len(page.Results) > 0 || !cl.some {
				return err
			}
			return errEmpty
		}
		if err := c.do(ctx, cl); err != nil {
			return nil, err
		}
		all = append(all, page.Results...)
		next := string(page.Paging.Next.After)
		if next == "" || next == after {
			return all, nil
		}
		after = next
		cl.path = withQuery(path, "after", after)
	}
}

func withQuery(path, name, value string) string {
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	return path + mark + name + "=" + url.QueryEscape(value)
}

// Properties returns the definitions of all properties of an object that aren't archived. Every object has some: an answer
// that holds none is asked for again, before a pipeline is told that its properties don't exist.
func (c *Client) Properties(ctx context.Context, object string) ([]PropertyDefinition, error) {
	wire, err := list[propertyWire](ctx, c, call{op: "list properties of " + object, path: join(c.paths.properties, []string{object}), some: true})
	all := make([]PropertyDefinition, 0, len(wire))
	for i := range wire {
		all = append(all, wire[i].definition())
	}
	return all, err
}

// PropertyGroups returns the internal names of the groups of an object's properties (API.md 3.5).
func (c *Client) PropertyGroups(ctx context.Context, object string) ([]string, error) {
	wire, err := list[struct {
		Name string `json:"name"`
	}](ctx, c, call{op: "list property groups of " + object, path: join(c.paths.properties, []string{object, "groups"})})
	names := make([]string, len(wire))
	for i := range wire {
		names[i] = wire[i].Name
	}
	return names, err
}

type propertyWire struct {
	Name            string `json:"name"`
	Label           string `json:"label"`
	Type            string `json:"type"`
	FieldType       string `json:"fieldType"`
	HasUniqueValue  bool   `json:"hasUniqueValue"`
	Calculated      bool   `json:"calculated"`
	ExternalOptions bool   `json:"externalOptions"`
	Archived        bool   `json:"archived"`
	Modification    struct {
		ReadOnlyValue bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`
	Options []struct {
		Label text `json:"label"`
		Value text `json:"value"`
	} `json:"options"`
}

func (w *propertyWire) definition() PropertyDefinition {
	p := PropertyDefinition{
		Name: w.Name, Label: w.Label, Type: w.Type, FieldType: w.FieldType,
		HasUniqueValue: w.HasUniqueValue, ReadOnly: w.Calculated || w.Modification.ReadOnlyValue,
		ExternalOptions: w.ExternalOptions, Archived: w.Archived,
	}
	for _, o := range w.Options {
		p.Options = append(p.Options, Option{Label: string(o.Label), Value: string(o.Value)})
	}
	return p
}

// Schemas returns the custom objects.
func (c *Client) Schemas(ctx context.Context) ([]Schema, error) {
	type schemaWire struct {
		ObjectTypeID       text   `json:"objectTypeId"`
		Name               string `json:"name"`
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Labels             struct {
			Singular string `json:"singular"`
			Plural   string `json:"plural"`
		} `json:"labels"`
	}
	wire, err := list[schemaWire](ctx, c, call{op: "list custom objects", path: c.paths.schemas})
	all := make([]Schema, 0, len(wire))
	for _, w := range wire {
		all = append(all, Schema{
			ID: string(w.ObjectTypeID), Name: w.Name, FullyQualifiedName: w.FullyQualifiedName,
			Singular: w.Labels.Singular, Plural: w.Labels.Plural,
		})
	}
	return all, err
}

// Owners returns all owners.
func (c *Client) Owners(ctx context.Context) ([]Owner, error) {
	type ownerWire struct {
		ID       text   `json:"id"`
		Email    string `json:"email"`
		Archived bool   `json:"archived"`
	}
	wire, err := list[ownerWire](ctx, c, call{op: "list owners", path: withQuery(c.paths.owners, "limit", "100")})
	all := make([]Owner, 0, len(wire))
	for _, w := range wire {
		all = append(all, Owner{ID: string(w.ID), Email: w.Email, Archived: w.Archived})
	}
	return all, err
}

// Pipelines returns the pipelines of an object, with their stages.
func (c *Client) Pipelines(ctx context.Context, object string) ([]Pipeline, error) {
	type stageWire struct {
		ID    text   `json:"id"`
		Label string `json:"label"`
	}
	type pipelineWire struct {
		stageWire
		Stages []stageWire `json:"stages"`
	}
	wire, err := list[pipelineWire](ctx, c, call{op: "list pipelines of " + object, path: join(c.paths.pipelines, []string{object})})
	all := make([]Pipeline, 0, len(wire))
	for _, w := range wire {
		p := Pipeline{ID: string(w.ID), Label: w.Label}
		for _, s := range w.Stages {
			p.Stages = append(p.Stages, Stage{ID: string(s.ID), Label: s.Label})
		}
		all = append(all, p)
	}
	return all, err
}

// Account returns the account that the token belongs to. Its time zone is remembered, for the daily limit.
func (c *Client) Account(ctx context.Context) (Account, error) {
	var wire struct {
		PortalID text   `json:"portalId"`
		TimeZone string `json:"timeZone"`
	}
	err := c.do(ctx, call{
		op: "read account", method: http.MethodGet, path: c.paths.account + "/details", safe: true,
		decode: into(&wire),
	})
	if err != nil {
		return Account{}, err
	}
	if wire.PortalID == "" {
		return Account{}, &Error{Op: "read account", Message: "the answer names no portal", Effect: NoEffect}
	}
	c.gate.setZone(wire.TimeZone)
	return Account{PortalID: string(wire.PortalID)}, nil
}
