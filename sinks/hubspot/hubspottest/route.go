package hubspottest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A route is a path in one form, whichever version's form it had (1.2).
type route struct {
	resource string // objects, associations, properties, schemas, owners, pipelines, limits, account, oauth, definitions
	version  string
	rest     []string // the path behind the version
}

// dated returns whether the version is a date. The numbered ones differ in details (1.3).
func (r route) dated() bool { return len(r.version) == len("2026-09") }

var datedVersions = []string{"2025-09", "2026-03", "2026-09"}

// parseRoute finds the resource of a path. The error is a 404: unknown path or version.
func parseRoute(path string) (route, bool) {
	seg := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range seg {
		if text, err := url.PathUnescape(part); err == nil {
			seg[i] = text
		}
	}
	if len(seg) < 3 {
		return route{}, false
	}
	switch seg[0] {
	case "crm":
		return crmRoute(seg[1:])
	case "crm-object-schemas":
		return route{"schemas", seg[1], seg[3:]}, seg[2] == "schemas" && versionOf(seg[1], "v3")
	case "account-info":
		return route{"account", seg[1], seg[2:]}, versionOf(seg[1], "v3")
	case "oauth":
		return route{"oauth", seg[1], seg[2:]}, seg[2] == "token" && versionOf(seg[1], "v1", "v3")
	}
	return route{}, false
}

// crmRoute knows both orders: crm/v3/objects and crm/objects/2026-09.
func crmRoute(seg []string) (route, bool) {
	a, b, rest := seg[0], seg[1], seg[2:]
	switch {
	case slices.Contains([]string{"objects", "associations", "properties", "owners", "pipelines", "limits"}, a):
		if a == "associations" && len(rest) > 1 && rest[0] == "definitions" {
			return route{"definitions", b, rest[1:]}, versionOf(b, "v4")
		}
		return route{a, b, rest}, versionOf(b)
	case a == "v3" && slices.Contains([]string{"objects", "properties", "owners", "pipelines", "limits", "schemas"}, b):
		return route{b, a, rest}, true
	case a == "v4" && b == "associations":
		return route{b, a, rest}, true
	case a == "v4" && b == "objects":
		return route{b, a, rest}, len(rest) > 2 && rest[2] == "associations"
	}
	return route{}, false
}

func versionOf(v string, legacy ...string) bool {
	return slices.Contains(datedVersions, v) || slices.Contains(legacy, v)
}

type handler func(*call) *reply

// methods maps HTTP methods to handlers.
type methods map[string]handler

// find returns the handler of a request, or the reply that there is none.
func (s *Server) find(c *call) (route, handler, *reply) {
	rt, ok := parseRoute(c.r.URL.EscapedPath())
	if !ok {
		return rt, nil, html(http.StatusNotFound, "Not Found")
	}
	c.route = rt
	m := rt.methods()
	if m == nil {
		return rt, nil, html(http.StatusNotFound, "Not Found")
	}
	if h := m[c.r.Method]; h != nil {
		return rt, h, nil
	}
	return rt, nil, c.fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP 405 Method Not Allowed")
}

func (r route) methods() methods {
	switch r.resource {
	case "objects":
		return objectMethods(r.rest)
	case "associations":
		return associationMethods(r.rest)
	case "properties":
		return propertyMethods(r.rest)
	case "schemas":
		return schemaMethods(r.rest)
	case "owners":
		return ownerMethods(r.rest)
	case "pipelines":
		return pipelineMethods(r.rest)
	case "limits":
		return limitsMethods(r.rest)
	case "definitions":
		return definitionMethods(r.rest)
	case "account":
		return accountMethods(r.rest)
	}
	return oauthMethods(r.rest)
}

func objectMethods(p []string) methods {
	switch len(p) {
	case 1:
		return methods{"GET": listObjects, "POST": createOne}
	case 2:
		switch p[1] {
		case "search":
			return methods{"POST": searchObjects}
		case "merge":
			return methods{"POST": mergeObjects}
		case "gdpr-delete":
			return methods{"POST": gdprDelete}
		}
		return methods{"GET": readOne, "PATCH": updateOne, "DELETE": archiveOne}
	case 3:
		if h := batchHandlers[p[2]]; p[1] == "batch" && h != nil {
			return methods{"POST": h}
		}
	case 4:
		if p[2] == "associations" {
			return methods{"GET": listLinks}
		}
	case 5:
		if p[2] == "associations" {
			return methods{"PUT": putLink, "DELETE": deleteLink}
		}
	case 6:
		if p[2] == "associations" && p[3] == "default" {
			return methods{"PUT": putDefaultLink}
		}
	}
	return nil
}

var batchHandlers = map[string]handler{
	"create": batchCreate, "update": batchUpdate, "upsert": batchUpsert, "read": batchRead, "archive": batchArchive,
}
