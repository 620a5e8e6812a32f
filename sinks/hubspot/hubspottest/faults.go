package hubspottest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Fault spoils requests. A request is hit by the first fault whose conditions it meets; empty conditions are met by
// every request. Nth, Every and Probability choose among the requests that Method and Path match; without any of
// them each is hit.
type Fault struct {
	Name   string `json:"name,omitempty"`   // for the request log
	Method string `json:"method,omitempty"` // such as POST
	Path   string `json:"path,omitempty"`   // a regular expression that matches part of the path
	Having string `json:"having,omitempty"` // one that matches part of the request's body

	Skip        int           `json:"skip,omitempty"`        // how many matching requests pass first
	Nth         int           `json:"nth,omitempty"`         // only this one, from 1
	Every       int           `json:"every,omitempty"`       // each Every-th one
	Probability float64       `json:"probability,omitempty"` // by the portal's seed
	Count       int           `json:"count,omitempty"`       // how many are hit at most; 0 means no limit
	For         time.Duration `json:"-"`                     // "for" in JSON: once one was hit, all that match are, for so long

	// Kind is what happens:
	//
	//	status    answer Status, before the request takes effect or, with After, instead of its answer (default)
	//	reset     reset the connection, before or, with After, after the request takes effect
	//	truncate  apply, and answer the first half of the JSON as if it were complete
	//	cut       apply, and break the connection in the middle of the answer
	//	html      apply, and answer 200 with an HTML page
	//	empty     apply, and answer without a body
	//	no_errors apply, and answer 207 without results or errors
	//	omit      apply, and leave out half of the results, without a word
	//	silent    pass over inputs of a batch read, of records or of associations: those of IDs, or all
	//	huge      apply, and put 16 MiB of blanks before the answer
	//	partial   apply some of the inputs only, and answer Status (502)
	//	late      answer Status (504) at once, and apply after Delay
	//	lock      423 for two seconds (6.1)
	//	expire    401 EXPIRED_AUTHENTICATION (2.2)
	//	drip      apply, and answer byte by byte, each after Delay
	//	delay     wait Delay, and go on as if nothing had happened
	Kind  string        `json:"kind,omitempty"`
	After bool          `json:"after,omitempty"`
	Delay time.Duration `json:"-"` // "delay" in JSON; before the request is looked at, except where Kind says otherwise

	IDs []string `json:"ids,omitempty"` // of the inputs of a read: record ids, or values of its idProperty

	Status     int    `json:"status,omitempty"`
	HTML       bool   `json:"html,omitempty"`   // the body is a page of the edge; always so for 502, 503, 504 and 52x
	Body       string `json:"body,omitempty"`   // instead of the usual body of the status
	Policy     string `json:"policy,omitempty"` // of a 429: TEN_SECONDLY_ROLLING (default), SECONDLY, DAILY (9.3)
	RetryAfter int    `json:"retry_after,omitempty"`
}

var faultKinds = strings.Fields("status reset truncate cut html empty no_errors omit silent huge partial late lock expire drip delay")

// Check returns an error if the fault can't be carried out.
func (f *Fault) Check() error {
	if f.Kind != "" && !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("fault %q: unknown kind %q: there are %s", f.Name, f.Kind, strings.Join(faultKinds, ", "))
	}
	if _, err := regexp.Compile(f.Path); err != nil {
		return fmt.Errorf("fault %q: path: %w", f.Name, err)
	}
	if _, err := regexp.Compile(f.Having); err != nil {
		return fmt.Errorf("fault %q: having: %w", f.Name, err)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("fault %q: %d isn't a status of an answer", f.Name, f.Status)
	}
	return nil
}

type plainFault Fault

type faultJSON struct {
	*plainFault
	For   string `json:"for,omitempty"`
	Delay string `json:"delay,omitempty"`
}

// UnmarshalJSON reads durations as text such as 2s.
func (f *Fault) UnmarshalJSON(data []byte) error {
	body := faultJSON{plainFault: (*plainFault)(f)}
	if err := json.Unmarshal(data, &body); err != nil {
		return err
	}
	var err error
	if f.For, err = optionalDuration(body.For); err == nil {
		f.Delay, err = optionalDuration(body.Delay)
	}
	if err != nil {
		return err
	}
	return f.Check()
}

func optionalDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return time.ParseDuration(text)
}

// MarshalJSON writes durations as text such as 2s.
func (f Fault) MarshalJSON() ([]byte, error) {
	body := faultJSON{plainFault: (*plainFault)(&f)}
	if f.For != 0 {
		body.For = f.For.String()
	}
	if f.Delay != 0 {
		body.Delay = f.Delay.String()
	}
	return json.Marshal(body)
}

// A faultState is a fault with what it has seen.
type faultState struct {
	Fault
	path    *regexp.Regexp
	having  *regexp.Regexp
	matched int
	hits    int
	until   time.Time
}

func newFaultState(f Fault) *faultState {
	if f.Kind == "lock" {
		f.Kind, f.Status, f.For = "status", 423, or(f.For, 2*time.Second)
	}
	return &faultState{Fault: f, path: regexp.MustCompile(f.Path), having: regexp.MustCompile(f.Having)}
}

// SetFaults replaces the fault plan. It panics if a fault doesn't pass Check.
func (s *Server) SetFaults(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	for _, f := range faults {
		if err := f.Check(); err != nil {
			panic("hubspottest: " + err.Error())
		}
		s.faults = append(s.faults, newFaultState(f))
	}
}

// strike is the fault that hits a request, if any.
func (s *Server) strike(c *call) strike {
	for _, f := range s.faults {
		if !f.hit(c, s.faultRNG) {
			continue
		}
		s.log.fault(c.seq, or(f.Name, or(f.Kind, "status")))
		hit := strike{fault: &f.Fault, delay: f.Delay}
		if f.Kind == "late" || f.Kind == "drip" {
			hit.delay = 0
		}
		return hit
	}
	return strike{}
}

// hit decides, in the order of Fault's fields.
func (f *faultState) hit(c *call, rng *rand.Rand) bool {
	if f.Method != "" && f.Method != c.r.Method || !f.path.MatchString(c.r.URL.Path) || !f.having.Match(c.body) {
		return false
	}
	if c.now.Before(f.until) {
		return true
	}
	f.matched++
	n := f.matched - f.Skip
	switch {
	case n < 1, f.Count > 0 && f.hits >= f.Count, f.Nth > 0 && n != f.Nth, f.Every > 0 && n%f.Every != 0,
		f.Probability > 0 && rng.Float64() >= f.Probability:
		return false
	}
	f.hits++
	f.until = c.now.Add(f.For)
	return true
}
