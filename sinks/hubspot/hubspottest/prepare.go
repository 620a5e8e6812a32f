package hubspottest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A change is what one input would do, checked but not applied.
type change struct {
	t        *objectType
	rec      *record // nil: a new one
	set      []value
	warnings []warning
	links    []newLink
	trace    string
	upsert   bool
	err      *apiError
}

// claims are the unique values that earlier inputs of the same request take.
type claims map[claimed]bool

type claimed struct {
	p   *property
	key string
}

// prepare checks an input against the portal and the inputs before it.
func (s *Server) prepare(c *call, t *objectType, rec *record, in *input, taken claims) *change {
	ch := &change{t: t, rec: rec, trace: in.trace}
	var wrong []*propError
	for _, p := range in.properties {
		if err := s.prepareValue(c, ch, p); err != nil {
			err.Name, err.Portal = p.name, s.opt.Portal
			wrong = append(wrong, err)
		}
	}
	wrong = append(wrong, s.stageErrors(ch)...)
	if len(wrong) > 0 {
		ch.err = propErrors(wrong)
		return ch
	}
	if ch.err = s.required(ch, in); ch.err != nil {
		return ch
	}
	if ch.err = s.rules(c, ch); ch.err != nil {
		return ch
	}
	if ch.links, ch.err = s.inlineLinks(t, in.associations); ch.err != nil {
		return ch
	}
	ch.err = s.takeUnique(ch, taken)
	return ch
}

func (s *Server) prepareValue(c *call, ch *change, in pair) *propError {
	p := ch.t.find(in.name)
	if p == nil || !p.Defined && c.now.Sub(p.Created.Time) < s.opt.Switches.DefinitionLag {
		return bad("PROPERTY_DOESNT_EXIST", "Property %q does not exist", in.name)
	}
	if p.readOnly(ch.rec == nil) {
		return bad("READ_ONLY_VALUE", "%q is a read only property; its value cannot be set.", in.name)
	}
	if in.null {
		switch s.opt.Switches.NullProperty {
		case "ignore":
			return nil
		case "refuse":
			return bad("INVALID_NULL", "%s must not be null", in.name)
		}
		in.text = ""
	}
	v := value{def: p, text: in.text}
	if in.text != "" {
		current := ""
		if ch.rec != nil {
			current = ch.rec.get(p)
		}
		text, warn, err := s.normalize(c, p, in.text, current)
		if err != nil {
			return err
		}
		if warn != nil {
			ch.warnings = append(ch.warnings, *warn)
		}
		v.text = text
	}
	if at := slices.IndexFunc(ch.set, func(have value) bool { return have.def == p }); at >= 0 {
		ch.set[at] = v
		return nil
	}
	ch.set = append(ch.set, v)
	return nil
}

// would returns the value that a property has after the change.
func (ch *change) would(p *property) string {
	for _, v := range ch.set {
		if v.def == p {
			return v.text
		}
	}
	if ch.rec != nil {
		return ch.rec.get(p)
	}
	return ""
}

func (ch *change) sets(p *property) bool {
	return p != nil && slices.ContainsFunc(ch.set, func(v value) bool { return v.def == p })
}

// stageErrors checks that a stage belongs to its pipeline (8.4).
func (s *Server) stageErrors(ch *change) []*propError {
	t := ch.t
	if t.stage == nil || !ch.sets(t.stage) && !ch.sets(t.pipeline) {
		return nil
	}
	name := ch.would(t.pipeline)
	wrong := func(p *property, err *propError) []*propError {
		err.Name, err.Portal = p.Name, s.opt.Portal
		return []*propError{err}
	}
	pipe := t.pipes[0]
	if name != "" {
		if pipe = t.pipelineByID(name); pipe == nil {
			return wrong(t.pipeline, bad("INVALID_OPTION", "%s was not one of the allowed options: [%s]", name, t.pipelineList()))
		}
	}
	if stage := ch.would(t.stage); stage != "" && pipe.stage(stage) == nil {
		return wrong(t.stage, bad("INVALID_OPTION", "%s was not one of the allowed options: [%s]", stage, pipe.stageList()))
	}
	return nil
}

// required checks what 3.3 and a schema ask for.
func (s *Server) required(ch *change, in *input) *apiError {
	if ch.rec != nil || s.opt.Switches.NoRequired {
		return nil
	}
	var missing []string
	for _, names := range ch.t.Required {
		if s.opt.Switches.LooseDeals && ch.t.Name == "deals" && names != "dealname" {
			continue
		}
		found := false
		for name := range strings.SplitSeq(names, "|") {
			found = found || ch.would(ch.t.find(name)) != ""
		}
		if !found {
			missing = append(missing, strings.ReplaceAll(names, "|", " or "))
		}
	}
	if len(missing) > 0 {
		e := invalid("Some required fields were not set: [%s]", strings.Join(missing, ", "))
		for _, name := range missing {
			e.Errors = append(e.Errors, errorDetail{
				Message: fmt.Sprintf("A value for %s must be provided", name), Code: "MISSING_REQUIRED_PROPERTY",
				Context: map[string][]string{"propertyName": {name}},
			})
		}
		return e
	}
	if ch.t.Name == "leads" && len(in.associations) == 0 && !s.opt.Switches.LooseLeads {
		return invalid("A lead must be associated with a contact or company when it is created")
	}
	return nil
}

// rules checks the administrator's rules, which only 2026-09 enforces (6.4).
func (s *Server) rules(c *call, ch *change) *apiError {
	if c.route.version != "2026-09" {
		return nil
	}
	var details []errorDetail
	for _, r := range s.opt.Rules {
		if s.portal.resolve(r.Object) != ch.t || ch.would(ch.t.find(r.Property)) != "" {
			continue
		}
		code := "MISSING_REQUIRED_PROPERTY"
		if r.If != "" {
			code = "MISSING_CONDITIONAL_REQUIRED_PROPERTY"
			if ch.would(ch.t.find(r.If)) != r.Equals {
				continue
			}
		} else if ch.rec != nil {
			continue
		}
		details = append(details, errorDetail{
			Message: fmt.Sprintf("A value for %s must be provided", r.Property), Code: code,
			Context: map[string][]string{"propertyName": {r.Property}},
		})
	}
	if details == nil {
		return nil
	}
	e := invalid("The property values provided are invalid")
	e.Errors, e.rule = details, true
	return e
}

// takeUnique checks the change's unique values against live records and the inputs before it.
func (s *Server) takeUnique(ch *change, taken claims) *apiError {
	if s.opt.Switches.RacyUnique && ch.rec == nil && !ch.upsert {
		return nil
	}
	for _, v := range ch.set {
		if !v.def.keyed || v.text == "" {
			continue
		}
		key := s.key(v.def, v.text)
		if v.def.email && s.portal.blocked[key] && !s.opt.Switches.GDPRFreesEmail {
			return invalid("%s was removed by a privacy request and can't be added again: GDPR_BLACKLISTED_EMAIL", v.text)
		}
		owner := s.holder(ch.t, v.def, v.text)
		if owner != nil && owner != ch.rec {
			return s.conflict(ch, v, owner)
		}
		if taken[claimed{v.def, key}] {
			return s.conflict(ch, v, nil)
		}
	}
	for _, v := range ch.set {
		if v.def.keyed && v.text != "" {
			taken[claimed{v.def, s.key(v.def, v.text)}] = true
		}
	}
	return nil
}

// conflict is a 409 for a contact's email and a 400 for every other unique property (6.3).
func (s *Server) conflict(ch *change, v value, owner *record) *apiError {
	if v.def.email {
		if owner == nil {
			return newError(http.StatusConflict, "CONFLICT", "%s already exists", ch.t.title())
		}
		id := strconv.FormatInt(owner.id, 10)
		return newError(http.StatusConflict, "CONFLICT", "%s already exists. Existing ID: %s", ch.t.title(), id).with("existingId", id)
	}
	on, have := s.portal.lastID+1, int64(0)
	if ch.rec != nil {
		on = ch.rec.id
	}
	have = on + 1
	if owner != nil {
		have = owner.id
	}
	return invalid("Cannot set PropertyValueCoordinates{portalId=%d, objectTypeId=ObjectTypeId{legacyObjectType=%s}, propertyName=%s, value=%s} on %d. %d already has that value.",
		s.opt.Portal, ch.t.upper(), v.def.Name, v.text, on, have)
}
