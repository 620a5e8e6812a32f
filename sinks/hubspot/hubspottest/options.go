package hubspottest

import (
	"strings"
	"time"
)

// Options configures a portal. The zero value is a portal without limits and faults that accepts any token.
type Options struct {
	Seed     int64            // of ids, shuffles, jitter and faults
	Portal   int64            // the portal's id; 0 means 62515
	TimeZone string           // of the account, as in the IANA database; "" means UTC
	Clock    func() time.Time // nil means time.Now
	Latency  time.Duration    // added to every answer
	Jitter   time.Duration    // at most this much more, uniformly distributed

	Tokens []Token // nil means that any bearer token is accepted, with every scope
	OAuth  OAuth   // what the token endpoint accepts
	Limits Limits
	Faults []Fault
	Owners []Owner // nil means two people and a queue
	Rules  []Rule  // the administrator's rules, which 2026-09 enforces (6.4)

	// BusinessKeys names a property for each object type whose values should be held by one live record each,
	// whether or not HubSpot enforces it. Duplicates counts violations.
	BusinessKeys map[string]string

	RequestLog int // how many requests are kept, the oldest dropped first; 0 means 100,000, negative none
	BodyLog    int // how many bytes of their bodies are kept; 0 means 64 MiB, negative none
	WriteLog   int // how many applied writes are kept; 0 means 1,000,000, negative none

	Switches Switches
}

// A Token is one access token that the portal knows.
type Token struct {
	Value   string
	Scopes  []string  // nil means every scope
	OAuth   bool      // counts against the OAuth quota and gets no daily headers (9.2)
	NoLinks bool      // a user-level token whose user may not edit associations, which 2026-09 checks (6.4)
	Expires time.Time // zero means never

	requests int
}

// OAuth is what the token endpoint accepts (2.1). Empty fields accept anything.
type OAuth struct {
	ClientID     string
	ClientSecret string
	RefreshToken string
	Code         string
	TTL          time.Duration // of access tokens; 0 means 30 minutes
	Scopes       []string      // of the tokens issued; nil means every scope
}

// Limits are the portal's quotas (9.1). The zero value has none.
type Limits struct {
	Enabled      bool
	Burst        int // requests in any 10 s, for each token; 0 means 190
	Associations int // association requests in any 10 s, for each token, counted on their own; 0 means 150
	Search       int // searches in any second, for the portal; 0 means 5
	Daily        int // requests a day of the account's time zone, for the portal; 0 means 625,000
}

// An Owner is a person or queue that records can be assigned to (3.6).
type Owner struct {
	ID        string `json:"id"`
	Type      string `json:"type"` // PERSON or QUEUE
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	UserID    int64  `json:"userId"`
	Archived  bool   `json:"archived"`
}

// A Rule is one of the administrator's data rules (6.4): Property must have a value when a record is created, or, if If
// is set, whenever that property has the value Equals.
type Rule struct {
	Object   string `json:"object"`
	Property string `json:"property"`
	If       string `json:"if,omitempty"`
	Equals   string `json:"equals,omitempty"`
}

func (o Options) withDefaults() Options {
	o.Portal = or(o.Portal, 62515)
	o.TimeZone = or(o.TimeZone, "UTC")
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.Limits.Burst = or(o.Limits.Burst, 190)
	o.Limits.Associations = or(o.Limits.Associations, 150)
	o.Limits.Search = or(o.Limits.Search, 5)
	o.Limits.Daily = or(o.Limits.Daily, 625_000)
	o.OAuth.TTL = or(o.OAuth.TTL, 30*time.Minute)
	o.RequestLog = or(o.RequestLog, 100_000)
	o.BodyLog = or(o.BodyLog, 64<<20)
	o.WriteLog = or(o.WriteLog, 1_000_000)
	if o.Owners == nil {
		o.Owners = []Owner{
			{ID: "41629779", Type: "PERSON", Email: "ada@example.com", FirstName: "Ada", LastName: "Berg", UserID: 9586504},
			{ID: "60158084", Type: "PERSON", Email: "bo@example.com", FirstName: "Bo", LastName: "Lund", UserID: 9586505},
			{ID: "64492917", Type: "QUEUE", FirstName: "Inbound"},
		}
	}
	o.Switches = o.Switches.withDefaults()
	return o
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// fold returns what unique values are compared by (5.4, 7).
func fold(p *property, value string, w Switches) string {
	if p.email || !w.UntrimmedKeys {
		value = strings.TrimSpace(value)
	}
	if p.email || !w.CaseSensitiveKeys {
		return strings.ToLower(value)
	}
	return value
}
