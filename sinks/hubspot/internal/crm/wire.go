package crm

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

type call struct {
	op, method, path string
	body             []byte
	safe             bool
	decode           func(reply) error
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) do(ctx context.Context, cl call) error { return nil }

func ignoreBody(reply) error { return nil }

func newTransport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	return &http.Transport{DialContext: dial}
}

type limits struct{ sent atomic.Int64 }

func newLimits(int) *limits                   { return &limits{} }
func (*limits) save() []byte                  { return nil }
func (*limits) restore([]byte, time.Duration) {}

type daily struct{}
type tokens interface{}

func newTokens(*Client, Config) (tokens, error) { return nil, nil }

// OAuth are the credentials of an OAuth app (API.md 2.1).
type OAuth struct {
	ClientID     string
	ClientSecret string
	RefreshToken string
	// OnRefreshToken is called with a new refresh token when HubSpot replaces it. May be nil.
	OnRefreshToken func(token string)
}

// Size returns the length of the input in a request's body.
func (in *Input) Size() int { return 0 }

func encodeInputs([]Input) []byte                            { return nil }
func encodeRead(string, []string, []string) []byte           { return nil }
func encodeIDs([]string) []byte                              { return nil }
func decodeBatch(reply, map[string]bool, *BatchAnswer) error { return nil }
