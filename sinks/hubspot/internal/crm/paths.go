package crm

import (
	"fmt"
	"net/url"
	"strings"
)

// Versions lists the versions of the API that a client can speak (API.md 1.1).
func Versions() []string { return []string{"2026-09", "2026-03", "v3"} }

// paths are the beginnings of the paths of one version family. Segments move between families (API.md 1.2), so that
// each family has a table of its own.
type paths struct {
	objects      string // + /{type}/…
	associations string // + /{from}/{to}/…
	properties   string // + /{type}
	schemas      string
	owners       string
	pipelines    string // + /{type}
	account      string // + /details
	token        string
}

func lookupPaths(version string) (*paths, error) {
	switch version {
	case "2026-09", "2026-03":
		return dated(version), nil
	case "v3":
		return legacy(), nil
	}
	return nil, fmt.Errorf("unknown version %q of HubSpot's API: expected one of %s", version, strings.Join(Versions(), ", "))
}

func dated(version string) *paths {
	return &paths{
		objects:      "/crm/objects/" + version,
		associations: "/crm/associations/" + version,
		properties:   "/crm/properties/" + version,
		schemas:      "/crm-object-schemas/" + version + "/schemas",
		owners:       "/crm/owners/" + version,
		pipelines:    "/crm/pipelines/" + version,
		account:      "/account-info/" + version,
		token:        "/oauth/" + version + "/token",
	}
}

// legacy has the numbered versions: v3, but v4 where v3 has no association types by number.
func legacy() *paths {
	return &paths{
		objects:      "/crm/v3/objects",
		associations: "/crm/v4/associations",
		properties:   "/crm/v3/properties",
		schemas:      "/crm-object-schemas/v3/schemas",
		owners:       "/crm/v3/owners",
		pipelines:    "/crm/v3/pipelines",
		account:      "/account-info/v3",
		token:        "/oauth/v3/token",
	}
}

func (p *paths) object(segments ...string) string      { return join(p.objects, segments) }
func (p *paths) association(segments ...string) string { return join(p.associations, segments) }

// join appends segments, escaped: an object type is whatever the user wrote.
func join(start string, segments []string) string {
	var b strings.Builder
	b.WriteString(start)
	for _, s := range segments {
		b.WriteByte('/')
		s = url.PathEscape(s)
		if s == "." || s == ".." { // would lead to another path
			s = strings.ReplaceAll(s, ".", "%2E")
		}
		b.WriteString(s)
	}
	return b.String()
}
