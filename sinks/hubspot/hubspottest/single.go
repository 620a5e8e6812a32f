package hubspottest

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// decodeSingle reads the body of a request about one record: an input without its envelope.
func (c *call) decodeSingle() (*input, *apiError) {
	r := &reader{data: c.body}
	in := &input{}
	err := r.input(in)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, invalidJSON(c.body, err)
	}
	return in, nil
}

// one runs fill with the lock and answers with its record.
func (c *call) one(status int, fill func(*objectType) (result, *apiError)) *reply {
	c.s.mu.Lock()
	t, err := c.typeOf(c.route.rest[0])
	var res result
	if err == nil {
		res, err = fill(t)
	}
	c.s.mu.Unlock()
	if err != nil {
		return c.refuse(err)
	}
	return &reply{status: status, kind: jsonType, body: res.append(nil)}
}

// createOne answers POST …/{type}.
func createOne(c *call) *reply {
	in, err := c.decodeSingle()
	if err != nil {
		return c.refuse(err)
	}
	return c.one(http.StatusCreated, func(t *objectType) (result, *apiError) {
		ch := c.s.prepare(c, t, nil, in, claims{})
		if ch.err != nil {
			return result{}, ch.err
		}
		r, _ := c.s.apply(c.writer(), ch)
		return c.s.written(ch, r, true), nil
	})
}

// theRecord finds the record that the path names.
func (c *call) theRecord(t *objectType, archived bool) (*record, *apiError) {
	key, err := c.s.readKey(t, c.query.Get("idProperty"))
	if err != nil {
		return nil, err
	}
	r := c.s.lookUp(c, t, key, c.route.rest[1])
	if r == nil || (r.archived != 0) != archived {
		return nil, notFound("Object not found.  objectId are usually numeric.")
	}
	return r, nil
}

// readOne answers GET …/{type}/{id}.
func readOne(c *call) *reply {
	return c.one(http.StatusOK, func(t *objectType) (result, *apiError) {
		r, err := c.theRecord(t, c.flag("archived"))
		if err != nil {
			return result{}, err
		}
		res := c.s.result(t, r)
		res.show, res.history = t.shown(c.names("properties")), t.named(c.names("propertiesWithHistory"))
		res.links, err = c.inlineRead(t, r)
		return res, err
	})
}

// inlineRead returns the associations that a read of one record asks for.
func (c *call) inlineRead(t *objectType, r *record) (json.RawMessage, *apiError) {
	names := c.names("associations")
	if names == nil {
		return nil, nil
	}
	type item struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	type list struct {
		Results []item `json:"results"`
	}
	all := make(map[string]list)
	for _, name := range names {
		to, err := c.typeOf(name)
		if err != nil {
			return nil, err
		}
		l := list{}
		for _, e := range c.s.portal.links.of(t, r.id, to) {
			l.Results = append(l.Results, item{idText(e.to), t.Singular + "_to_" + to.Singular})
		}
		if l.Results != nil {
			all[to.Name] = l
		}
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(all); err != nil {
		panic("hubspottest: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// updateOne answers PATCH …/{type}/{id}.
func updateOne(c *call) *reply {
	in, err := c.decodeSingle()
	if err != nil {
		return c.refuse(err)
	}
	return c.one(http.StatusOK, func(t *objectType) (result, *apiError) {
		r, err := c.theRecord(t, false)
		if err != nil {
			return result{}, err
		}
		ch := c.s.prepare(c, t, r, in, claims{})
		if ch.err != nil {
			return result{}, ch.err
		}
		c.s.apply(c.writer(), ch)
		return c.s.written(ch, r, false), nil
	})
}

// archiveOne answers DELETE …/{type}/{id}: 204, whatever the id.
func archiveOne(c *call) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, err := c.typeOf(c.route.rest[0])
	if err != nil {
		return c.refuse(err)
	}
	if r := t.live(c.route.rest[1]); r != nil {
		c.s.archive(c.writer(), t, r)
	}
	return noContent()
}
