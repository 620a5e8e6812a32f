package hubspot

import (
	"math/rand/v2"

	"sluice/sinks/hubspot/hubspottest"
)

// A merge is one that people made.
type merge struct {
	seq                      int64 // of the write
	object                   string
	primary, other, survivor string
}

// visit lets somebody do something in HubSpot.
func (c *campaign) visit(d *rand.Rand) {
	const object = "contacts"
	live := c.portal.Records(object)
	if len(live) < 2 {
		return
	}
	e := hubspottest.Edit{Object: object, ID: pick(d, live...).ID}
	switch d.IntN(10) {
	case 0:
		e.Action = "archive"
	case 1:
		e.Action = pick(d, "archive", "delete")
	case 2, 3:
		if gone := c.portal.Archived(object); len(gone) > 0 {
			e.Action, e.ID = "restore", pick(d, gone...).ID
		}
	case 4, 5, 6, 7:
		e.Action, e.Other = "merge", pick(d, live...).ID
	default:
		name := pick(d, "firstname", "city", "jobtitle")
		e.Action, e.Properties = "update", map[string]string{name: pick(d, "by hand", "Ann", "Oslo", "Rome", "")}
	}
	c.act(e)
}

// act carries out what somebody does, if that is anything.
func (c *campaign) act(e hubspottest.Edit) {
	if e.Action == "" || e.ID == e.Other || c.isNobodys(e.ID) || c.isNobodys(e.Other) {
		return
	}
	before, _ := c.portal.Record(e.Object, e.ID)
	r, err := c.portal.Edit(e)
	c.note("people: %+v: %s %v", e, r.ID, err)
	if err != nil {
		return
	}
	c.count("people " + e.Action)
	switch e.Action {
	case "delete":
		c.mu.Lock()
		c.blocked = append(c.blocked, before)
		c.mu.Unlock()
	case "merge":
		m := merge{object: e.Object, primary: e.ID, other: e.Other, survivor: r.ID}
		for _, w := range c.portal.Writes() {
			if w.Action == "merge" && w.Object == e.Object && w.ID == r.ID {
				m.seq = w.Seq
			}
		}
		c.mu.Lock()
		c.merges = append(c.merges, m)
		c.mu.Unlock()
	}
}

// isNobodys tells whether a record is the one that neither rows nor people do anything with.
func (c *campaign) isNobodys(id string) bool {
	r, ok := c.portal.Find("contacts", "email", strangers[2])
	return ok && r.ID == id
}
