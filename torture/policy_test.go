package torture

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// set is for what people have set, which stays.
func (w *want) set(edits map[string]cells) {
	for key, row := range edits {
		for name, value := range row {
			for _, record := range []cells{w.records["contacts"][key], w.either["contacts "+key]} {
				if record != nil {
					record[name] = value
				}
			}
		}
	}
}

// peopleEdit has people set a property of some contacts, whatever a killed run has made of these. They don't while a request
// may still arrive: nobody can keep that from overwriting what they set.
func (s *stage) peopleEdit() {
	s.t.Helper()
	if !s.hungUp(100 * time.Millisecond) {
		programme.count("people waited for a late request")
		return
	}
	s.visits++
	for i := range peopleRows {
		r, there := s.portal.Find("contacts", keyed["contacts"], personKey(i))
		if (i+s.visits)%7 > 0 || !there {
			continue
		}
		name := [...]string{sharedProperty, filledProperty}[(i/7+s.visits)%2]
		value := fmt.Sprintf("Theirs %d", s.visits)
		s.edit("update", "contacts", r.ID, name, value)
		s.noteEdit(personKey(i), name, value)
		programme.count("set by people: " + name)
	}
}

func (s *stage) noteEdit(key, name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.edits[key] == nil {
		s.edits[key] = cells{}
	}
	s.edits[key][name] = value
}

// hungUp waits until nobody is connected to HubSpot any more, for so long at most, and tells whether that is so: all that
// killed processes have sent has taken effect then, or never will.
func (s *stage) hungUp(atMost time.Duration) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(atMost); s.connections.Load() > 0; <-tick.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// connected counts those who are connected to HubSpot.
func (s *stage) connected(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.connections.Add(-1)
	}
}
