package hubspottest

import (
	"slices"
	"strconv"
	"time"
)

// A record is one CRM record. values are never changed in place, so that an answer can be written without the lock.
type record struct {
	id       int64
	created  int64 // milliseconds since 1970
	updated  int64
	archived int64 // 0 while it is live
	values   []value
	merged   string // former ids, separated by semicolons (11.3)
}

// A value is one property's text. "" in a change means: clear.
type value struct {
	def  *property
	text string
}

func (r *record) get(p *property) string {
	if p == nil {
		return ""
	}
	for _, v := range r.values {
		if v.def == p {
			return v.text
		}
	}
	switch p.system {
	case sysID:
		return strconv.FormatInt(r.id, 10)
	case sysCreated:
		return time.UnixMilli(r.created).UTC().Format(stampFormat)
	case sysUpdated:
		return time.UnixMilli(r.updated).UTC().Format(stampFormat)
	case sysMerged:
		return r.merged
	}
	return ""
}

// merge returns values with set applied.
func mergeValues(values, set []value) []value {
	merged := make([]value, len(values), len(values)+len(set))
	copy(merged, values)
	for _, v := range set {
		at := slices.IndexFunc(merged, func(m value) bool { return m.def == v.def })
		switch {
		case at >= 0 && v.text == "":
			merged = slices.Delete(merged, at, at+1)
		case at >= 0:
			merged[at].text = v.text
		case v.text != "":
			merged = append(merged, v)
		}
	}
	return merged
}

// byID finds a record by id, live or archived. A merged-away id finds the survivor.
func (t *objectType) byID(id string) (r *record, merged bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, false
	}
	for hops := 0; hops < 1000; hops++ {
		next, ok := t.merged[n]
		if !ok {
			break
		}
		n, merged = next, true
	}
	return t.records[n], merged
}

// live returns a record that isn't archived, following merges.
func (t *objectType) live(id string) *record {
	if r, _ := t.byID(id); r != nil && r.archived == 0 {
		return r
	}
	return nil
}

// holder returns the record that has the value of a unique property, or nil.
func (s *Server) holder(t *objectType, p *property, text string) *record {
	id, ok := t.unique[p][s.key(p, text)]
	if !ok {
		return nil
	}
	return t.records[id]
}

func (s *Server) key(p *property, text string) string {
	return fold(p, text, s.opt.Switches)
}

// claim enters or removes a record's unique values.
func (s *Server) claim(t *objectType, r *record, values []value, on bool) {
	for _, v := range values {
		if index := t.unique[v.def]; index != nil && v.text != "" {
			s.claimValue(index, s.key(v.def, v.text), r.id, on)
		}
		if v.def.Name == "hs_additional_emails" {
			for email := range splitList(v.text) {
				s.claimValue(t.unique[t.props["email"]], s.key(t.props["email"], email), r.id, on)
			}
		}
	}
}

func (s *Server) claimValue(index map[string]int64, key string, id int64, on bool) {
	switch {
	case on:
		index[key] = id
	case index[key] == id:
		delete(index, key)
	}
}

// keyFor returns the property that an upsert, update or read may identify records by (7).
func (s *Server) keyFor(t *objectType, name, verb string) (*property, *apiError) {
	if p := t.find(name); p != nil && p.keyed {
		return p, nil
	}
	return nil, invalid("Unable to perform %s by non-unique %s property %s in portal ID %d", verb, t.ID, name, s.opt.Portal)
}

// archive moves a record to the recycle bin, together with its links (11.4).
func (s *Server) archive(c writer, t *objectType, r *record) {
	if r.archived != 0 {
		return
	}
	s.remember(t, r, c.now)
	r.archived = c.now.UnixMilli()
	if !s.opt.Switches.ArchivedBlocksKey {
		s.claim(t, r, r.values, false)
	}
	s.portal.links.dropAll(t, r.id)
	s.log.write(c, t, r.id, "archive", "", nil)
}
