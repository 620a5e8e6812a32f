package hubspottest

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
)

// serveAdmin answers what people and tests ask of the portal itself. Only this machine may ask.
func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && !loopback(host) {
		http.Error(w, "the admin endpoints answer this machine only", http.StatusForbidden)
		return
	}
	p := strings.Split(strings.TrimPrefix(r.URL.Path, "/_admin/"), "/")
	var out any
	var err error
	switch verb := r.Method + " " + p[0]; {
	case verb == "GET log":
		out = map[string]any{"requests": s.Requests(), "writes": s.Writes()}
	case verb == "GET stats":
		out = s.Stats()
	case verb == "GET records" && len(p) == 2:
		out = map[string]any{"results": s.Records(p[1]), "archived": s.Archived(p[1])}
	case verb == "GET links" && len(p) == 3:
		out = map[string]any{"results": s.Links(p[1], p[2])}
	case verb == "GET faults":
		out = s.Faults()
	case verb == "POST reset":
		s.Reset()
	case verb == "POST faults":
		var faults []Fault
		if err = json.NewDecoder(r.Body).Decode(&faults); err == nil {
			s.SetFaults(faults...)
		}
	case verb == "DELETE faults":
		s.SetFaults()
	case verb == "POST switches":
		sw := s.Switches()
		if err = json.NewDecoder(r.Body).Decode(&sw); err == nil {
			s.SetSwitches(sw)
		}
	case verb == "GET switches":
		out = s.Switches()
	case verb == "POST records":
		var e Edit
		if err = json.NewDecoder(r.Body).Decode(&e); err == nil {
			out, err = s.Edit(e)
		}
	case verb == "POST labels":
		var l Label
		if err = json.NewDecoder(r.Body).Decode(&l); err == nil {
			out, err = s.AddLabel(l)
		}
	default:
		http.Error(w, "unknown admin endpoint", http.StatusNotFound)
		return
	}
	answerAdmin(w, out, err)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func answerAdmin(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", jsonType)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"error": err.Error()}
	}
	if out == nil {
		out = map[string]any{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	enc.Encode(out)
}

// Faults returns the fault plan.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		list[i] = f.Fault
	}
	return list
}
