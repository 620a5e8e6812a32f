package hubspottest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// maxHistoryInputs is the limit of a read with propertiesWithHistory (3.1).
const maxHistoryInputs = 50

// batchRead answers POST …/batch/read.
func batchRead(c *call) *reply {
	b, rep := c.readBatch(http.StatusOK, maxInputs)
	switch {
	case rep != nil:
		return rep
	case len(b.history) > 0 && len(b.inputs) > maxHistoryInputs:
		return c.refuse(invalid("The maximum number of inputs supported in a batch request for property histories is %d, but received %d", maxHistoryInputs, len(b.inputs)))
	}
	archived := c.flag("archived")
	return c.locked(http.StatusOK, func(t *objectType, a *batchAnswer) *apiError {
		key, err := c.s.readKey(t, b.idProperty)
		if err != nil {
			return err
		}
		var missing []string
		seen := make(map[int64]bool, len(b.inputs))
		show, history := t.shown(b.properties), t.named(b.history)
		for _, in := range b.inputs {
			if c.passesOver(in.id) {
				continue
			}
			r := c.s.lookUp(c, t, key, in.id)
			switch {
			case r == nil || (r.archived != 0) != archived:
				missing = append(missing, in.id)
			case !seen[r.id]:
				seen[r.id] = true
				res := c.s.result(t, r)
				res.show, res.history = show, history
				a.results = append(a.results, res)
			}
		}
		if missing != nil {
			a.errors = append(a.errors, c.s.unread(t, key, missing))
		}
		return nil
	})
}

// readKey returns the property of an idProperty, nil for the record id.
func (s *Server) readKey(t *objectType, name string) (*property, *apiError) {
	if name == "" || name == "hs_object_id" {
		return nil, nil
	}
	return s.keyFor(t, name, "read")
}

// lookUp finds a record, archived ones included. By id it follows merges (11.3).
func (s *Server) lookUp(c *call, t *objectType, key *property, id string) *record {
	if key == nil {
		r, _ := t.byID(id)
		return r
	}
	r := s.holder(t, key, id)
	if lag := s.opt.Switches.ReadLag; r != nil && lag > 0 && c.now.UnixMilli()-r.created < lag.Milliseconds() {
		return nil
	}
	return r
}

func (s *Server) unread(t *objectType, key *property, missing []string) *apiError {
	e := missingRecords(t, missing)
	if key == nil || !s.opt.Switches.MissingCoordinates {
		return e
	}
	var list []string
	for _, id := range missing {
		list = append(list, "PropertyValueCoordinates{portalId="+idText(s.opt.Portal)+", "+t.ID+", "+key.Name+":"+id)
	}
	e.Context = nil
	return e.with("missingObjectPropertyValueCoordinates", list...)
}

// shown returns what a read shows: the named properties, or the default ones, and always the system ones.
func (t *objectType) shown(names []string) []*property {
	show := t.named(names)
	if len(names) == 0 {
		show = t.named(t.Default)
	}
	for _, p := range t.systemShown() {
		if !slices.Contains(show, p) {
			show = append(show, p)
		}
	}
	return show
}

// named returns the properties of these names. Unknown ones are left out without a word.
func (t *objectType) named(names []string) []*property {
	var list []*property
	for _, name := range names {
		if p := t.find(name); p != nil && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// page is the body of a list or a search.
func (c *call) page(results []result, total int, after string) *reply {
	b := []byte("{")
	if total >= 0 {
		b = strconv.AppendInt(append(b, `"total":`...), int64(total), 10)
		b = append(b, ',')
	}
	b = append(b, `"results":[`...)
	for i := range results {
		if i > 0 {
			b = append(b, ',')
		}
		b = results[i].append(b)
	}
	b = append(b, ']')
	if after != "" {
		next, _ := json.Marshal(pagingTo(after))
		b = append(append(b, `,"paging":`...), next...)
	}
	return &reply{status: http.StatusOK, kind: jsonType, body: append(b, '}')}
}

// paging tells where the next page begins.
type paging struct {
	Next struct {
		After string `json:"after"`
		Link  string `json:"link"`
	} `json:"next"`
}

func pagingTo(after string) *paging {
	p := &paging{}
	p.Next.After, p.Next.Link = after, "?after="+after
	return p
}

// listObjects answers GET …/{type}: ascending by id.
func listObjects(c *call) *reply {
	limit, err := c.number("limit", 10, 100)
	if err != nil {
		return c.refuse(err)
	}
	after, _ := strconv.ParseInt(c.query.Get("after"), 10, 64)
	archived := c.flag("archived")
	c.s.mu.Lock()
	t, err := c.typeOf(c.route.rest[0])
	if err != nil {
		c.s.mu.Unlock()
		return c.refuse(err)
	}
	show := t.shown(c.names("properties"))
	at, _ := slices.BinarySearch(t.ids, after)
	var results []result
	next := ""
	for ; at < len(t.ids); at++ {
		r := t.records[t.ids[at]]
		if r == nil || (r.archived != 0) != archived {
			continue
		}
		if len(results) == limit {
			next = idText(r.id)
			break
		}
		res := c.s.result(t, r)
		res.show = show
		results = append(results, res)
	}
	c.s.mu.Unlock()
	return c.page(results, -1, next)
}
