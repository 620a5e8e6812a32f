package hubspottest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// authenticate finds the request's token (2.2).
func (s *Server) authenticate(c *call) *reply {
	if c.bearer == "" || !strings.HasPrefix(c.r.Header.Get("Authorization"), "Bearer ") {
		return c.fail(http.StatusUnauthorized, "INVALID_AUTHENTICATION",
			"Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview")
	}
	t := s.tokens[c.bearer]
	if t == nil && !s.strict {
		t = &Token{Value: c.bearer}
		s.tokens[c.bearer] = t
	}
	c.token = t
	switch {
	case t == nil, !t.Expires.IsZero() && !t.OAuth && t.Expires.Before(c.now):
		return c.fail(http.StatusUnauthorized, "INVALID_AUTHENTICATION", "Invalid or revoked access token")
	case !t.Expires.IsZero() && t.Expires.Before(c.now):
		return expired(c, int(c.now.Sub(t.Expires).Seconds()))
	}
	t.requests++
	if most := s.opt.Switches.TokenRequests; most > 0 && t.OAuth && t.requests >= most {
		t.Expires = c.now.Add(-time.Nanosecond) // from the next request on
	}
	return nil
}

func expired(c *call, seconds int) *reply {
	return c.fail(http.StatusUnauthorized, "EXPIRED_AUTHENTICATION",
		"The OAuth token used to make this call expired %d second(s) ago.", seconds)
}

// authorize checks the token's scopes (2.2, 2.3) and, in 2026-09, its user's permissions (6.4).
func (s *Server) authorize(c *call) *reply {
	if c.token.NoLinks && c.route.version == "2026-09" && c.linking() && c.r.Method != "GET" && !c.reading() {
		return c.refuse(invalid("Missing 'Edit Associations' permission."))
	}
	needed := s.scopes(c)
	if len(needed) == 0 || slices.ContainsFunc(needed, func(scope string) bool { return s.granted(c.token, scope) }) {
		return nil
	}
	e := newError(http.StatusForbidden, "MISSING_SCOPES",
		"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.")
	e.Links = map[string]string{"scopes": "https://developers.hubspot.com/scopes"}
	e.Errors = []errorDetail{{
		Message: "One or more of the following scopes are required.",
		Context: map[string][]string{"requiredGranularScopes": needed},
	}}
	return c.refuse(e)
}

// granted returns whether a token has a scope.
func (s *Server) granted(t *Token, scope string) bool {
	lacking := slices.Contains(strings.Split(s.opt.Switches.LackScopes, ","), scope)
	return !lacking && (t.Scopes == nil || slices.Contains(t.Scopes, scope))
}

// linking returns whether the call is about associations, which have a quota of their own (9.1).
func (c *call) linking() bool {
	return c.route.resource == "associations" || c.route.resource == "definitions" ||
		c.route.resource == "objects" && len(c.route.rest) > 2 && c.route.rest[2] == "associations"
}

// reading returns whether the call changes nothing.
func (c *call) reading() bool {
	last := ""
	if n := len(c.route.rest); n > 0 {
		last = c.route.rest[n-1]
	}
	return c.r.Method == "GET" || c.r.Method == "POST" && (last == "read" || last == "search")
}

// scopes returns the scopes any of which allows the call (2.3).
func (s *Server) scopes(c *call) []string {
	if len(c.route.rest) == 0 && c.route.resource != "schemas" {
		return nil
	}
	verb := "write"
	if c.reading() {
		verb = "read"
	}
	switch c.route.resource {
	case "objects", "associations":
		t := s.portal.resolve(c.route.rest[0])
		if t == nil {
			return nil
		}
		return t.scopes(verb)
	case "properties":
		if t := s.portal.resolve(c.route.rest[0]); t != nil {
			return []string{"crm.schemas." + t.scopeName() + "." + verb}
		}
	case "schemas":
		return []string{"crm.schemas.custom." + verb}
	case "owners":
		return []string{"crm.objects.owners.read"}
	}
	return nil
}

func (t *objectType) scopeName() string {
	switch {
	case t.Custom:
		return "custom"
	case t.activity():
		return "contacts" // activities go with contacts
	}
	return t.Name
}

func (t *objectType) scopes(verb string) []string {
	scopes := []string{"crm.objects." + t.scopeName() + "." + verb}
	switch t.Name {
	case "tickets":
		scopes = append(scopes, "tickets")
	case "products", "line_items":
		scopes = append(scopes, "e-commerce")
	}
	return scopes
}
