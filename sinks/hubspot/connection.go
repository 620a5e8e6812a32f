package hubspot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// ConnectionKind is a HubSpot account, with the credentials of one app.
var ConnectionKind = pipeline.Kind[pipeline.ConnectionConfig]{
	Name:    "hubspot",
	Doc:     "A HubSpot account, reached with the token of a private app or service key, or as an OAuth app.",
	Example: `hubspot: { access_token: "${HUBSPOT_ACCESS_TOKEN}" }`,
	New: func() pipeline.ConnectionConfig {
		return &Connection{BaseURL: crm.DefaultBaseURL, APIVersion: crm.DefaultVersion, Timeout: crm.DefaultTimeout, Landing: 10 * time.Second}
	},
}

// A Connection says how to reach a HubSpot account.
type Connection struct {
	AccessToken pipeline.Secret `yaml:"access_token,omitempty" doc:"The token of a private app or a service key."`
	OAuth       *OAuth          `yaml:"oauth,omitempty" doc:"The credentials of an OAuth app, instead of access_token."`
	BaseURL     string          `yaml:"base_url,omitempty" doc:"Where the API is; https://api.hubapi.com by default."`
	APIVersion  string          `yaml:"api_version,omitempty" enum:"2026-09,2026-03,v3" doc:"The version of the API: 2026-09 (default), 2026-03 or v3."`
	Timeout     time.Duration   `yaml:"timeout,omitempty" doc:"How long one request may take; 30s by default."`
	Landing     time.Duration   `yaml:"landing,omitempty" doc:"How much longer than timeout a request that got no answer may still take effect; 10s by default."`
}

// OAuth are the credentials of an OAuth app.
type OAuth struct {
	ClientID     string          `yaml:"client_id" doc:"The app's client id."`
	ClientSecret pipeline.Secret `yaml:"client_secret" doc:"The app's client secret."`
	RefreshToken pipeline.Secret `yaml:"refresh_token" doc:"The refresh token that the account has granted."`
}

// Redirect points the connection at another server, such as a local one, with another token.
func (c *Connection) Redirect(baseURL, token string) {
	c.BaseURL, c.AccessToken, c.OAuth = baseURL, pipeline.Secret(token), nil
}

// Connect returns a client of the account, which all pipelines that name the connection share. It makes no request.
func (c *Connection) Connect(_ context.Context, env pipeline.Env) (io.Closer, error) {
	if err := errors.Join(c.credentials(), c.address(), c.Check()); err != nil {
		return nil, err
	}
	return c.open(crm.Config{Log: env.Log})
}

// open returns a client that does as config says, and beyond that as the connection does.
func (c *Connection) open(config crm.Config) (*portal, error) {
	config.BaseURL, config.Version, config.AccessToken, config.Timeout, config.Permit = c.BaseURL, c.APIVersion, string(c.AccessToken), c.Timeout, pipeline.Permitted
	if c.OAuth != nil {
		config.OAuth = &crm.OAuth{ClientID: c.OAuth.ClientID, ClientSecret: string(c.OAuth.ClientSecret), RefreshToken: string(c.OAuth.RefreshToken)}
	}
	client, err := crm.New(config)
	if err != nil {
		return nil, &pipeline.FieldError{Err: err}
	}
	return &portal{Client: client, landing: c.timeout() + c.Landing}, nil
}

func (c *Connection) timeout() time.Duration {
	if c.Timeout == 0 {
		return crm.DefaultTimeout
	}
	return c.Timeout
}

// Check returns what is wrong with the options by themselves. Whether there are credentials is seen only by Connect: until
// then the connection may be pointed elsewhere (see Redirect).
func (c *Connection) Check() error {
	var errs []error
	if c.OAuth != nil && c.AccessToken != "" {
		errs = append(errs, fieldError("oauth", "", "give access_token or oauth, not both"))
	}
	if c.APIVersion != "" && !slices.Contains(crm.Versions(), c.APIVersion) {
		errs = append(errs, fieldError("api_version", "", "unknown version %q: expected %s", c.APIVersion, oneOf(c.APIVersion, crm.Versions())))
	}
	if c.Timeout < 0 {
		errs = append(errs, fieldError("timeout", "", "%v is negative", c.Timeout))
	}
	if c.Landing < 0 {
		errs = append(errs, fieldError("landing", "", "%v is negative", c.Landing))
	}
	return errors.Join(errs...)
}

// address returns what is wrong with the address of the API, which Check doesn't look at for the same reason.
func (c *Connection) address() error {
	if _, err := crm.BaseURL(cmp.Or(c.BaseURL, crm.DefaultBaseURL)); err != nil {
		return fieldError("base_url", "", "%w", err)
	}
	return nil
}

// credentials returns what is missing of them.
func (c *Connection) credentials() error {
	switch {
	case c.OAuth != nil && c.AccessToken == "":
		return errors.Join(c.OAuth.check()...)
	case c.OAuth == nil && c.AccessToken == "":
		return fieldError("access_token", "set HUBSPOT_ACCESS_TOKEN, or give oauth", "missing")
	}
	return nil
}

func (o *OAuth) check() (errs []error) {
	for _, field := range []struct{ name, value string }{
		{"client_id", o.ClientID}, {"client_secret", string(o.ClientSecret)}, {"refresh_token", string(o.RefreshToken)},
	} {
		if field.value == "" {
			errs = append(errs, fieldError("oauth."+field.name, "", "missing"))
		}
	}
	return errs
}

// A portal is an account that is connected to. Its descriptions are read once and kept.
type portal struct {
	*crm.Client
	landing time.Duration

	naming  sync.Mutex // of the account, which is asked for while the rest is read
	account string

	mu      sync.Mutex
	schemas []crm.Schema
	read    bool // schemas has been read
	labels  map[[2]string][]crm.Label
}

// name returns what Sink.Account does.
func (p *portal) name(ctx context.Context) (string, error) {
	p.naming.Lock()
	defer p.naming.Unlock()
	if p.account != "" {
		return p.account, nil
	}
	account, err := p.Account(ctx)
	if err != nil {
		return "", explain(err)
	}
	if account.PortalID == "" {
		return "", errors.New("hubspot doesn't tell which account the token belongs to")
	}
	p.account = "hubspot portal " + account.PortalID
	return p.account, nil
}

// customObjects returns the schemas of the account's own objects.
func (p *portal) customObjects(ctx context.Context) ([]crm.Schema, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read {
		return p.schemas, nil
	}
	schemas, err := p.Schemas(ctx)
	if err != nil {
		return nil, explain(err)
	}
	p.schemas, p.read = schemas, true
	return schemas, nil
}

// pairLabels returns the types of association from one object to another.
func (p *portal) pairLabels(ctx context.Context, from, to string) ([]crm.Label, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pair := [2]string{from, to}
	if known, ok := p.labels[pair]; ok {
		return known, nil
	}
	labels, err := p.Labels(ctx, from, to)
	if err != nil {
		return nil, explain(err)
	}
	if p.labels == nil {
		p.labels = map[[2]string][]crm.Label{}
	}
	p.labels[pair] = withBuiltIns(from, to, labels)
	return p.labels[pair], nil
}

// explain adds to an error about credentials what to do, and makes a pause one that the engine knows.
func explain(err error) error {
	if paused, ok := errors.AsType[*crm.PausedError](err); ok {
		return fmt.Errorf("%w until %s: %s", pipeline.ErrPaused, paused.Until.Format(time.RFC3339), paused.Reason)
	}
	e, ok := errors.AsType[*crm.Error](err)
	switch {
	case !ok:
		return err
	case e.Status == 401 && e.Hint == "":
		return fmt.Errorf("%w; check the connection's access token: HubSpot doesn't know it, or it has been revoked", err)
	case e.Status == 403 && e.Hint == "":
		if scopes := e.MissingScopes(); len(scopes) > 0 {
			return fmt.Errorf("%w; grant the app these scopes: %q", err, scopes)
		}
		return fmt.Errorf("%w; grant the app the scopes that this needs", err)
	}
	return err
}
