package crm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"sluice/pipeline/failpoint"
)

// A call is one request to make, as often as it takes.
type call struct {
	op, method, path string
	body             []byte
	safe             bool // may be sent again although an earlier attempt may have had an effect
	associations     bool // counts against the limit of associations as well
	bodyless         bool // an answer without a body is a good one
	some             bool // a list that can't be empty: an answer without results isn't usable
	decode           func(reply) error
}

// A reply is an answer. Its body is valid until the call's decode returns.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) correlation() string { return r.header.Get("X-HubSpot-Correlation-Id") }

// date returns when the answer was given, to the second.
func (r reply) date() time.Time {
	t, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		return time.Now()
	}
	return t
}

// reads tells whether the call changes nothing.
func (cl *call) reads() bool {
	return cl.method == http.MethodGet || strings.Contains(cl.path, "/batch/read")
}

// do makes a call, and repeats it as far as that is safe and promising. Its error is an *Error or a *PausedError.
func (c *Client) do(ctx context.Context, cl call) error {
	p := &persistence{client: c, call: &cl, began: time.Now()}
	p.most, _ = ctx.Value(briefly{}).(int)
	for {
		token, err := c.attempt(ctx, &cl, p.sends > 0)
		if err == nil {
			return nil
		}
		p.sends++
		if err := p.wait(ctx, err, token); err != nil {
			return err
		}
	}
}

// attempt sends a call once. It returns the token that it used.
func (c *Client) attempt(ctx context.Context, cl *call, again bool) (token string, err error) {
	if err := c.gate.check(time.Now()); err != nil {
		return "", err
	}
	token, err = c.auth.token(ctx)
	if err != nil {
		return "", c.unsent(cl, err)
	}
	t, err := c.limits.acquire(ctx, cl.associations, again)
	if err != nil {
		return "", c.unsent(cl, err)
	}
	told, err := c.gate.enter(ctx)
	if err != nil {
		t.cancel()
		if _, paused := errors.AsType[*PausedError](err); paused {
			return "", err
		}
		return "", c.unsent(cl, err)
	}
	defer c.gate.leave()
	if err := c.permit(ctx); err != nil {
		t.cancel()
		return "", c.unsent(cl, err)
	}
	if e := c.exchange(ctx, cl, token, t, told); e != nil {
		return token, e.redact(token)
	}
	return token, nil
}

// exchange sends a call that has passed the gate, and reads the answer.
func (c *Client) exchange(ctx context.Context, cl *call, token string, t *ticket, told int) *Error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	w := &watch{ticket: t}
	req, err := c.request(httptrace.WithClientTrace(ctx, w.trace()), cl, token)
	if err != nil {
		t.cancel()
		return c.unsent(cl, err)
	}
	failpoint.Reach("permit.after")
	if err := failpoint.At("http.op"); err != nil {
		return c.lost(ctx, cl, w, err)
	}
	failpoint.Reach("send.before")
	began := time.Now()
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return c.lost(ctx, cl, w, err)
	}
	failpoint.Reach("send.after")
	c.answered.Store(true)
	body := buffers.Get().(*bytes.Buffer)
	defer release(body)
	err = readAnswer(resp, body)
	if err == nil {
		err = failpoint.At("answer.read")
	}
	e := c.judge(ctx, cl, reply{resp.StatusCode, resp.Header, body.Bytes()}, err)
	if e != nil && c.shutsOut(e) {
		c.shutOut(e) // before the slot is free for another request
	}
	t.done(time.Now(), resp.Header, e != nil && e.limited())
	c.gate.observe(resp.Header, told, time.Now())
	c.log.DebugContext(ctx, "hubspot request", "op", cl.op, "method", cl.method, "path", bare(cl.path), "status", resp.StatusCode,
		"took", time.Since(began), "correlation_id", resp.Header.Get("X-HubSpot-Correlation-Id"))
	return e
}

func (c *Client) request(ctx context.Context, cl *call, token string) (*http.Request, error) {
	var body io.Reader
	if cl.body != nil {
		body = bytes.NewReader(cl.body)
	}
	req, err := http.NewRequestWithContext(ctx, cl.method, c.base+cl.path, body)
	if err != nil {
		return nil, err
	}
	// With GetBody or an Idempotency-Key, net/http would send a write again by itself.
	req.GetBody = nil
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "sluice")
	if cl.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// lost makes the error of a request without an answer, and settles its ticket.
func (c *Client) lost(ctx context.Context, cl *call, w *watch, err error) *Error {
	e := cl.failure(plainCause(err), Unknown)
	e.cause = err
	if cause := ctx.Err(); cause != nil {
		e.cause = cause
	}
	if w.untouched(err) {
		e.Effect, e.Hint = NoEffect, unreachable(err)
		e.temporary = e.Hint == ""
	}
	if w.got.Load() {
		w.ticket.done(time.Now(), nil, false)
	} else {
		w.ticket.cancel()
	}
	e.Message = "no answer: " + e.Message
	if ctx.Err() == context.DeadlineExceeded {
		e.Message = "no answer within " + c.timeout.String()
	}
	c.log.DebugContext(ctx, "hubspot request without answer", "op", cl.op, "error", err)
	return e
}

// unsent makes the error of a request that never left.
func (c *Client) unsent(cl *call, err error) *Error {
	if e, ok := err.(*Error); ok {
		e.Path = orDefault(e.Path, bare(cl.path))
		return e
	}
	e := cl.failure("not sent: "+err.Error(), NoEffect)
	e.cause = err
	return e
}

// failure starts an Error of the call.
func (cl *call) failure(message string, effect Effect) *Error {
	return &Error{Op: cl.op, Method: cl.method, Path: bare(cl.path), Message: message, Effect: effect}
}

func bare(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}
