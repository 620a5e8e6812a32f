package hubspottest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// An Edit is what a person does to a record in HubSpot's own pages, past limits and faults.
type Edit struct {
	Action     string            `json:"action"` // create, update, archive, restore, merge, delete
	Object     string            `json:"object"`
	ID         string            `json:"id"`              // of all but create
	Other      string            `json:"other,omitempty"` // merge: the record that is merged into ID
	Properties map[string]string `json:"properties,omitempty"`
}

// Edit carries out an edit and returns the record as it is then. Values are checked as those of the API are, but
// nothing is required and read-only properties may be set.
func (s *Server) Edit(e Edit) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.portal.resolve(e.Object)
	if t == nil {
		return Record{}, fmt.Errorf("unknown object type %q", e.Object)
	}
	w := writer{now: s.now(), by: "admin"}
	r, _ := t.byID(e.ID)
	if r == nil && e.Action != "create" {
		return Record{}, fmt.Errorf("%s has no record %q", t.Name, e.ID)
	}
	switch e.Action {
	case "create", "update":
		ch, err := s.edited(w, t, r, e)
		if err != nil {
			return Record{}, err
		}
		r, _ = s.apply(w, ch)
	case "archive":
		s.archive(w, t, r)
	case "restore":
		if err := s.restore(w, t, r); err != nil {
			return Record{}, err
		}
	case "merge":
		survivor, err := s.merge(w, t, e.ID, e.Other)
		if err != nil {
			return Record{}, errors.New(err.Message)
		}
		r = survivor
	case "delete":
		s.erase(w, t, r)
	default:
		return Record{}, fmt.Errorf("unknown action %q: there are create, update, archive, restore, merge, delete", e.Action)
	}
	return readable(r), nil
}

func (s *Server) edited(w writer, t *objectType, r *record, e Edit) (*change, error) {
	ch := &change{t: t, rec: r}
	if e.Action == "create" {
		ch.rec = nil
	}
	c := &call{s: s, now: w.now, route: route{version: "2026-03"}}
	for _, name := range slices.Sorted(maps.Keys(e.Properties)) {
		p, text := t.find(name), e.Properties[name]
		if p == nil {
			return nil, fmt.Errorf("property %q does not exist", name)
		}
		if text != "" {
			v, _, err := s.normalize(c, p, text, "")
			if err != nil {
				return nil, errors.New(err.Message)
			}
			text = v
		}
		ch.set = append(ch.set, value{p, text})
	}
	if err := s.takeUnique(ch, claims{}); err != nil {
		return nil, errors.New(err.Message)
	}
	return ch, nil
}

// restore takes a record out of the recycle bin. Its links don't come back.
func (s *Server) restore(w writer, t *objectType, r *record) error {
	for _, v := range r.values {
		if v.def.keyed && v.text != "" {
			if owner := s.holder(t, v.def, v.text); owner != nil && owner != r {
				return fmt.Errorf("%d has the value %q of %s by now", owner.id, v.text, v.def.Name)
			}
		}
	}
	s.remember(t, r, w.now)
	r.archived = 0
	s.claim(t, r, r.values, true)
	s.log.write(w, t, r.id, "restore", "", nil)
	return nil
}

// A Label is an association label that a person makes.
type Label struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Name    string `json:"name"` // "" is made of the label
	Label   string `json:"label"`
	Inverse string `json:"inverseLabel,omitempty"`
}

// LabelIDs are the type ids of a label, one for each direction.
type LabelIDs struct {
	ID      int `json:"typeId"`
	Inverse int `json:"inverseTypeId"`
}

// AddLabel makes an association label (10.1).
func (s *Server) AddLabel(l Label) (LabelIDs, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := s.portal.resolve(l.From), s.portal.resolve(l.To)
	if from == nil || to == nil {
		return LabelIDs{}, fmt.Errorf("unknown object type %q or %q", l.From, l.To)
	}
	a, err := s.addLabel(endpoints{from: from, to: to}, or(l.Name, labelName(l.Label)), l.Label, l.Inverse)
	if err != nil {
		return LabelIDs{}, errors.New(err.Message)
	}
	return LabelIDs{a.ID, a.Inverse}, nil
}

// A Pipeline is a way of deals, tickets, leads or orders that a person makes (3.6).
type Pipeline struct {
	Object string
	ID     string
	Label  string
	Stages []Stage // in order
}

// A Stage is one step of a Pipeline.
type Stage struct{ ID, Label string }

// AddPipeline makes a pipeline.
func (s *Server) AddPipeline(p Pipeline) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.portal.resolve(p.Object)
	if t == nil {
		return fmt.Errorf("unknown object type %q", p.Object)
	}
	made := &pipeline{ID: p.ID, Label: p.Label, Order: len(t.pipes)}
	for i, step := range p.Stages {
		made.Stages = append(made.Stages, &stage{ID: step.ID, Label: step.Label, Order: i, Metadata: map[string]string{}, Write: stageWrite})
	}
	if err := s.addPipeline(t, made, s.now()); err != nil {
		return errors.New(err.Message)
	}
	return nil
}

func labelName(label string) string {
	name := []byte(label)
	for i, b := range name {
		switch {
		case b >= 'A' && b <= 'Z':
			name[i] = b + 'a' - 'A'
		case (b < 'a' || b > 'z') && (b < '0' || b > '9'):
			name[i] = '_'
		}
	}
	return string(name)
}
