// Package crm speaks to HubSpot's CRM API: it builds paths and bodies, keeps to the rate limits, repeats what may be
// repeated, and tells for everything else whether the request can have had an effect.
//
// Comments name sections of API.md: the project's HubSpot API reference.
package crm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Defaults of Config.
const (
	DefaultBaseURL = "https://api.hubapi.com"
	DefaultVersion = "2026-09"
	DefaultTimeout = 30 * time.Second
)

// Config tells New how to reach an account. Exactly one of AccessToken and OAuth is needed.
type Config struct {
	BaseURL     string        // https, or http on a loopback address; DefaultBaseURL if ""
	Version     string        // one of Versions; DefaultVersion if ""
	AccessToken string        // of a private app or a service key (API.md 2)
	OAuth       *OAuth        // of an OAuth app (API.md 2.1)
	Timeout     time.Duration // of one request, from connecting to the last byte of the answer; DefaultTimeout if 0
	Retry       Retry         // what to repeat for how long
	Log         *slog.Logger  // of long waits, and of debug messages; nil for none

	// Permit is asked before the first byte of every request, after all waiting: where it returns an error nothing is
	// sent, and the call ends with it. nil permits everything.
	Permit func(context.Context) error
	// Dial replaces the dialling of TCP connections, as for tests in memory.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Jitter returns by how much of most a wait is to be longer; nil is by chance.
	Jitter func(most time.Duration) time.Duration
}

// Retry bounds the repeating of one call. Zero fields have the default that is named.
type Retry struct {
	Attempts   int           // sends of one request, the first included: 10
	Backoff    time.Duration // first wait after a failure, doubled each time and jittered: 500 ms
	MaxBackoff time.Duration // longest wait: 30 s
	Lock       time.Duration // wait after a 423: 2 s
	Patience   time.Duration // longest wait of a whole call, and longest Retry-After that is waited out: 5 min
}

// A Client makes calls to one HubSpot account as one app. Its methods may be called concurrently; all of them share
// the app's rate limit.
type Client struct {
	base      string
	paths     *paths
	version   string
	auth      tokens
	timeout   time.Duration
	retry     Retry
	log       *slog.Logger
	permit    func(context.Context) error
	transport *http.Transport
	limits    *limits
	gate      gate
	words     words
	jitter    func(most time.Duration) time.Duration
	answered  atomic.Bool // the server has answered at least once
}

// New returns a client. It makes no request.
func New(cfg Config) (*Client, error) {
	base, err := BaseURL(orDefault(cfg.BaseURL, DefaultBaseURL))
	if err != nil {
		return nil, err
	}
	version := orDefault(cfg.Version, DefaultVersion)
	table, err := lookupPaths(version)
	if err != nil {
		return nil, err
	}
	c := &Client{
		base: base, paths: table, version: version,
		timeout: orDefault(cfg.Timeout, DefaultTimeout),
		retry:   cfg.Retry.withDefaults(),
		log:     cfg.Log, permit: cfg.Permit, jitter: cfg.Jitter,
		transport: newTransport(cfg.Dial, strings.HasPrefix(base, "http:")),
		limits:    newLimits(0, strings.HasPrefix(base, "http:")),
	}
	c.limits.longest = c.retry.Patience
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.permit == nil {
		c.permit = func(context.Context) error { return nil }
	}
	if c.jitter == nil {
		c.jitter = byChance
	}
	c.auth, err = newTokens(c, cfg)
	return c, err
}

// String names the server. Formatting a client shows nothing else of it, such as its token.
func (c *Client) String() string { return "hubspot at " + c.base }

// Close closes idle connections. Calls in flight go on.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Requests returns the number of requests sent so far, repeated ones included.
func (c *Client) Requests() int64 { return c.limits.sent.Load() }

// Budget returns how much of the app's rate limit is in use, from 0 to 1; 0 where the server has none.
func (c *Client) Budget() float64 { return c.limits.app.share() }

// Rate returns how many requests the app may send in a window, as far as answers have told; 0 where there is no limit.
func (c *Client) Rate() (requests int, window time.Duration) { return c.limits.app.rate() }

// Daily returns how many requests a day all private apps of the account have together, and how many of them were left at the
// last answer that told (API.md section 9.2); both are 0 if none did, as with OAuth apps.
func (c *Client) Daily() (limit, left int) { return c.gate.daily() }

// SaveThrottle returns the recent sends and the account's time zone, for RestoreThrottle of a later process.
func (c *Client) SaveThrottle() []byte { return append(c.limits.save(), c.gate.zoneName()...) }

// RestoreThrottle takes over the sends of an earlier process, saved age ago, so that both together stay within the rate
// limit, and the time zone, which an account whose day's requests are used up doesn't tell. Only the first call has an effect;
// what can't be read is ignored.
func (c *Client) RestoreThrottle(saved []byte, age time.Duration) {
	if zone := c.limits.restore(saved, age); c.gate.zoneName() == "" {
		c.gate.setZone(string(zone))
	}
}

func (r Retry) withDefaults() Retry {
	return Retry{
		Attempts:   orDefault(r.Attempts, 10),
		Backoff:    orDefault(r.Backoff, 500*time.Millisecond),
		MaxBackoff: orDefault(r.MaxBackoff, 30*time.Second),
		Lock:       orDefault(r.Lock, 2*time.Second),
		Patience:   orDefault(r.Patience, 5*time.Minute),
	}
}

func orDefault[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// BaseURL checks a base URL and returns it without a trailing slash. A bearer token must not travel in the clear, so
// http is only for this machine.
func BaseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", errors.New("the base url can't be read: expected something like " + DefaultBaseURL)
	}
	switch {
	case u.User != nil:
		return "", errors.New("the base url holds a user name: credentials belong into access_token")
	case u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "": // and what there is may be a secret
		return "", errors.New("the base url needs a host and nothing after the path: expected something like " + DefaultBaseURL)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return strings.TrimRight(u.String(), "/"), nil
	}
	return "", fmt.Errorf("the base url %q is not safe for a token: use https, or http on a loopback address", s)
}

// loopback tells whether a host is this machine, without asking anybody: names that only resolve to it may resolve to
// another one next time.
func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback() && addr.Zone() == ""
}
