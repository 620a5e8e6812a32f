package hubspottest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

func accountMethods(p []string) methods {
	switch strings.Join(p, "/") {
	case "details":
		return methods{"GET": accountDetails}
	case "api-usage/daily/private-apps":
		return methods{"GET": accountUsage}
	}
	return nil
}

// accountDetails answers GET …/details (3.6).
func accountDetails(c *call) *reply {
	_, offset := c.now.In(c.s.zone).Zone()
	return c.json(http.StatusOK, map[string]any{
		"portalId": c.s.opt.Portal, "accountType": "DEVELOPER_TEST", "timeZone": c.s.opt.TimeZone,
		"utcOffset": c.now.In(c.s.zone).Format("-07:00"), "utcOffsetMilliseconds": offset * 1000,
		"dataHostingLocation": "na1", "uiDomain": "app.hubspot.com", "companyCurrency": "USD", "additionalCurrencies": []string{},
	})
}

// accountUsage answers GET …/api-usage/daily/private-apps (3.6).
func accountUsage(c *call) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.startDay(c.now)
	return c.json(http.StatusOK, map[string]any{"results": []map[string]any{{
		"name": "private-apps-api-calls-daily", "usageLimit": c.s.opt.Limits.Daily, "currentUsage": c.s.quota.today,
		"collectedAt": stamp{c.now}, "fetchStatus": "SUCCESS", "resetsAt": stamp{c.s.midnight(c.now)},
	}}})
}

func ownerMethods(p []string) methods {
	switch len(p) {
	case 0:
		return methods{"GET": listOwners}
	case 1:
		return methods{"GET": readOwner}
	}
	return nil
}

func listOwners(c *call) *reply {
	limit, err := c.number("limit", 100, 500)
	if err != nil {
		return c.refuse(err)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	email, archived, after := c.query.Get("email"), c.flag("archived"), atoi(c.query.Get("after"))
	out := struct {
		Results []Owner `json:"results"`
		Paging  *paging `json:"paging,omitempty"`
	}{Results: []Owner{}}
	for i, o := range c.s.portal.owners {
		if i < after || o.Archived != archived || email != "" && !strings.EqualFold(o.Email, email) {
			continue
		}
		if len(out.Results) == limit {
			out.Paging = pagingTo(idText(int64(i)))
			break
		}
		out.Results = append(out.Results, o)
	}
	return c.json(http.StatusOK, out)
}

func readOwner(c *call) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, o := range c.s.portal.owners {
		id := o.ID
		if c.query.Get("idProperty") == "userId" {
			id = idText(o.UserID)
		}
		if id == c.route.rest[0] {
			return c.json(http.StatusOK, o)
		}
	}
	return c.refuse(notFound("Owner %s does not exist", c.route.rest[0]))
}

func oauthMethods(p []string) methods {
	switch strings.Join(p, "/") {
	case "token":
		return methods{"POST": issueToken}
	case "token/introspect":
		return methods{"POST": introspect}
	case "token/revoke":
		return methods{"POST": revoke}
	}
	return nil
}

// issueToken answers POST /oauth/{v}/token (2.1). Date-based versions read the form body only.
func issueToken(c *call) *reply {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return c.refuse(invalid("invalid form: %v", err))
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	o := c.s.opt.OAuth
	wrong := func(want, name string) bool { return want != "" && form.Get(name) != want }
	grant := form.Get("grant_type")
	switch {
	case grant != "authorization_code" && grant != "refresh_token" && grant != "client_credentials":
		return c.json(http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type", "error_description": "unknown grant_type", "status": "BAD_GRANT_TYPE"})
	case wrong(o.ClientID, "client_id") || wrong(o.ClientSecret, "client_secret"):
		return c.json(http.StatusBadRequest, map[string]string{"error": "invalid_client", "error_description": "client id or secret is wrong", "status": "BAD_CLIENT_SECRET"})
	case grant == "refresh_token" && (form.Get("refresh_token") == "" || wrong(o.RefreshToken, "refresh_token")):
		return c.json(http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "missing or invalid refresh token", "status": "BAD_REFRESH_TOKEN"})
	case grant == "authorization_code" && wrong(o.Code, "code"):
		return c.json(http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "missing or invalid code", "status": "BAD_AUTH_CODE"})
	}
	t := Token{Value: "CJ" + strings.ReplaceAll(c.s.uuid()+c.s.uuid(), "-", ""), OAuth: true, Scopes: o.Scopes, Expires: c.now.Add(o.TTL)}
	c.s.tokens[t.Value] = &t
	answer := map[string]any{
		"access_token": t.Value, "expires_in": int(o.TTL / time.Second), "token_type": "bearer", "token_use": "access_token",
		"hub_id": c.s.opt.Portal, "user_id": 293199, "scopes": append([]string{}, o.Scopes...),
	}
	if grant != "client_credentials" {
		answer["refresh_token"] = or(o.RefreshToken, "na1-0000-refresh")
	}
	return c.json(http.StatusOK, answer)
}

func introspect(c *call) *reply {
	form, _ := url.ParseQuery(string(c.body))
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t := c.s.tokens[form.Get("token")]
	active := t != nil && (t.Expires.IsZero() || t.Expires.After(c.now))
	return c.json(http.StatusOK, map[string]any{"active": active, "hub_id": c.s.opt.Portal, "token_type": "bearer", "token_use": "access_token"})
}

func revoke(c *call) *reply {
	form, _ := url.ParseQuery(string(c.body))
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if t := c.s.tokens[form.Get("token")]; t != nil {
		t.Expires, t.OAuth = time.Unix(1, 0), false
	}
	return c.json(http.StatusOK, map[string]any{})
}

// limitsMethods serves the limits-tracking endpoints, as far as a portal without limits needs them (3.6).
func limitsMethods(p []string) methods {
	switch strings.Join(p, "/") {
	case "records":
		return methods{"GET": recordLimits}
	case "custom-properties", "custom-object-types", "pipelines", "associations/labels":
		return methods{"GET": noLimits}
	}
	if len(p) >= 3 && p[0] == "associations" && p[1] == "records" {
		return methods{"GET": noLimits}
	}
	return nil
}

func noLimits(c *call) *reply {
	return c.json(http.StatusOK, map[string]any{"results": []any{}})
}

func recordLimits(c *call) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	list := []map[string]any{}
	for _, t := range c.s.portal.types {
		if n := len(t.records); n > 0 {
			list = append(list, map[string]any{"objectTypeId": t.ID, "usage": n, "limit": 15_000_000})
		}
	}
	return c.json(http.StatusOK, map[string]any{"results": list})
}
