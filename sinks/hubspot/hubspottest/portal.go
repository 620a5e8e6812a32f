package hubspottest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A portal is everything that Save writes.
type portal struct {
	id        int64
	types     []*objectType
	byName    map[string]*objectType // plural, singular, id, fully qualified name
	lastID    int64                  // of records
	lastType  int64                  // of custom objects
	lastAssoc int                    // of association types
	links     linkStore
	owners    []Owner
	blocked   map[string]bool // addresses that GDPR requests have removed (11.4)
}

// An objectType is a kind of record (3.2).
type objectType struct {
	ID       string // such as 0-1
	Name     string // plural, as in paths
	Singular string
	Custom   bool
	Label    string
	Primary  string // primaryDisplayProperty
	Required []string
	Unique   []string // built-in properties that upsert takes (7)
	Default  []string // what a read returns if it names nothing

	index    uint16
	fqn      string
	created  time.Time
	props    map[string]*property
	order    []*property
	groups   []*group
	pipes    []*pipeline
	records  map[int64]*record
	ids      []int64 // ascending, archived ones included
	unique   map[*property]map[string]int64
	merged   map[int64]int64 // id that was merged away → id that survives
	stage    *property       // the property that names a pipeline's stage
	pipeline *property
	archived bool
}

func newPortal(o Options, now time.Time) *portal {
	p := &portal{
		id: o.Portal, byName: make(map[string]*objectType), lastID: 500 + int64(uint64(o.Seed)%89),
		lastType: 3000000 + o.Portal%1000, lastAssoc: 30, owners: slices.Clone(o.Owners), blocked: make(map[string]bool),
	}
	p.links.init()
	for _, t := range standardTypes() {
		p.add(t, now)
		t.defineStandard(now)
	}
	p.defineBuiltinLinks()
	return p
}

// add registers a type under all its names.
func (p *portal) add(t *objectType, now time.Time) {
	t.index = uint16(len(p.types))
	t.created = now
	t.props = make(map[string]*property)
	t.records = make(map[int64]*record)
	t.unique = make(map[*property]map[string]int64)
	t.merged = make(map[int64]int64)
	p.types = append(p.types, t)
	p.byName[t.ID], p.byName[strings.ToLower(t.Name)] = t, t
	if !t.Custom {
		p.byName[t.Singular] = t
	} else { // custom objects aren't known by their plain name (3)
		t.fqn = fmt.Sprintf("p%d_%s", p.id, t.Singular)
		p.byName[strings.ToLower(t.fqn)] = t
		p.byName["p_"+strings.ToLower(t.Singular)] = t
	}
}

// resolve returns the type that a path calls name, or nil.
func (p *portal) resolve(name string) *objectType {
	if t := p.byName[strings.ToLower(name)]; t != nil && !t.archived {
		return t
	}
	return nil
}

func (c *call) typeOf(name string) (*objectType, *apiError) {
	if t := c.s.portal.resolve(name); t != nil {
		return t, nil
	}
	return nil, invalid("Unable to infer object type from: %s", name)
}

// upper returns the name of the type as it appears in messages, such as CONTACT.
func (t *objectType) upper() string { return strings.ToUpper(t.Singular) }

// title returns the name of the type at the start of a sentence, such as Contact.
func (t *objectType) title() string {
	return strings.ToUpper(t.Singular[:1]) + strings.ReplaceAll(t.Singular[1:], "_", " ")
}

// activity returns whether records of the type are activities.
func (t *objectType) activity() bool {
	return slices.Contains([]string{"notes", "tasks", "calls", "meetings", "emails", "communications", "postal_mail"}, t.Name)
}

// uuid returns the next pseudo-random UUID.
func (s *Server) uuid() string {
	a, b := s.rng.Uint64(), s.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// nextRecordID returns ids that rise, but not one by one.
func (s *Server) nextRecordID() int64 {
	s.portal.lastID += 1 + s.rng.Int64N(7)
	return s.portal.lastID
}
