package hubspot

import (
	"regexp"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// reason tells whether there is a reason for a row to be refused, once it was tried again without any trouble.
func (c *campaign) reason(h *history, r sourceRow, l pipeline.DeadLetter) bool {
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
		return r["email"] == invalidEmail || c.portal.Switches().ArchivedBlocksKey && (c.holds(h, r, "ext_id") || c.holds(h, r, "email")) || r["firstname"] == "" && r["email"] == "" ||
			slices.ContainsFunc(c.blocked, func(d hubspottest.Record) bool { return hasEmail(d.Properties, r["email"]) })
	case "conflict":
		return c.holds(h, r, "ext_id") || c.holds(h, r, "email") || c.outgrown(h, r, l.Message)
	case "gone":
		return !c.live(h.last[r["id"]].ID)
	case "merged":
		into, owner := mergedInto(l.Message)
		if c.feed.mode == modeCreate && c.collides(h, r) {
			return true // its record is another's by a value that it has got since it was created
		}
		return c.feed.keys()[owner] && slices.ContainsFunc(c.merges, func(m merge) bool { return c.final(m.survivor) == c.final(into) })
	case "key_collision":
		return c.collides(h, r)
	}
	return false
}

// collides tells whether another row of the source stands for the record of a row, or for what the row is matched with.
func (c *campaign) collides(h *history, r sourceRow) bool {
	mine, found := c.matching(r)
	own := c.recordsOf(h, r)
	for _, other := range c.feed.rows {
		if other["id"] == r["id"] {
			continue
		}
		if its, ok := c.matching(other); found && ok && its.ID == mine.ID {
			return true
		}
		for _, stands := range append(c.outdated(h, other), other) {
			for _, name := range c.feed.match {
				if r[name] != "" && fold(stands[name]) == fold(r[name]) {
					return true
				}
			}
		}
		for _, id := range []string{h.last[other["id"]].ID, c.books.id(other["id"])} { // nobody asks for it back, but the other row is refused itself
			if record, _ := c.portal.Record("contacts", id); record.Archived && (has(record, "ext_id", r["ext_id"]) || has(record, "email", r["email"])) {
				return true
			}
		}
		for _, record := range c.recordsOf(h, other) {
			if slices.ContainsFunc(own, func(r hubspottest.Record) bool { return r.ID == record.ID }) || has(record, "ext_id", r["ext_id"]) || has(record, "email", r["email"]) {
				return true
			}
		}
	}
	return false
}

// recordsOf returns the records that are a row's and have their unique values: that it was written to last, and that it was to be written to since; if
// it was never written, that it is matched with.
func (c *campaign) recordsOf(h *history, r sourceRow) (list []hubspottest.Record) {
	for _, id := range []string{h.last[r["id"]].ID, c.books.id(r["id"])} {
		if record, ok := c.portal.Record("contacts", id); ok && (!record.Archived || c.portal.Switches().ArchivedBlocksKey) {
			list = append(list, record)
		}
	}
	if record, ok := c.matching(r); ok && len(list) == 0 {
		list = append(list, record)
	}
	return list
}

// outdated returns what a row that is only ever created stands for, whatever has become of it since: what it was created with; if
// it wasn't, or nobody was told, all that it has been.
func (c *campaign) outdated(h *history, r sourceRow) []sourceRow {
	last, written := h.last[r["id"]]
	switch {
	case c.feed.mode != modeCreate:
		return nil
	case written:
		return []sourceRow{last.Properties}
	}
	return slices.Clip(c.feed.past[r["id"]])
}

var stranger = regexp.MustCompile(`record (\d+) of contacts may be the one that this row \(`)

// outgrown tells whether a refusal names a record that the row was matched with at some time, or what it was merged into: if the
// answer to the row's create was lost, nothing tells that the record was made for it.
func (c *campaign) outgrown(h *history, r sourceRow, message string) bool {
	m := stranger.FindStringSubmatch(message)
	if m == nil || c.feed.mode != modeCreate {
		return false
	}
	record, ok := c.portal.Record("contacts", m[1])
	name := c.feed.match[0]
	return ok && !record.Archived && slices.ContainsFunc(append(slices.Clip(c.feed.past[r["id"]]), r), func(content sourceRow) bool {
		for id, values := range h.values {
			if now, _ := c.portal.Record("contacts", id); now.ID == record.ID && content[name] != "" && fold(values[name].value) == fold(content[name]) {
				return true
			}
		}
		return false
	})
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
func (c *campaign) holds(h *history, r sourceRow, name string) bool {
	if r[name] == "" {
		return false
	}
	last := h.last[r["id"]]
	own, _ := c.portal.Record("contacts", last.ID)
	if c.feed.mode == modeCreate || own.Archived || c.swallowed(last) > 0 || h.whose[own.ID] != r["id"] || c.unheardOf(h, r["id"]) {
		own.ID = "" // it may be another's, have been made again, or be what an earlier content of the row has made
	}
	list := c.portal.Records("contacts")
	if c.portal.Switches().ArchivedBlocksKey {
		list = append(list, c.portal.Archived("contacts")...)
	}
	for _, record := range list {
		if record.ID != own.ID && has(record, name, r[name]) {
			return true
		}
	}
	return false
}

// unheardOf tells whether the record that a row was written to last was made by a request which had been given up by then, and
// the row had been led to another one by the same match value: that one is the row's, and nobody was told of the record
// (RELIABILITY.md).
func (c *campaign) unheardOf(h *history, key string) bool {
	last, id := h.last[key], c.books.id(key)
	return last.Action == "create" && h.delayed[last.Request] && id != "" && c.final(id) != c.final(last.ID)
}

// has tells whether a record has a value of a unique property.
func has(record hubspottest.Record, name, value string) bool {
	return value != "" && fold(record.Properties[name]) == fold(value) || name == "email" && hasEmail(record.Properties, value)
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
