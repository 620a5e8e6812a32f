package crm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"sluice/pipeline/failpoint"
)

// OAuth are the credentials of an OAuth app (API.md 2.1).
type OAuth struct {
	ClientID     string
	ClientSecret string
	RefreshToken string
}

// tokens give the bearer token of requests. Methods may be called concurrently.
type tokens interface {
	token(ctx context.Context) (string, error)
	// renew replaces a token that was refused. It tells whether there is another one.
	renew(ctx context.Context, refused string) (bool, error)
	// hint says what to do when tokens are refused.
	hint() string
}

func newTokens(c *Client, cfg Config) (tokens, error) {
	switch {
	case cfg.OAuth != nil && cfg.AccessToken != "":
		return nil, errors.New("both an access token and oauth credentials are given: one of them is enough")
	case cfg.OAuth != nil:
		return newRefresher(c, *cfg.OAuth)
	case strings.TrimSpace(cfg.AccessToken) == "":
		return nil, errors.New("no access token is given: make a service key in HubSpot's settings and set access_token")
	case !headerSafe(strings.TrimSpace(cfg.AccessToken)):
		return nil, errors.New("the access token holds blanks or control characters: it was not copied as it is")
	}
	return fixedToken(strings.TrimSpace(cfg.AccessToken)), nil
}

func headerSafe(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// A fixedToken is that of a private app or a service key. It doesn't expire.
type fixedToken string

func (t fixedToken) token(context.Context) (string, error)       { return string(t), nil }
func (t fixedToken) renew(context.Context, string) (bool, error) { return false, nil }

func (t fixedToken) hint() string {
	return "check that access_token is complete, and that its app or service key still exists in this account"
}

// refreshAhead is how long before its end a token is replaced; half its life if that is less.
const refreshAhead = 3 * time.Minute

// A refresher trades a refresh token for access tokens, once for all workers that need one.
type refresher struct {
	config  oauth2.Config
	client  *http.Client
	timeout time.Duration
	log     *slog.Logger

	turn    chan struct{} // holds one element while somebody reads or writes what follows
	refresh string
	access  string
	renewAt time.Time // zero: not known
	refused *Error    // the refresh token isn't taken: it won't be the next time either
}

func newRefresher(c *Client, o OAuth) (*refresher, error) {
	if o.ClientID == "" || o.ClientSecret == "" || o.RefreshToken == "" {
		return nil, errors.New("oauth needs client_id, client_secret and refresh_token")
	}
	return &refresher{
		config: oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret,
			Endpoint: oauth2.Endpoint{TokenURL: c.base + c.paths.token, AuthStyle: oauth2.AuthStyleInParams},
		},
		client: &http.Client{
			Transport:     c.transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout: c.timeout,
		log:     c.log,
		turn:    make(chan struct{}, 1),
		refresh: o.RefreshToken,
	}, nil
}

func (r *refresher) token(ctx context.Context) (string, error) {
	if err := r.lock(ctx); err != nil {
		return "", err
	}
	defer r.unlock()
	if r.access != "" && (r.renewAt.IsZero() || time.Now().Before(r.renewAt)) {
		return r.access, nil
	}
	err := r.trade(ctx)
	return r.access, err
}

func (r *refresher) renew(ctx context.Context, refused string) (bool, error) {
	if err := r.lock(ctx); err != nil {
		return false, err
	}
	defer r.unlock()
	if r.access != refused { // another worker has done it
		return true, nil
	}
	r.access = "" // nobody is to send it again, even if there is no other one for a while
	err := r.trade(ctx)
	return err == nil, err
}

func (r *refresher) hint() string {
	return "check that the app is still installed in this account; if not, authorize it again"
}

func (r *refresher) lock(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *refresher) unlock() { <-r.turn }

// trade gets a new access token. It goes on when ctx ends: a refresh token that was replaced must not get lost.
func (r *refresher) trade(ctx context.Context) error {
	if r.refused != nil {
		again := *r.refused // who gets it adds to it
		return &again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	failpoint.Reach("token.before")
	defer failpoint.Reach("token.after")
	ctx = context.WithValue(ctx, oauth2.HTTPClient, r.client)
	token, err := r.config.TokenSource(ctx, &oauth2.Token{RefreshToken: r.refresh}).Token()
	if err != nil {
		e := tradeError(err).redact(r.config.ClientSecret, r.refresh)
		if !e.temporary {
			kept := *e
			r.refused = &kept
		}
		return e
	}
	r.access, r.renewAt = token.AccessToken, time.Time{}
	if !token.Expiry.IsZero() {
		life := time.Until(token.Expiry)
		r.renewAt = token.Expiry.Add(-min(refreshAhead, life/2))
	}
	if token.RefreshToken != "" && token.RefreshToken != r.refresh {
		r.refresh = token.RefreshToken
		r.log.Warn("hubspot has replaced the refresh token: it is used until the program ends, but kept nowhere; if the next start is refused, authorize the app again")
	}
	return nil
}

// tradeError turns oauth2's error, which holds the whole answer, into ours.
func tradeError(err error) *Error {
	e := &Error{Op: "refresh the oauth token", Method: http.MethodPost, Effect: NoEffect, cause: err}
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		e.Message, e.temporary = plainCause(err), true
		return e
	}
	e.cause, e.Status = nil, answer.Response.StatusCode
	e.describe(answer.Body, answer.Response.Header)
	e.temporary = e.Status == http.StatusTooManyRequests || e.Status >= 500
	if e.Status == http.StatusBadRequest || e.Status == http.StatusUnauthorized {
		e.Hint = "check client_id, client_secret and refresh_token; if the app was uninstalled or its access revoked, authorize it again"
		// It is no answer to the call itself, whose rows a 400 would put the blame on.
		e.Message = strings.TrimSpace(fmt.Sprintf("hubspot answered %d %s", e.Status, e.Category)) + ": " + e.Message
		e.Status, e.Category = 0, ""
	}
	return e
}
