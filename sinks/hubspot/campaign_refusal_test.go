package hubspot

import (
	"regexp"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// reason tells whether there is a reason for a row to be refused, once it was tried again without any trouble.
func (c *campaign) reason(p *past, r fact, l pipeline.DeadLetter) bool {
	switch l.Code {
	case "not_found":
		record, found := c.matching(r)
		sensitive := c.portal.Switches().CaseSensitiveKeys && record.Properties["ext_id"] != r["ext_id"]
		return c.feed.mode == modeUpdate && (!found || sensitive)
	case "empty_match":
		return r[c.feed.match[0]] == ""
	case "invalid_email":
		return r["email"] == invalidEmail
	case "validation_error":
		return r["email"] == invalidEmail || c.portal.Switches().ArchivedBlocksKey && (c.holds(p, r, "ext_id") || c.holds(p, r, "email")) || r["firstname"] == "" && r["email"] == "" ||
			slices.ContainsFunc(c.blocked, func(d hubspottest.Record) bool { return hasEmail(d.Properties, r["email"]) })
	case "conflict":
		return c.holds(p, r, "ext_id") || c.holds(p, r, "email")
	case "gone":
		return !c.live(p.last[r["id"]].ID)
	case "merged":
		into, owner := mergedInto(l.Message)
		return c.feed.keys()[owner] && slices.ContainsFunc(c.merges, func(m merge) bool { return c.final(m.survivor) == c.final(into) })
	case "key_collision":
		return c.collides(p, r)
	}
	return false
}

// collides tells whether another row of the source stands for the record of a row, or for what the row is matched with.
func (c *campaign) collides(p *past, r fact) bool {
	mine, found := c.matching(r)
	own, _ := c.portal.Record("contacts", p.last[r["id"]].ID)
	for _, other := range c.feed.rows {
		if other["id"] == r["id"] {
			continue
		}
		if its, ok := c.matching(other); found && ok && its.ID == mine.ID {
			return true
		}
		stands := other
		if c.feed.mode == modeCreate && c.live(p.last[other["id"]].ID) {
			stands = p.last[other["id"]].Properties // what has become of it since is never sent
		}
		for _, name := range c.feed.match {
			if r[name] != "" && (fold(other[name]) == fold(r[name]) || fold(stands[name]) == fold(r[name])) {
				return true
			}
		}
		for _, record := range c.recordsOf(p, other) {
			if own.ID == record.ID || fold(record.Properties["ext_id"]) == fold(r["ext_id"]) || hasEmail(record.Properties, r["email"]) {
				return true
			}
		}
	}
	return false
}

// recordsOf returns the live records that are a row's: that it was written to last, and that it was to be written to since; if
// it was never written, that it is matched with.
func (c *campaign) recordsOf(p *past, r fact) (list []hubspottest.Record) {
	for _, id := range []string{p.last[r["id"]].ID, c.books.id(r["id"])} {
		if record, ok := c.portal.Record("contacts", id); ok && !record.Archived {
			list = append(list, record)
		}
	}
	if record, ok := c.matching(r); ok && len(list) == 0 {
		list = append(list, record)
	}
	return list
}

var rivalry = regexp.MustCompile(`merged into record (\d+), which is that of the row with key "(.*?)"`)

// mergedInto returns the record that a refusal names, and the row that it says to have it.
func mergedInto(message string) (record, key string) {
	if m := rivalry.FindStringSubmatch(message); m != nil {
		return m[1], m[2]
	}
	return "", ""
}

// final returns the id of what people have made of a record.
func (c *campaign) final(id string) string {
	for _, m := range c.merges {
		if m.primary == id || m.other == id {
			id = m.survivor
		}
	}
	return id
}

// live tells whether a record is there, or what it was merged into.
func (c *campaign) live(id string) bool {
	record, ok := c.portal.Record("contacts", id)
	return ok && !record.Archived
}

// holds tells whether a record that isn't the row's has its value of a unique property.
func (c *campaign) holds(p *past, r fact, name string) bool {
	if r[name] == "" {
		return false
	}
	last := p.last[r["id"]]
	own, _ := c.portal.Record("contacts", last.ID)
	if c.feed.mode == modeCreate || own.Archived || c.swallowed(last) > 0 || p.whose[own.ID] != r["id"] {
		own.ID = "" // it may be another's, have been made again, or be what an earlier content of the row has made
	}
	list := c.portal.Records("contacts")
	if c.portal.Switches().ArchivedBlocksKey {
		list = append(list, c.portal.Archived("contacts")...)
	}
	for _, record := range list {
		if record.ID != own.ID && (fold(record.Properties[name]) == fold(r[name]) || name == "email" && hasEmail(record.Properties, r[name])) {
			return true
		}
	}
	return false
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// hasEmail tells whether an address is one of a contact's.
func hasEmail(properties map[string]string, email string) bool {
	for _, e := range append(strings.Split(properties["hs_additional_emails"], ";"), properties["email"]) {
		if email != "" && fold(e) == fold(email) {
			return true
		}
	}
	return false
}
