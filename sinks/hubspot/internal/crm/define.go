package crm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// CreateProperty makes a property of an object; one of that name is left as it is (API.md 3.5).
func (c *Client) CreateProperty(ctx context.Context, object string, definition any) error {
	return c.define(ctx, call{op: "create a property of " + object, path: join(c.paths.properties, []string{object})}, definition)
}

// CreatePropertyGroup makes a group of an object's properties; one of that name is left as it is.
func (c *Client) CreatePropertyGroup(ctx context.Context, object string, definition any) error {
	return c.define(ctx, call{op: "create a property group of " + object, path: join(c.paths.properties, []string{object, "groups"})}, definition)
}

// CreateLabel makes a label of the associations of two objects; one of that name is left as it is (API.md 3.4).
func (c *Client) CreateLabel(ctx context.Context, from, to string, definition any) error {
	return c.define(ctx, call{
		op: "create an association label of " + from + " and " + to, path: c.paths.association(from, to, "labels"), associations: true,
	}, definition)
}

// CreateSchema makes a custom object and returns its object type id; "" if there is one of that name already (API.md 3.6).
func (c *Client) CreateSchema(ctx context.Context, definition any) (id string, err error) {
	var made struct {
		ObjectTypeID text `json:"objectTypeId"`
	}
	err = c.define(ctx, call{op: "create a custom object", path: c.paths.schemas, decode: into(&made)}, definition)
	return string(made.ObjectTypeID), err
}

// define sends a definition. That what it defines exists already is no error.
func (c *Client) define(ctx context.Context, cl call, definition any) error {
	body, err := json.Marshal(definition)
	if err != nil {
		return err
	}
	cl.method, cl.body = http.MethodPost, body
	if cl.decode == nil {
		cl.decode = func(reply) error { return nil }
	}
	err = c.do(ctx, cl)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusConflict {
		return nil
	}
	return err
}
