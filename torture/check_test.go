package torture

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/sinks/hubspot/hubspottest"
)

// pipelineOf names the pipeline that writes an object.
var pipelineOf = map[string]string{"companies": "firms", "contacts": "people", "deals": "deals", "products": "products", "tickets": "tickets"}

// once: at most one live record per key, and it was created at most once (I1).
func (v *verdict) once(c *crm) {
	for object, byKey := range c.records {
		for key, list := range byKey {
			if len(list) > 1 {
				v.blame("I1", object+" "+key, "%d live records have the key", len(list))
			}
		}
	}
	created := map[string]int{}
	for _, w := range c.writes {
		if w.Action == "archive" && w.By == "api" {
			created[w.Object+" "+c.keys[w.Object+" "+w.ID]]--
		}
		if w.Action == "create" && w.By == "api" {
			name := w.Object + " " + w.Properties[keyed[w.Object]]
			if created[name]++; created[name] == 2 {
				v.blame("I1", name, "was created a second time, by request %d", w.Request)
			}
		}
	}
}

// newest: the newest version of a key is in HubSpot, or named by exactly one open reject, review or parked item (I2).
func (v *verdict) newest(c *crm, b *books) {
	for object, byKey := range v.want.records {
		for key, row := range byKey {
			name := pipelineOf[object] + " " + key
			list := c.records[object][key]
			there := len(list) == 1 && v.want.allows(object, key, list[0])
			switch letters := b.letters[name]; {
			case letters > 1:
				v.blame("I2", name, "is named by %d open dead letters", letters)
			case letters == 1 && !b.held[name] && !v.want.overdue[name] && !v.want.mayReject(name):
				v.blame("I2", name, "is rejected, but nothing is wrong with it")
			case (letters == 0 || v.want.overdue[name]) && !there:
				v.blame("I2", name, "HubSpot has %v, want %v, and no dead letter says why", list, row)
			}
		}
	}
	v.parked(b)
	for _, name := range sorted(v.want.rejected) {
		if b.letters[name] != 1 {
			v.blame("I2", name, "can't be written, and %d open dead letters name it, want 1", b.letters[name])
		}
	}
	for _, name := range sorted(b.held) {
		if !strings.HasPrefix(name, "products ") || !v.disturbed() {
			v.blame("I2", name, "is held for review, but somebody could tell what became of it")
		}
	}
	for _, name := range sorted(b.letters) {
		if !v.want.rejected[name] && !v.want.overdue[name] && !b.held[name] && !v.want.mayReject(name) {
			v.blame("I2", name, "is named by a dead letter, but nothing is wrong with it")
		}
	}
}

// parked: a link that can't be written waits, once it has waited too long an open reject says so, and it has waited since it
// was first asked for (I2).
func (v *verdict) parked(b *books) {
	for _, name := range sorted(v.want.parked) {
		if !b.waiting[name] {
			v.blame("I2", name, "its link can't be written, and isn't parked")
		}
	}
	for _, name := range sorted(b.waiting) {
		if !v.want.parked[name] {
			v.blame("I2", name, "is still parked, but its link could be written")
		}
	}
	for _, name := range sorted(v.want.overdue) {
		if b.letters[name] != 1 || b.overdue[name] != 1 {
			v.blame("I2", name, "has waited too long, and %d open dead letters name it, %d of them for that; want 1", b.letters[name], b.overdue[name])
		}
	}
	for _, link := range sorted(b.since) {
		if first, known := v.stage.since[link]; known && b.since[link] != first {
			v.blame("I2", link, "waits since %s, but has done so since %s", b.since[link], first)
		}
	}
}

// disturbed tells whether a process was killed, or armed to be, or cut off: only then may an answer have been lost.
func (v *verdict) disturbed() bool {
	v.stage.mu.Lock()
	defer v.stage.mu.Unlock()
	return v.stage.cut || slices.ContainsFunc(v.stage.runs, func(r result) bool { return r.code == exitKilled || len(r.arm) > 0 })
}

// books: every row that was read is accounted for, in every report, and the last run tells what became of all (I3).
func (v *verdict) books(b *books) {
	v.stage.mu.Lock()
	runs := slices.Clone(v.stage.runs)
	v.stage.mu.Unlock()
	for _, run := range runs {
		for _, r := range run.reports {
			if sum := r.Written + r.Unchanged + r.Filtered + r.Superseded + r.Rejected + r.Held; sum != r.Read {
				v.blame("I3", r.Name, "%v: read %d, but accounted for %d: %+v", &run, r.Read, sum, r)
			}
		}
	}
	if len(runs) == 0 {
		return
	}
	for _, r := range runs[len(runs)-1].reports {
		want := v.want.books[r.Name]
		want.Name, want.Status, want.Requests, want.Seconds = r.Name, r.Status, r.Requests, r.Seconds
		if r.Name == "products" {
			want.Held = int64(len(b.held))
			want.Unchanged -= want.Held
		}
		if r.Name == "deals" && r.Rejected <= v.want.unsure("deals") {
			want.Unchanged, want.Rejected = want.Unchanged-r.Rejected, r.Rejected
		}
		if r != want {
			v.blame("I3", r.Name, "the last run reports %+v, want %+v", r, want)
		}
	}
}

// forward: what HubSpot is told of a key never goes back to an earlier state of the source (I4).
func (v *verdict) forward(c *crm) {
	states := v.stage.values()
	reached := map[string]int{}
	for _, w := range c.writes {
		if w.By != "api" || w.Action != "create" && w.Action != "update" {
			continue
		}
		for name, value := range w.Properties {
			at := w.Object + " " + c.keys[w.Object+" "+w.ID] + " " + name
			if !slices.Contains(sent[w.Object], name) || states[at] == nil {
				continue
			}
			state := reached[at]
			for state < len(states[at]) && !states[at][state][value] {
				state++
			}
			if state == len(states[at]) {
				v.blame("I4", at, "was set to %q by request %d, after state %d of the source had been written", value, w.Request, reached[at]+1)
				continue
			}
			reached[at] = state
		}
	}
}

// values returns what each property of each record was in each state of the sources so far.
func (s *stage) values() map[string][]map[string]bool {
	states := map[string][]map[string]bool{} // by object, key and property
	for state := firstState; state <= s.state; state++ {
		w := wanted(s.setup, state)
		if s.hasty && state > firstState {
			w.hasty()
		}
		for object, byKey := range w.records {
			for key, row := range byKey {
				for _, name := range sent[object] {
					at := object + " " + key + " " + name
					values := map[string]bool{row[name]: true}
					if other := w.either[object+" "+key]; other != nil {
						values[other[name]] = true
					}
					states[at] = append(states[at], values)
				}
			}
		}
	}
	return states
}

// intended: whatever arrived at HubSpot had been committed before (I5), no key twice in a request (I6).
func (v *verdict) intended() {
	a := v.stage.audit
	a.mu.Lock()
	defer a.mu.Unlock()
	v.list = append(v.list, a.faults...)
	if len(a.arrived) == 0 {
		v.blame("I5", "", "nothing has arrived: nothing is proved")
	}
}

// same: HubSpot is what it would be after one clean run (I10).
func (v *verdict) same(c *crm, b *books) {
	for object, byKey := range c.records {
		for key := range byKey {
			name := pipelineOf[object] + " " + key
			if v.want.records[object][key] == nil && !v.want.rejected[name] {
				v.blame("I10", name, "is in HubSpot, but was never wanted there")
			}
		}
	}
	for object, byKey := range v.want.records {
		for key := range byKey {
			if name := pipelineOf[object] + " " + key; len(c.records[object][key]) == 0 && !b.held[name] {
				v.blame("I10", name, "isn't in HubSpot")
			}
		}
	}
	for _, pair := range sorted(v.want.links) {
		if got, ok := c.links[pair]; !ok || got != v.want.links[pair] {
			v.blame("I10", pair, "linked: %t, as %q; want a link as %q", ok, got, v.want.links[pair])
		}
	}
	for _, pair := range sorted(c.links) {
		from, _, _ := strings.Cut(pair, " ")
		if _, ok := v.want.links[pair]; !ok && !v.want.rejected["firms "+from] {
			v.blame("I10", pair, "is linked as %q, but should not be", c.links[pair])
		}
	}
}

// paced: in no window of ten seconds are there more requests than the limit, and none was refused for it (I11).
func (v *verdict) paced() {
	limits := v.stage.limits
	if !limits.Enabled {
		return
	}
	if n := v.stage.portal.Stats().Limited; n > 0 {
		v.blame("I11", "", "%d requests were refused by a limit", n)
	}
	var app, links []hubspottest.Request // they have limits of their own
	for _, r := range v.stage.portal.Requests() {
		if strings.Contains(r.Path, "/associations/") {
			links = append(links, r)
		} else {
			app = append(app, r)
		}
	}
	v.window(app, limits.Burst)
	v.window(links, limits.Associations)
}

// window looks for ten seconds with more requests than the limit.
func (v *verdict) window(requests []hubspottest.Request, limit int) {
	for i := limit; i < len(requests); i++ {
		if d := requests[i].Time.Sub(requests[i-limit].Time); d < 10*time.Second {
			v.blame("I11", requests[i].Path, "requests %d to %d, more than %d, came within %v", requests[i-limit].Seq, requests[i].Seq, limit, d)
			return
		}
	}
}

// secret: no secret in any output, and none in the state (I12).
func (v *verdict) secret() {
	texts := map[string]string{}
	v.stage.mu.Lock()
	for i, run := range v.stage.runs {
		texts[fmt.Sprintf("the output of process %d", i+1)] = run.output()
	}
	v.stage.mu.Unlock()
	for name, text := range v.stage.audit.dump() {
		texts[name] = text
	}
	for name, text := range texts {
		for _, secret := range []string{token, password} {
			if strings.Contains(text, secret) {
				v.blame("I12", name, "holds %q", secret)
			}
		}
	}
}
