package torture

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// overwrites looks, at the moment of its arrival, for what a write sets that it must leave alone: a property that people
// have set, and one that isn't empty. Both are read right before, and people do nothing in between here.
func (s *stage) overwrites(r *http.Request, body []byte) {
	kind := writing(r)
	if kind == "" || !strings.Contains(r.URL.Path, "/contacts/batch/") || kind == "archive" {
		return
	}
	var w wire
	if json.Unmarshal(body, &w) != nil {
		return
	}
	for _, in := range w.Inputs {
		record, there := s.portal.Record("contacts", in.ID)
		if kind == "upsert" {
			record, there = s.portal.Find("contacts", keyed["contacts"], in.ID)
		}
		if !there {
			continue
		}
		key := record.Properties[keyed["contacts"]]
		s.mu.Lock()
		edits := s.edits[key]
		s.mu.Unlock()
		for _, name := range []string{sharedProperty, filledProperty} {
			value, sets := in.Properties[name]
			has := record.Properties[name]
			theirs := edits[name] != "" && edits[name] == has
			if sets && value != has && (theirs || name == filledProperty && has != "") {
				s.audit.accuse("kept", "people "+key, "%s was %q and is set to %q, %s", name, has, value, r.URL.Path)
			}
		}
	}
}

// accuse blames what isn't seen by the audit itself.
func (a *audit) accuse(invariant, key, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.blame(invariant, key, format, args...)
}

// compareContent compares what is sent under a trace id with what was sent before, and with what was written down of it.
// What others may set is left out or not, as it is read before each attempt; and what is shared is never sent without an
// intent that holds it: after a kill nobody could tell it from somebody's edit. The caller holds mu.
func (a *audit) compareContent(object, trace, key string, properties cells, intended func(func(intent) bool) bool) {
	before, again := a.content[trace]
	content := maps.Clone(properties)
	maps.Copy(content, before)
	for name := range content {
		was, old := before[name]
		is, sent := properties[name]
		if again && (was != is || old != sent) && (old == sent || !guarded(object, name)) {
			a.blame("I5", key, "trace id %s stood for %v, and now for %v", trace, before, properties)
			break
		}
	}
	a.content[trace] = content
	is, sent := properties[sharedProperty]
	meant := func(i intent) bool { was, there := i.sent[sharedProperty]; return there && was == is }
	if sent && guarded(object, sharedProperty) && !intended(meant) {
		a.blame("I5", key, "trace id %s sets %s to %q, and no intent says so", trace, sharedProperty, is)
	}
}

// guarded tells whether others may set a property, too.
func guarded(object, name string) bool {
	return object == "contacts" && (name == sharedProperty || name == filledProperty)
}
