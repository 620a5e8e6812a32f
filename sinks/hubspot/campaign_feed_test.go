package hubspot

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// strangers are the addresses of contacts that others have made; rows may name all but the last.
var strangers = []string{"s0@x.io", "s1@x.io", "nobodys@x.io"}

const invalidEmail = "nobody at all"

// A feed is a pipeline with its rows.
type feed struct {
	mode, onGone, onConflict string
	match                    []string
	fields                   []*mapped
	slots                    []slot // links that rows ask for
	rows                     []sourceRow
	left                     []sourceRow // rows that have left the source
	past                     map[string][]sourceRow
	most                     int // rows a request
	writes                   int // requests at a time
}

// A mapped is a property that a feed sends.
type mapped struct {
	name   string
	policy string // always, clear, empty, shared
	values []string
}

// A sourceRow is one row: "id", and values by property; "" is null.
type sourceRow map[string]string

func newFeed(d *rand.Rand) *feed {
	n := 2 + d.IntN(7)
	f := &feed{mode: pick(d, modeUpsert, modeUpsert, modeUpsert, modeMirror, modeMirror, modeUpdate, modeCreate), match: []string{"ext_id"}, past: map[string][]sourceRow{}, most: 1 + d.IntN(8), writes: 1 + d.IntN(3),
		onGone: pick(d, goneReject, goneRecreate, goneIgnore), onConflict: pick(d, conflictReject, conflictUpdate)}
	f.fields = []*mapped{
		{"ext_id", "always", nil},
		{"firstname", "always", []string{"Ann", "Bob", "Cy", ""}},
		{"city", pick(d, "always", "clear", "empty", "shared"), []string{"Oslo", "Rome", "Bonn", ""}},
	}
	if d.IntN(3) > 0 {
		f.fields = append(f.fields, &mapped{"email", "always", nil})
		f.match = pick(d, f.match, f.match, []string{"email"}, []string{"ext_id", "email"})
		if f.mode == modeCreate {
			f.match = f.match[:1]
		}
	}
	for i := range n {
		r := sourceRow{"id": fmt.Sprint("k", i)}
		for _, m := range f.fields {
			r[m.name] = m.draw(d, i)
		}
		f.rows = append(f.rows, r)
	}
	return f
}

// draw returns a value for the i-th row.
func (m *mapped) draw(d *rand.Rand, i int) string {
	switch m.name {
	case "ext_id":
		return fmt.Sprint("E-", i)
	case "email":
		if d.IntN(6) == 0 {
			return pick(d, "", invalidEmail, strangers[0], strangers[1])
		}
		return fmt.Sprintf("u%d@x.io", i)
	}
	return pick(d, m.values...)
}

// file returns the feed as a project.
func (f *feed) file() string {
	var fields []string
	for _, m := range f.fields {
		how := map[string]string{"clear": ", null: clear", "empty": ", when: empty", "shared": ", owner: shared"}[m.policy]
		fields = append(fields, fmt.Sprintf("          %s: { from: %s%s }\n", m.name, m.name, how))
	}
	_, resolve, associations := f.tieColumns()
	return peopleHead + "      - map:\n" + strings.Join(fields, "") + resolve + fmt.Sprintf(`    sink:
      hubspot: { connection: crm, object: contacts, mode: %s, match: [%s], %s%s }
`, f.mode, strings.Join(f.match, ", "), f.policies(), associations)
}

func (f *feed) policies() string {
	switch f.mode {
	case modeCreate:
		return "on_conflict: " + f.onConflict
	case modeUpdate:
		return "on_gone: " + strings.Replace(f.onGone, goneRecreate, goneReject, 1)
	}
	return "on_gone: " + f.onGone + ", on_conflict: " + f.onConflict
}

// csv returns the rows as the file that they are read from.
func (f *feed) csv() []byte {
	columns, _, _ := f.tieColumns()
	for i, m := range f.fields {
		columns = slices.Insert(columns, i, m.name)
	}
	var b strings.Builder
	b.WriteString("id," + strings.Join(columns, ","))
	for _, r := range f.rows {
		b.WriteString("\n" + r["id"])
		for _, name := range columns {
			b.WriteString("," + r[name])
		}
	}
	return []byte(b.String() + "\n")
}

// change lets something happen in the source.
func (f *feed) change(d *rand.Rand) {
	r := pick(d, f.rows...)
	m := pick(d, f.fields...)
	switch d.IntN(12) {
	case 0: // two rows swap a value
		other := pick(d, f.rows...)
		f.keep(r)
		f.keep(other)
		r[m.name], other[m.name] = other[m.name], r[m.name]
	case 1:
		if len(f.rows) == 1 {
			return // a source without rows takes nothing back
		}
		f.keep(r)
		f.rows = slices.DeleteFunc(f.rows, func(x sourceRow) bool { return x["id"] == r["id"] })
		f.left = append(f.left, r)
	case 2:
		if len(f.left) > 0 {
			f.rows, f.left = append(f.rows, f.left[0]), f.left[1:]
		}
	case 3, 4: // back to what it was
		if before := f.past[r["id"]]; len(before) > 0 {
			maps.Copy(r, pick(d, before...))
		}
	case 5:
		f.keep(r)
		r["ext_id"] = pick(d, strings.ToLower, strings.ToUpper, func(s string) string { return " " + s })(r["ext_id"])
	case 6:
		f.keep(r)
		r[m.name] = pick(d, f.rows...)[m.name]
	default:
		f.keep(r)
		if m.name == "ext_id" && d.IntN(3) > 0 {
			m = f.fields[1]
		}
		r[m.name] = m.draw(d, d.IntN(len(f.rows)+2))
	}
}

// keep remembers a row as it is.
func (f *feed) keep(r sourceRow) { f.past[r["id"]] = append(f.past[r["id"]], maps.Clone(r)) }

// keys returns the keys of the rows.
func (f *feed) keys() map[string]bool {
	keys := map[string]bool{}
	for _, r := range f.rows {
		keys[r["id"]] = true
	}
	return keys
}
