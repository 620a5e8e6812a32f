package hubspottest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A quota is what has been used up.
type quota struct {
	windows map[string][]time.Time // instants of requests within the interval, by token and kind
	day     string                 // of the account's time zone
	today   int
}

// A budget is one of the limits of 9.1, for one request.
type budget struct {
	key      string
	most     int
	interval time.Duration
	policy   string
	message  string
	group    string
}

// limit counts the request, or refuses it if a limit is reached. Nothing of a refused request is executed (9.3).
func (s *Server) limit(c *call) *reply {
	if !s.opt.Limits.Enabled {
		return nil
	}
	b := s.budget(c)
	if s.quota.windows == nil {
		s.quota.windows = make(map[string][]time.Time)
	}
	w := slices.DeleteFunc(s.quota.windows[b.key], func(t time.Time) bool { return c.now.Sub(t) >= b.interval })
	s.startDay(c.now)
	full, daily := len(w) >= b.most, !c.token.OAuth && s.quota.today >= s.opt.Limits.Daily
	if !full && !daily || s.opt.Switches.Count429 {
		w = append(w, c.now)
		if !c.token.OAuth {
			s.quota.today++
		}
	}
	s.quota.windows[b.key] = w
	s.limitHeaders(c, b, len(w))
	switch {
	case daily:
		return s.tooMany(c, budget{policy: "DAILY", message: "daily", group: "publicapi:private-app-api-calls-daily"}, s.midnight(c.now).Sub(c.now))
	case full:
		return s.tooMany(c, b, b.interval-c.now.Sub(w[0]))
	}
	return nil
}

func (s *Server) budget(c *call) budget {
	switch {
	case c.route.resource == "objects" && len(c.route.rest) == 2 && c.route.rest[1] == "search":
		return budget{"search", s.opt.Limits.Search, time.Second, "SECONDLY", "secondly", "publicapi:crm:search"}
	case c.linking():
		return budget{"associations " + c.token.Value, s.opt.Limits.Associations, 10 * time.Second, "TEN_SECONDLY_ROLLING", "ten_secondly_rolling", "publicapi:associations"}
	}
	most := s.opt.Limits.Burst
	if c.token.OAuth {
		most = min(most, 110)
	}
	return budget{"burst " + c.token.Value, most, 10 * time.Second, "TEN_SECONDLY_ROLLING", "ten_secondly_rolling", "publicapi:private_app-api-calls-ten-secondly"}
}

// limitHeaders sets the headers of 9.2: none on searches, no daily ones for OAuth.
func (s *Server) limitHeaders(c *call, b budget, used int) {
	if b.policy == "SECONDLY" {
		return
	}
	set := func(name string, n int) { c.headers.Set("X-HubSpot-RateLimit-"+name, strconv.Itoa(max(0, n))) }
	set("Max", b.most)
	set("Remaining", b.most-used)
	set("Interval-Milliseconds", int(b.interval.Milliseconds()))
	if !c.token.OAuth {
		set("Daily", s.opt.Limits.Daily)
		set("Daily-Remaining", s.opt.Limits.Daily-s.quota.today)
	}
}

// rateError is the body of 9.3.
type rateError struct {
	Status      string `json:"status"`
	Message     string `json:"message"`
	ErrorType   string `json:"errorType,omitempty"`
	Category    string `json:"category,omitempty"`
	Correlation string `json:"correlationId"`
	Policy      string `json:"policyName,omitempty"`
	Group       string `json:"groupName,omitempty"`
}

func (s *Server) tooMany(c *call, b budget, wait time.Duration) *reply {
	e := rateError{
		Status: "error", Message: "You have reached your " + b.message + " limit.", ErrorType: "RATE_LIMIT", Category: "RATE_LIMITS",
		Correlation: c.correlation, Policy: b.policy, Group: b.group + ":" + strconv.FormatInt(s.opt.Portal, 10),
	}
	if s.opt.Switches.OldRateLimitBody {
		e.Category = ""
	}
	s.log.stats.Limited++
	rep := c.json(http.StatusTooManyRequests, e)
	if s.opt.Switches.RetryAfter429 {
		rep.retry = int((wait + time.Second - 1) / time.Second)
	}
	return rep
}

func (s *Server) startDay(now time.Time) {
	if day := now.In(s.zone).Format(time.DateOnly); day != s.quota.day {
		s.quota.day, s.quota.today = day, 0
	}
}

// midnight returns when the account's next day begins; where clocks skip midnight, that is later.
func (s *Server) midnight(now time.Time) time.Time {
	y, m, d := now.In(s.zone).Date()
	next := time.Date(y, m, d+1, 0, 0, 0, 0, s.zone)
	for next.Day() == d {
		next = next.Add(30 * time.Minute)
	}
	return next
}
