package hubspottest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// The saved form of a portal. Everything is ordered, so that equal portals are equal files.
type savedPortal struct {
	Version   int          `json:"version"`
	Portal    int64        `json:"portal"`
	LastID    int64        `json:"lastId"`
	LastType  int64        `json:"lastType"`
	LastAssoc int          `json:"lastAssociationType"`
	Random    []byte       `json:"random"`
	Blocked   []string     `json:"blocked,omitempty"`
	Owners    []Owner      `json:"owners"`
	Types     []savedType  `json:"types"`
	LinkTypes []savedKind  `json:"linkTypes"`
	Links     []savedLinks `json:"links"`
}

type savedType struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Singular   string           `json:"singular"`
	Label      string           `json:"label"`
	Primary    string           `json:"primary"`
	Custom     bool             `json:"custom,omitempty"`
	Archived   bool             `json:"archived,omitempty"`
	Required   []string         `json:"required,omitempty"`
	Created    time.Time        `json:"createdAt"`
	Properties []*property      `json:"properties"` // all of the portal's own and those of HubSpot that were changed
	Groups     []*group         `json:"groups"`
	Pipelines  []*pipeline      `json:"pipelines,omitempty"`
	Records    []savedRecord    `json:"records,omitempty"`
	Merged     map[string]int64 `json:"merged,omitempty"`
}

type savedRecord struct {
	ID       int64             `json:"id"`
	Created  int64             `json:"c"`
	Updated  int64             `json:"u"`
	Archived int64             `json:"a,omitempty"`
	Merged   string            `json:"m,omitempty"`
	Values   map[string]string `json:"v"`
}

// A savedKind is an association type; its solo list isn't saved.
type savedKind struct {
	From  string       `json:"from"`
	To    string       `json:"to"`
	Types []*assocType `json:"types"`
}

type savedLinks struct {
	From string     `json:"from"`
	To   string     `json:"to"`
	ID   int64      `json:"id"`
	Ends []savedEnd `json:"ends"`
}

type savedEnd struct {
	ID    int64 `json:"id"`
	Types []int `json:"types"`
}

// Save writes the portal as JSON: records, properties, schemas, labels, links, pipelines and the state of the random
// numbers. Limits, faults, tokens and logs aren't saved.
func (s *Server) Save(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	random, err := s.pcg.MarshalBinary()
	if err != nil {
		return fmt.Errorf("save the portal: %w", err)
	}
	p := s.portal
	out := savedPortal{
		Version: 1, Portal: p.id, LastID: p.lastID, LastType: p.lastType, LastAssoc: p.lastAssoc, Random: random,
		Blocked: slices.Sorted(maps.Keys(p.blocked)), Owners: p.owners,
	}
	for _, t := range p.types {
		out.Types = append(out.Types, t.save())
	}
	out.LinkTypes, out.Links = p.saveLinks()
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return fmt.Errorf("save the portal: %w", err)
	}
	return nil
}

func (t *objectType) save() savedType {
	out := savedType{
		ID: t.ID, Name: t.Name, Singular: t.Singular, Label: t.Label, Primary: t.Primary, Custom: t.Custom, Archived: t.archived,
		Required: t.Required, Created: t.created, Groups: t.groups, Pipelines: t.pipes,
	}
	for _, p := range t.order {
		if !p.Defined || p.Updated != p.Created {
			out.Properties = append(out.Properties, p)
		}
	}
	for _, id := range t.ids {
		r := t.records[id]
		if r == nil {
			continue
		}
		v := savedRecord{ID: r.id, Created: r.created, Updated: r.updated, Archived: r.archived, Merged: r.merged, Values: make(map[string]string, len(r.values))}
		for _, x := range r.values {
			v.Values[x.def.Name] = x.text
		}
		out.Records = append(out.Records, v)
	}
	for old, id := range t.merged {
		if out.Merged == nil {
			out.Merged = make(map[string]int64)
		}
		out.Merged[idText(old)] = id
	}
	return out
}

func (p *portal) saveLinks() (kinds []savedKind, links []savedLinks) {
	for _, from := range p.types {
		for _, to := range p.types {
			if types := p.links.types[pairOf{from.index, to.index}]; types != nil {
				kinds = append(kinds, savedKind{from.ID, to.ID, types})
			}
			for _, id := range from.ids {
				l := savedLinks{From: from.ID, To: to.ID, ID: id}
				for _, e := range p.links.of(from, id, to) {
					x := savedEnd{ID: e.to}
					for _, a := range e.types {
						x.Types = append(x.Types, a.ID)
					}
					l.Ends = append(l.Ends, x)
				}
				if l.Ends != nil {
					links = append(links, l)
				}
			}
		}
	}
	return kinds, links
}

// Load replaces the portal by one that Save wrote. The portal's id must be the same. On an error nothing changes.
func (s *Server) Load(r io.Reader) error {
	var in savedPortal
	if err := json.NewDecoder(r).Decode(&in); err != nil {
		return fmt.Errorf("load the portal: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case in.Version != 1:
		return fmt.Errorf("load the portal: unknown version %d", in.Version)
	case in.Portal != s.opt.Portal:
		return fmt.Errorf("load the portal: the file is of portal %d, this one is %d", in.Portal, s.opt.Portal)
	}
	was := s.portal
	s.portal = newPortal(s.opt, s.now())
	if err := s.restorePortal(&in); err != nil {
		s.portal = was
		return fmt.Errorf("load the portal: %w", err)
	}
	s.recent = nil
	return nil
}

func (s *Server) restorePortal(in *savedPortal) error {
	p := s.portal
	p.lastID, p.lastType, p.lastAssoc, p.owners = in.LastID, in.LastType, in.LastAssoc, in.Owners
	for _, email := range in.Blocked {
		p.blocked[email] = true
	}
	for _, saved := range in.Types {
		if err := s.restoreType(&saved); err != nil {
			return err
		}
	}
	if err := p.restoreLinks(in); err != nil {
		return err
	}
	if err := s.pcg.UnmarshalBinary(in.Random); err != nil {
		return fmt.Errorf("random: %w", err)
	}
	return nil
}

func (s *Server) restoreType(in *savedType) error {
	t := s.portal.byName[strings.ToLower(in.ID)]
	if t == nil {
		t = &objectType{ID: in.ID, Name: in.Name, Singular: in.Singular, Custom: in.Custom}
		s.portal.add(t, in.Created)
		t.defineStandard(in.Created)
	}
	t.Label, t.Primary, t.Required, t.archived, t.created = in.Label, in.Primary, in.Required, in.Archived, in.Created
	t.groups, t.pipes = in.Groups, in.Pipelines
	for _, p := range in.Properties {
		if old := t.props[p.Name]; old != nil {
			old.Label, old.Description, old.GroupName, old.Options, old.Archived = p.Label, p.Description, p.GroupName, p.Options, p.Archived
			continue
		}
		created, updated := p.Created, p.Updated
		t.define(p, created.Time)
		p.Updated = updated
	}
	for _, v := range in.Records {
		r := &record{id: v.ID, created: v.Created, updated: v.Updated, archived: v.Archived, merged: v.Merged}
		for _, name := range slices.Sorted(maps.Keys(v.Values)) {
			p := t.props[name]
			if p == nil {
				return fmt.Errorf("%s %d has a value of the unknown property %q", t.Name, v.ID, name)
			}
			r.values = append(r.values, value{p, v.Values[name]})
		}
		t.records[r.id] = r
		t.ids = append(t.ids, r.id)
		if r.archived == 0 || s.opt.Switches.ArchivedBlocksKey {
			s.claim(t, r, r.values, true)
		}
	}
	for old, id := range in.Merged {
		t.merged[int64(atoi(old))] = id
	}
	return nil
}

func (p *portal) restoreLinks(in *savedPortal) error {
	p.links.init()
	for _, k := range in.LinkTypes {
		from, to := p.byName[k.From], p.byName[k.To]
		if from == nil || to == nil {
			return fmt.Errorf("association types between the unknown types %q and %q", k.From, k.To)
		}
		p.links.types[pairOf{from.index, to.index}] = k.Types
	}
	for _, l := range in.Links {
		from, to := p.byName[l.From], p.byName[l.To]
		if from == nil || to == nil {
			return fmt.Errorf("links between the unknown types %q and %q", l.From, l.To)
		}
		e := end(from, l.ID, to)
		for _, x := range l.Ends {
			var types []*assocType
			for _, id := range x.Types {
				a := p.links.typeBy(e.pairOf, "", id)
				if a == nil {
					return fmt.Errorf("a link from %s %d has the unknown type %d", l.From, l.ID, id)
				}
				types = append(types, a)
			}
			if len(types) == 1 {
				types = types[0].alone()
			}
			p.links.set(e, x.ID, types)
		}
	}
	return nil
}
