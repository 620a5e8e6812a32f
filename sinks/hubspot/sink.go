// Package hubspot writes records and associations to HubSpot through its batch endpoints, and tells for each row what
// became of it: done only where HubSpot's answer names it, refused only where an error does.
//
// What HubSpot does is noted where the code relies on it, with a section of API.md: the project's HubSpot API reference.
package hubspot

import (
	"context"
	"log/slog"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

const (
	// maxBytes is how large a request's body may get; HubSpot's own limit isn't documented (API.md section 3.1).
	maxBytes = 1 << 20
	// writesAtOnce keeps the rate limit busy, 19 requests a second, while answers take up to a second and a half;
	// requests are paced by the limiter, not by this.
	writesAtOnce = 32
)

// A Sink writes to one object of one account, or links between two objects. Its methods may be called concurrently.
type Sink struct {
	portal  *portal
	log     *slog.Logger
	account string
	mode    string
	adopt   bool   // a conflict updates the record that is in the way
	object  string // as the configuration names it
	path    string // as the API does
	match   int    // place of the match property in props; -1: none
	also    []int  // places of further match properties, tried in order for records that aren't known by the first
	props   []property
	guarded bool // others may own one of props
	links   []link
	paths   map[string]string  // of all objects that are named
	kinds   map[lookupKey]kind // of the properties that records are looked up by
	limits  pipeline.Limits
	before  int64 // requests of the connection before the sink was opened
}

// A lookupKey is a property that records are told apart by.
type lookupKey struct{ object, property string }

var (
	_ pipeline.Sink     = (*Sink)(nil)
	_ pipeline.Linker   = (*Sink)(nil)
	_ pipeline.Finder   = (*Sink)(nil)
	_ pipeline.Throttle = (*Sink)(nil)
)

// Limits tells how to feed the sink.
func (s *Sink) Limits() pipeline.Limits { return s.limits }

// Account returns "hubspot portal N".
func (s *Sink) Account(context.Context) (string, error) { return s.account, nil }

// Close does nothing: the connection is closed by who opened it.
func (s *Sink) Close() error { return nil }

// SaveThrottle returns the recent requests of the connection.
func (s *Sink) SaveThrottle() []byte { return s.portal.SaveThrottle() }

// RestoreThrottle takes over the requests of an earlier process.
func (s *Sink) RestoreThrottle(saved []byte, age time.Duration) { s.portal.RestoreThrottle(saved, age) }

// Budget returns how much of the connection's rate limit is in use, from 0 to 1.
func (s *Sink) Budget() float64 { return s.portal.Budget() }

// Requests returns the number of requests that the connection has sent since the sink was opened. Pipelines that share
// the connection and run at the same time are counted together.
func (s *Sink) Requests() int64 { return s.portal.Requests() - s.before }

// matchName returns the name of the match property, or "".
func (s *Sink) matchName() string {
	if s.match < 0 {
		return ""
	}
	return s.props[s.match].name
}

// byID tells whether rows name records by their ids.
func (s *Sink) byID() bool { return s.matchName() == recordID }

// newLimits returns the limits of a sink that is otherwise complete.
func (s *Sink) newLimits(c *Config) pipeline.Limits {
	return pipeline.Limits{
		Object: s.object, Match: s.matchName(),
		Rows: crm.MaxInputs, Bytes: maxBytes * 3 / 4, Writes: writesAtOnce, Links: crm.MaxAssociations,
		Landing: s.portal.landing, OnGone: c.onGone(), MaxRejects: c.MaxRejects.Of,
		LinksOnly:  c.Associate != nil,
		Mirror:     s.mode == modeMirror,
		MaxArchive: c.maxArchive(),
		MaxChange:  (*pipeline.Quota)(c.MaxChange),
		Unkeyed:    s.mode == modeCreate && s.match < 0,
		CreateOnly: s.mode == modeCreate,
		Archives:   s.mode == modeArchive,
		Inline:     s.mode == modeCreate && len(s.links) > 0,
		Attached:   s.mode == modeCreate && len(s.links) > 0 && classicName(s.path) == "leads", // API.md section 3.3
	}
}
