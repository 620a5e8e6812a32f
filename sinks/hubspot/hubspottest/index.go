package hubspottest

import (
	"strings"
	"time"
)

// An indexChange is the state of a record before a write that searches may not see yet (3.7).
type indexChange struct {
	at      time.Time
	t       *objectType
	id      int64
	existed bool
	before  record
}

// remember keeps the state before a write, and forgets what searches see by now.
func (s *Server) remember(t *objectType, r *record, now time.Time) {
	lag := s.opt.Switches.SearchLag
	if lag <= 0 {
		return
	}
	s.settleIndex(now)
	_, existed := t.records[r.id]
	s.recent = append(s.recent, indexChange{at: now, t: t, id: r.id, existed: existed, before: *r})
}

func (s *Server) settleIndex(now time.Time) {
	n := 0
	for n < len(s.recent) && now.Sub(s.recent[n].at) >= s.opt.Switches.SearchLag {
		n++
	}
	s.recent = s.recent[n:]
}

// indexed returns what a search sees instead of the present state: the oldest state that isn't settled.
func (s *Server) indexed(t *objectType, now time.Time) map[int64]*indexChange {
	s.settleIndex(now)
	stale := make(map[int64]*indexChange)
	for i := range s.recent {
		if ch := &s.recent[i]; ch.t == t && stale[ch.id] == nil {
			stale[ch.id] = ch
		}
	}
	return stale
}

func contains(text, part string) bool { return strings.Contains(text, part) }
