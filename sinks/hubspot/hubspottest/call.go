package hubspottest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hardBodyLimit protects the process; HubSpot's own limit isn't documented (3.1).
const hardBodyLimit = 256 << 20

// A call is one request on its way through the portal.
type call struct {
	s     *Server
	r     *http.Request
	body  []byte
	query url.Values
	seq   int64
	now   time.Time
	token *Token
	route route

	correlation string
	half        bool     // a fault wants only some of the inputs applied
	omit        bool     // a fault wants only some of the results told
	silent      bool     // a fault wants inputs of a read passed over
	mute        []string // which; none: all
	bearer      string
	headers     http.Header
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_admin/") {
		s.serveAdmin(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, hardBodyLimit))
	if err != nil {
		return // the client has gone before its request was complete: nothing of it takes effect
	}
	c := &call{s: s, r: r, body: body, query: r.URL.Query(), headers: http.Header{}}
	hit := s.arrive(c)
	if !sleep(r.Context(), hit.delay) {
		return
	}
	rep := s.answer(c, hit)
	s.depart(c, rep)
	for k, v := range c.headers {
		w.Header()[k] = v
	}
	rep.write(w, r)
}

// arrive logs the request, works out its delay and the fault that hits it.
func (s *Server) arrive(c *call) strike {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now()
	c.correlation = s.uuid()
	c.headers.Set("X-HubSpot-Correlation-Id", c.correlation)
	c.bearer = strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	c.seq = s.log.request(c)
	hit := s.strike(c)
	hit.delay += s.opt.Latency
	if s.opt.Jitter > 0 {
		hit.delay += time.Duration(s.rng.Int64N(int64(s.opt.Jitter)))
	}
	return hit
}

func (s *Server) depart(c *call, rep *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.answer(c.seq, rep.status)
}

// answer runs the request, or what a fault makes of it.
func (s *Server) answer(c *call, hit strike) *reply {
	if hit.before() {
		return hit.reply(c, nil)
	}
	if hit.fault != nil {
		c.half, c.omit = hit.fault.Kind == "partial", hit.fault.Kind == "omit"
		c.silent, c.mute = hit.fault.Kind == "silent", hit.fault.IDs
	}
	if hit.late() {
		s.applyLate(c, hit.fault.Delay)
		return hit.reply(c, nil)
	}
	rep := s.handle(c)
	if hit.fault == nil {
		return rep
	}
	return hit.reply(c, rep)
}

// passesOver tells whether the answer to a read says nothing of an input.
func (c *call) passesOver(id string) bool {
	return c.silent && (len(c.mute) == 0 || slices.Contains(c.mute, id))
}

// handle checks route, token, quota and scope, in this order, and runs the handler.
func (s *Server) handle(c *call) *reply {
	rt, h, rep := s.find(c)
	if rep != nil {
		return rep
	}
	c.route = rt
	if len(c.r.URL.RequestURI()) > 16<<10 {
		return html(http.StatusRequestURITooLong, "URI Too Long")
	}
	s.mu.Lock()
	rep = s.admit(c)
	max := s.opt.Switches.MaxBody
	s.mu.Unlock()
	switch {
	case rep != nil:
		return rep
	case max > 0 && int64(len(c.body)) > max:
		return html(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	case !acceptable(c):
		return c.fail(http.StatusUnsupportedMediaType, "VALIDATION_ERROR", "Unsupported media type, expected application/json")
	}
	return h(c)
}

// admit checks token, scope and quota.
func (s *Server) admit(c *call) *reply {
	if c.route.resource == "oauth" {
		return nil
	}
	if rep := s.authenticate(c); rep != nil {
		return rep
	}
	if rep := s.limit(c); rep != nil {
		return rep
	}
	return s.authorize(c)
}

func acceptable(c *call) bool {
	kind := c.r.Header.Get("Content-Type")
	return kind == "" || len(c.body) == 0 || c.route.resource == "oauth" || strings.Contains(kind, "json")
}

// flag returns whether a query parameter is "true".
func (c *call) flag(name string) bool { return c.query.Get(name) == "true" }

// number returns a query parameter as a number within bounds.
func (c *call) number(name string, fallback, most int) (int, *apiError) {
	text := c.query.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, invalid("%s must be between 1 and %d, but was %s", name, most, text)
	}
	return n, nil
}

// names returns a query parameter that is a comma separated list, repeated or not.
func (c *call) names(name string) []string {
	var names []string
	for _, v := range c.query[name] {
		for n := range strings.SplitSeq(v, ",") {
			if n = strings.TrimSpace(n); n != "" {
				names = append(names, n)
			}
		}
	}
	return names
}
