package hubspottest

import (
	"strconv"
	"time"
)

// A Record is a record as it really is, free of lags and faults.
type Record struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"` // those that have a value
	Created    time.Time         `json:"createdAt"`
	Updated    time.Time         `json:"updatedAt"`
	Archived   bool              `json:"archived"`
	MergedIDs  string            `json:"mergedIds,omitempty"` // former ids, separated by semicolons
}

// A Link is one direction of an association.
type Link struct {
	From   string   `json:"from"`
	To     string   `json:"to"`
	Types  []string `json:"types"`  // such as HUBSPOT_DEFINED/279
	Labels []string `json:"labels"` // of the labelled types
}

// Requests returns the requests that are kept, the oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, 0, len(s.log.requests.list))
	s.log.requests.each(func(r *Request) { list = append(list, *r) })
	for i := range list {
		list[i].Traces = traceIDs(list[i].Body)
	}
	return list
}

func traceIDs(body []byte) []string {
	b, err := decodeBatch(body)
	if err != nil {
		return nil
	}
	var ids []string
	for _, in := range b.inputs {
		if in.trace != "" {
			ids = append(ids, in.trace)
		}
	}
	return ids
}

// Writes returns the applied writes that are kept, the oldest first.
func (s *Server) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Write, 0, len(s.log.writes.list))
	s.log.writes.each(func(e *entry) { list = append(list, e.readable()) })
	return list
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.log.stats.clone()
	stats.Duplicates = make(map[string]int)
	for object, name := range s.opt.BusinessKeys {
		stats.Duplicates[object] = len(s.duplicates(object, name))
	}
	return stats
}

func readable(r *record) Record {
	out := Record{
		ID: idText(r.id), Properties: make(map[string]string, len(r.values)), MergedIDs: r.merged, Archived: r.archived != 0,
		Created: time.UnixMilli(r.created).UTC(), Updated: time.UnixMilli(r.updated).UTC(),
	}
	for _, v := range r.values {
		out.Properties[v.def.Name] = v.text
	}
	return out
}

// Records returns the live records of an object type, ascending by id. An unknown type has none.
func (s *Server) Records(object string) []Record { return s.records(object, false) }

// Archived returns the archived records of an object type, ascending by id.
func (s *Server) Archived(object string) []Record { return s.records(object, true) }

func (s *Server) records(object string, archived bool) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.portal.resolve(object)
	if t == nil {
		return nil
	}
	list := make([]Record, 0, len(t.ids))
	for _, id := range t.ids {
		if r := t.records[id]; r != nil && (r.archived != 0) == archived {
			list = append(list, readable(r))
		}
	}
	return list
}

// Record returns one record, live or archived. An id that was merged away finds the survivor.
func (s *Server) Record(object, id string) (Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.portal.resolve(object); t != nil {
		if r, _ := t.byID(id); r != nil {
			return readable(r), true
		}
	}
	return Record{}, false
}

// Find returns the live record that has the value of a unique property.
func (s *Server) Find(object, property, text string) (Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.portal.resolve(object); t != nil {
		if p := t.find(property); p != nil && p.keyed {
			if r := s.holder(t, p, text); r != nil {
				return readable(r), true
			}
		}
	}
	return Record{}, false
}

// Count returns how many live records an object type has.
func (s *Server) Count(object string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	if t := s.portal.resolve(object); t != nil {
		for _, r := range t.records {
			if r.archived == 0 {
				n++
			}
		}
	}
	return n
}

func typeNames(types []*assocType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.Category + "/" + strconv.Itoa(t.ID)
	}
	return names
}

func readableLink(from int64, e edge) Link {
	l := Link{From: idText(from), To: idText(e.to), Types: typeNames(e.types)}
	for _, t := range e.types {
		if !t.plain() {
			l.Labels = append(l.Labels, t.Label)
		}
	}
	return l
}

// Links returns all links from records of one type to records of another, ascending by the ids of both ends.
func (s *Server) Links(from, to string) []Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, b := s.portal.resolve(from), s.portal.resolve(to)
	if a == nil || b == nil {
		return nil
	}
	links := []Link{}
	for _, id := range a.ids {
		for _, e := range s.portal.links.of(a, id, b) {
			links = append(links, readableLink(id, e))
		}
	}
	return links
}

// LinksOf returns the links of one record to records of one type, ascending by id.
func (s *Server) LinksOf(object, id, to string) []Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, b := s.portal.resolve(object), s.portal.resolve(to)
	n, err := strconv.ParseInt(id, 10, 64)
	if a == nil || b == nil || err != nil {
		return nil
	}
	var links []Link
	for _, e := range s.portal.links.of(a, n, b) {
		links = append(links, readableLink(n, e))
	}
	return links
}

// Duplicates returns the values of a property that several live records hold, with their ids: the oracle of
// "at most one live record for each source key".
func (s *Server) Duplicates(object, property string) map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.duplicates(object, property)
}

func (s *Server) duplicates(object, property string) map[string][]string {
	t := s.portal.resolve(object)
	if t == nil || t.props[property] == nil {
		return nil
	}
	p, ids := t.props[property], make(map[string][]string)
	for _, id := range t.ids {
		r := t.records[id]
		if r == nil || r.archived != 0 {
			continue
		}
		if v := r.get(p); v != "" {
			key := s.key(p, v)
			ids[key] = append(ids[key], idText(id))
		}
	}
	for key, list := range ids {
		if len(list) < 2 {
			delete(ids, key)
		}
	}
	return ids
}
