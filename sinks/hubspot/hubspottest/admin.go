package hubspottest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// An adminCall is one request to an admin endpoint; args are the parts of the path behind the endpoint's name.
type adminCall struct {
	s    *Server
	body *json.Decoder
	args []string
}

// adminEndpoints are the endpoints by method, name and number of further parts.
var adminEndpoints = map[string]func(adminCall) (any, error){
	"GET log 0": func(a adminCall) (any, error) {
		return map[string]any{"requests": a.s.Requests(), "writes": a.s.Writes()}, nil
	},
	"GET stats 0": func(a adminCall) (any, error) { return a.s.Stats(), nil },
	"GET records 1": func(a adminCall) (any, error) {
		return map[string]any{"results": a.s.Records(a.args[0]), "archived": a.s.Archived(a.args[0])}, nil
	},
	"GET links 2": func(a adminCall) (any, error) {
		return map[string]any{"results": a.s.Links(a.args[0], a.args[1])}, nil
	},
	"GET faults 0":    func(a adminCall) (any, error) { return a.s.Faults(), nil },
	"POST faults 0":   adminFaults,
	"DELETE faults 0": func(a adminCall) (any, error) { a.s.SetFaults(); return nil, nil },
	"GET switches 0":  func(a adminCall) (any, error) { return a.s.Switches(), nil },
	"POST switches 0": adminSwitches,
	"POST reset 0":    func(a adminCall) (any, error) { a.s.Reset(); return nil, nil },
	"POST records 0":  adminEdit,
	"POST labels 0":   adminLabel,
}

// serveAdmin answers what people and tests ask of the portal itself. Only this machine may ask.
func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && !loopback(host) {
		http.Error(w, "the admin endpoints answer this machine only", http.StatusForbidden)
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/_admin/"), "/")
	answer := adminEndpoints[fmt.Sprintf("%s %s %d", r.Method, parts[0], len(parts)-1)]
	if answer == nil {
		http.Error(w, "unknown admin endpoint", http.StatusNotFound)
		return
	}
	out, err := answer(adminCall{s, json.NewDecoder(r.Body), parts[1:]})
	answerAdmin(w, out, err)
}

func adminFaults(a adminCall) (any, error) {
	var faults []Fault
	if err := a.body.Decode(&faults); err != nil {
		return nil, err
	}
	a.s.SetFaults(faults...)
	return nil, nil
}

func adminSwitches(a adminCall) (any, error) {
	w := a.s.Switches()
	if err := a.body.Decode(&w); err != nil {
		return nil, err
	}
	a.s.SetSwitches(w)
	return nil, nil
}

func adminEdit(a adminCall) (any, error) {
	var e Edit
	if err := a.body.Decode(&e); err != nil {
		return nil, err
	}
	return a.s.Edit(e)
}

func adminLabel(a adminCall) (any, error) {
	var l Label
	if err := a.body.Decode(&l); err != nil {
		return nil, err
	}
	return a.s.AddLabel(l)
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
