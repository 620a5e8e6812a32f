package crm

import (
	"context"
	"time"
)

// Properties returns the definitions of all properties of an object that aren't archived.
func (c *Client) Properties(ctx context.Context, object string) ([]PropertyDefinition, error) {
	return nil, nil
}

// Schemas returns the custom objects.
func (c *Client) Schemas(ctx context.Context) ([]Schema, error) { return nil, nil }

// Owners returns the owners with that email address; all of them if email is "".
func (c *Client) Owners(ctx context.Context, email string) ([]Owner, error) { return nil, nil }

// Pipelines returns the pipelines of an object, with their stages.
func (c *Client) Pipelines(ctx context.Context, object string) ([]Pipeline, error) { return nil, nil }

// Account returns the account that the token belongs to.
func (c *Client) Account(ctx context.Context) (Account, error) { return Account{}, nil }

// A DailyUsage is how much of a day's requests an account's private apps have used.
type DailyUsage struct {
	Name     string
	Limit    int
	Used     int
	ResetsAt time.Time // zero if unknown
}

// DailyUsage returns the usage of the daily limit (not for OAuth apps).
func (c *Client) DailyUsage(ctx context.Context) ([]DailyUsage, error) { return nil, nil }
