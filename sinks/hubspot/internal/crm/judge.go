package crm

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Statuses that net/http has no name for (API.md 6.1).
const statusMigrating = 477

// judge turns an answer into nil or an error that says whether it had an effect.
func (c *Client) judge(ctx context.Context, cl *call, r reply, readErr error) *Error {
	if r.status/100 == 2 {
		return cl.accept(ctx, r, readErr)
	}
	e := cl.failure("", effectOf(r.status))
	e.Status = r.status
	e.retryAfter = retryAfter(r.header, time.Now())
	e.describe(r.body, r.header)
	e.Hint = c.hint(e, r.header)
	return e
}

// noBody stands for the body of a good answer that has none.
const noBody = "{}"

// accept decodes a good answer. One that can't be read tells nothing about what was done.
func (cl *call) accept(ctx context.Context, r reply, err error) *Error {
	if len(bytes.TrimSpace(r.body)) == 0 && err == nil {
		if cl.bodyless {
			r.body = []byte(noBody)
		} else {
			err = errEmpty
		}
	}
	if err == nil && cl.decode != nil {
		err = cl.decode(r)
	}
	if err == nil {
		return nil
	}
	e := cl.failure("the answer can't be read: "+err.Error(), Unknown)
	e.Status, e.CorrelationID, e.cause = r.status, r.correlation(), err
	if r.foreign() {
		e.Foreign, e.Hint = true, "it isn't HubSpot's: check base_url, and the proxy if there is one"
	}
	if cause := ctx.Err(); cause != nil {
		e.cause = cause
	}
	return e
}

// foreign tells whether a body isn't even the beginning of JSON, as of a portal that wants people to log in to a network.
func (r reply) foreign() bool { return bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<")) }

// effectOf says what a status other than 2xx tells about the effect (API.md 6.1). No server error is taken for a promise
// that nothing was done, not even 503: which of the machines on the way has sent it isn't known. Nor is a redirect.
func effectOf(status int) Effect {
	switch {
	case status >= 500, status < 400, status == http.StatusRequestTimeout:
		return Unknown
	}
	return NoEffect
}

// describe fills the error from an answer's body. Anything may be a body: an edge answers with HTML.
func (e *Error) describe(body []byte, header http.Header) {
	e.CorrelationID = header.Get("X-HubSpot-Correlation-Id")
	var w itemWire
	if json.Unmarshal(body, &w) != nil {
		e.Foreign = true
		e.Message = orDefault(oneLine(string(body[:min(len(body), 4096)]), 200), "no explanation")
		return
	}
	e.Category = firstOf(string(w.Category), string(w.ErrorType), string(w.Error))
	if status := string(w.Status); e.Category == "" && status != "error" {
		e.Category = status // of OAuth: BAD_REFRESH_TOKEN
	}
	e.SubCategory, e.Policy = string(w.SubCategory), string(w.PolicyName)
	e.Message = orDefault(string(w.Message), "no explanation")
	e.CorrelationID = firstOf(string(w.CorrelationID), e.CorrelationID)
	e.Context, e.Details = w.Context.plain(), w.details()
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// hint says what a person can do about the error.
func (c *Client) hint(e *Error, header http.Header) string {
	switch {
	case e.Status/100 == 3:
		return "it redirects to " + redirectHost(header) + ", which isn't followed: check base_url"
	case e.Status == http.StatusUnauthorized:
		return c.auth.hint()
	case e.Status == http.StatusForbidden && len(e.MissingScopes()) > 0:
		return "give the app or service key one of the scopes " + strings.Join(e.MissingScopes(), ", ")
	case e.Status == http.StatusForbidden:
		return "check what the app or service key, and the user behind it, may do"
	case e.Status == http.StatusNotFound && e.Category == "":
		return "check base_url and api_version (" + c.version + ")"
	}
	return ""
}

func redirectHost(header http.Header) string {
	u, err := url.Parse(header.Get("Location"))
	if err != nil || u.Host == "" {
		return "another place"
	}
	return u.Host
}

// limited tells whether the error is a 429 of the rolling window that requests are counted in.
func (e *Error) limited() bool {
	return e.Status == http.StatusTooManyRequests && e.Policy != policyDaily && e.Policy != policySecond
}

// shortestSecret is the length below which a token is no secret but a placeholder, as local servers accept them: to take
// it out of a text would garble the text.
const shortestSecret = 8

// redact takes secrets out of the texts.
func (e *Error) redact(secrets ...string) *Error {
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			for _, text := range e.texts() {
				*text = strings.ReplaceAll(*text, s, "[redacted]")
			}
		}
	}
	return e
}

// texts returns what the answer says in words of its own.
func (e *Error) texts() []*string {
	list := []*string{&e.Message, &e.Category, &e.SubCategory, &e.CorrelationID}
	for i := range e.Details {
		list = append(list, &e.Details[i].Message)
	}
	return list
}

// unreachable returns what a person can do about a failure to connect that won't pass by itself; "" for any other.
func unreachable(err error) string {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	spoken, plain := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case unknown:
		return "check base_url; where an authority of your own has signed that certificate, as behind a proxy that looks into TLS, name the file of the authority's in SSL_CERT_FILE"
	case untrusted:
		return "check base_url, this machine's clock, and the proxy if there is one"
	case plain && string(spoken.RecordHeader[:]) == "HTTP/":
		return "check whether base_url should begin with http://"
	}
	return ""
}
