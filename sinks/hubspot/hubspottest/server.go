package hubspottest

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// A Server is one portal. It is an http.Handler and safe for concurrent use.
type Server struct {
	opt  Options
	zone *time.Location

	mu       sync.Mutex // guards everything below
	pcg      *rand.PCG  // the source of rng, kept so that it can be saved
	rng      *rand.Rand
	portal   *portal
	quota    quota
	faults   []*faultState
	faultRNG *rand.Rand
	tokens   map[string]*Token
	strict   bool // only tokens that are known are accepted
	log      journal
	recent   []indexChange // what searches don't see yet, oldest first
	late     map[*time.Timer]struct{}
	closed   bool
}

// New returns a portal with HubSpot's standard objects and properties, and no records. It panics if a fault's
// path isn't a regular expression or Options.TimeZone isn't known.
func New(o Options) *Server {
	o = o.withDefaults()
	zone, err := time.LoadLocation(o.TimeZone)
	if err != nil {
		panic("hubspottest: " + err.Error())
	}
	s := &Server{opt: o, zone: zone}
	s.reset()
	return s
}

// Handler returns the portal as a handler.
func (s *Server) Handler() http.Handler { return s }

// Close drops what faults of the kind "late" haven't applied yet.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for t := range s.late {
		t.Stop()
	}
	clear(s.late)
}

// Reset makes the portal as New made it: no records, no custom definitions, no log, and the faults of Options.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset()
}

func (s *Server) reset() {
	s.pcg = rand.NewPCG(uint64(s.opt.Seed), 0x5317ce)
	s.rng = rand.New(s.pcg)
	s.faultRNG = rand.New(rand.NewPCG(uint64(s.opt.Seed), 0xfa017))
	s.portal = newPortal(s.opt, s.now())
	s.quota = quota{}
	s.faults = nil
	for _, f := range s.opt.Faults {
		s.faults = append(s.faults, newFaultState(f))
	}
	s.tokens = make(map[string]*Token)
	for _, t := range s.opt.Tokens {
		s.tokens[t.Value] = &t
	}
	s.strict = len(s.opt.Tokens) > 0 || s.opt.OAuth.ClientID != ""
	s.log = newJournal(s.opt)
	s.recent = nil
	s.late = make(map[*time.Timer]struct{})
}

// Switches returns the switches as they are.
func (s *Server) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opt.Switches
}

// SetSwitches replaces all switches, from the next request on.
func (s *Server) SetSwitches(w Switches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.Switches = w.withDefaults()
}

func (s *Server) now() time.Time { return s.opt.Clock() }

// SetToken adds or replaces a token. As soon as one is known, all others are refused.
func (s *Server) SetToken(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strict = true
	s.tokens[t.Value] = &t
}
