package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/pipeline"
)

// A hub is the simulated destination: records with a unique value that is compared without case, links between them, and
// people who archive, purge, merge and edit them. It knows all that ever happened. The world's mu guards it.
type hub struct {
	w       *world
	limits  pipeline.Limits
	records map[string]*simRecord // by id, archived ones too
	taken   map[string]string     // folded unique value → id of the live record
	merged  merges
	serial  int
	sent    map[string][]*flight        // by key: every attempt that was ever sent
	applied map[string]map[int64]hashes // by key and version: what took effect
	created map[string]int              // by key
	lost    map[string]int              // by key: records that people took away
	touched map[string]bool             // keys whose records people laid hands on
	edited  map[string]bool             // keys whose records people edited after the last write
	left    map[string]bool             // match values of records that the pipeline has archived
	looked  map[string]time.Time        // by trace id: when the record that is to be archived was last looked at
	reads   map[string]time.Time        // by trace id: when the name was last read that is about to be written
	spared  map[string][]pipeline.Hash  // by key: contents of which a reading has said that nothing is left to be written
	traces  map[string]pipeline.Change  // the first change that was sent under each trace id
	names   map[pipeline.Hash]string    // what content each hash stands for
	unseen  map[[2]string]bool          // links that were taken back without a look at which records were merged: see the known limits in RELIABILITY.md
}

type hashes = map[pipeline.Hash]bool

// A simRecord is one record of the hub.
type simRecord struct {
	id, match, name string
	key             string           // of the row that it was made for
	hash            pipeline.Hash    // of the content that was written last
	versions        map[string]int64 // by key: the newest that was written
	gone, purged    bool
	taken           time.Time // when people took it away, or merged it into another one
	late            bool      // made by a request that was sent before people took another one of its kind away
	named           time.Time // when others named it
	made            time.Time
	foreign         bool            // somebody else has made it
	merged          time.Time       // when it was last merged with another one
	links           map[string]bool // ids of parents
}

// A flight is one attempt to write a key.
type flight struct {
	p        *process
	version  int64
	hash     pipeline.Hash
	id       string
	action   pipeline.Action
	at       time.Time
	answered bool      // and its process heard what became of it
	read     bool      // somebody looked for the record after it could no longer land
	found    bool      // or found it
	led      string    // or found which record its match value led to
	still    bool      // and it did so when somebody looked last
	kept     time.Time // what others have set was read then, to be left alone
}

func newHub(w *world, limits pipeline.Limits) *hub {
	return &hub{w: w, limits: limits, records: map[string]*simRecord{}, taken: map[string]string{}, merged: merges{}, sent: map[string][]*flight{},
		applied: map[string]map[int64]hashes{}, created: map[string]int{}, lost: map[string]int{}, touched: map[string]bool{}, edited: map[string]bool{}, looked: map[string]time.Time{}, reads: map[string]time.Time{}, spared: map[string][]pipeline.Hash{}, left: map[string]bool{},
		traces: map[string]pipeline.Change{}, names: map[pipeline.Hash]string{}, unseen: map[[2]string]bool{}}
}

// onTheWay counts the requests of a process that it hasn't heard of.
func (h *hub) onTheWay(p *process) (n int) {
	for _, list := range h.sent {
		for _, f := range list {
			if f.p == p && !f.answered {
				n++
			}
		}
	}
	return n
}

// at returns the record that an id stands for, merged ones followed; nil if it isn't there.
func (h *hub) at(id string) *simRecord {
	if r := h.records[h.merged.survivor(id)]; r != nil && !r.gone {
		return r
	}
	return nil
}

func fold(value string) string { return strings.ToLower(value) }

// apply makes a change that an attempt asks for, and tells what comes of it.
func (h *hub) apply(c *pipeline.Change, f *flight) pipeline.Outcome {
	o := pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Done}
	if c.Action == pipeline.Archive {
		h.archive(c, f)
		return o
	}
	name := c.Values[0].String()
	if name == "refused" {
		o.Verdict, o.Err = pipeline.Refused, pipeline.Rejectf("refused", "the destination refuses this name")
		return o
	}
	var r *simRecord
	switch c.Action {
	case pipeline.Update:
		if r = h.at(c.ID); r == nil {
			o.Verdict, o.Purged = pipeline.Gone, h.records[c.ID] != nil && h.records[c.ID].purged
			return o
		}
	case pipeline.Create:
		if c.Match != "" && h.taken[c.Match] != "" {
			o.Verdict, o.Taken, o.Err = pipeline.Refused, true, pipeline.Rejectf("exists", "a record with this value is there already")
			return o
		}
	default:
		r = h.at(h.taken[c.Match])
	}
	if o.Made = r == nil || !c.Sent.IsZero() && h.madeBy(r, c); r == nil {
		r = h.create(c, f.at)
		for _, l := range c.Links {
			h.w.count("linked inline")
			r.links[h.merged.survivor(l.To.ID)] = true
			o.Links = append(o.Links, pipeline.LinkState{Slot: l.Slot, FromID: r.id, ToID: l.To.ID, From: l.From.Object, To: l.To.Object, Made: true})
		}
	}
	if r.foreign && !r.merged.IsZero() { // the rows of both records that were merged are written to it
		h.touched[c.Key] = true
	}
	if r.foreign && len(r.versions) == 0 {
		r.key = c.Key
	}
	h.overwrites(r, c, f, name)
	h.wrote(r, c, name)
	o.ID = r.id
	if c.Action == pipeline.Update && r.id != c.ID {
		h.w.count("update under another id")
	}
	return o
}

// create makes a record, as a request asks for that was sent at a time.
func (h *hub) create(c *pipeline.Change, sent time.Time) *simRecord {
	h.serial++
	r := &simRecord{id: fmt.Sprint(1000 + h.serial), key: c.Key, match: c.Match, made: time.Now(), versions: map[string]int64{}, links: map[string]bool{}}
	r.late = h.overtaken(c.Match, sent)
	h.records[r.id] = r
	if old := h.records[h.merged.survivor(h.w.store.Entry(c.Key).ID)]; old != nil && old.gone && h.limits.OnGone != pipeline.RecreateGone && !r.late {
		h.w.violate("%q is made again although somebody took its record away", c.Key)
	}
	if h.left[c.Match] {
		h.w.count("made again after it was archived")
	}
	if c.Match != "" {
		h.taken[c.Match] = r.id
	}
	if h.created[c.Key]++; h.created[c.Key] > 1+h.lost[c.Key] {
		h.w.violate("I1: %q was created %d times", c.Key, h.created[c.Key])
	}
	return r
}

// overtook is what happens where people take a record away while a request that makes it is on its way.
const overtook = "made again by a request that people overtook"

// overtaken tells whether people took a record with a match value away since a request was sent. Nobody can take the request
// back, which then makes the record again.
func (h *hub) overtaken(match string, sent time.Time) bool {
	for _, r := range h.records {
		if match != "" && r.match == match && sent.Before(r.taken) {
			h.w.count(overtook)
			return true
		}
	}
	return false
}

// wrote puts a write on the books and checks that versions don't go back.
func (h *hub) wrote(r *simRecord, c *pipeline.Change, name string) {
	if c.Version < r.versions[c.Key] && c.Hash != r.hash {
		h.w.violate("I4: version of %q goes back from %d to %d", c.Key, r.versions[c.Key], c.Version)
	}
	r.name, r.hash, r.versions[c.Key] = name, c.Hash, max(c.Version, r.versions[c.Key])
	delete(h.edited, c.Key)
	if h.applied[c.Key] == nil {
		h.applied[c.Key] = map[int64]hashes{}
	}
	if h.applied[c.Key][c.Version] == nil {
		h.applied[c.Key][c.Version] = hashes{}
	}
	h.applied[c.Key][c.Version][c.Hash] = true
}

// live returns the records that are there, in the order in which they were made.
func (h *hub) live() []*simRecord {
	var list []*simRecord
	for _, id := range slices.Sorted(maps.Keys(h.records)) {
		if r := h.at(id); r != nil && r.id == id {
			list = append(list, r)
		}
	}
	return list
}

// meddle is what a person does to a record.
func (h *hub) meddle(d *dice) {
	live := h.live()
	if h.w.pairs != nil {
		h.w.pairs.merge(h.w, d)
	}
	if len(live) == 0 {
		return
	}
	r := live[d.n(len(live))]
	what := pick(d, "archive", "archive", "purge", "merge", "edit")
	if parent := h.parent(live); parent != nil {
		r, what = parent, "merge"
	}
	if h.limits.CreateOnly && what != "edit" && what != "archive" {
		return
	}
	h.w.s.note("somebody does %s record %s of %s", what, r.id, r.key)
	h.w.count("people: " + what)
	for _, key := range h.rowsOf(r) {
		h.touched[key] = h.touched[key] || what != "edit"
		h.edited[key] = true
	}
	switch what {
	case "edit":
		r.name, r.named = editedName, time.Now()
	case "merge":
		other := live[d.n(len(live))]
		if other == r {
			return
		}
		for _, key := range h.rowsOf(other) {
			h.touched[key] = true
		}
		h.lose(r)
		h.merged[r.id] = other.id
		h.moveLinks(r, other)
		r.merged, other.merged, r.taken = time.Now(), time.Now(), time.Now()
		h.w.merges = true
	default:
		h.lose(r)
		r.gone, r.purged, r.taken = true, what == "purge", time.Now()
	}
}

// parent chooses, now and then where ids of merged records take no links, a record that rows are to be linked to: it is merged.
func (h *hub) parent(live []*simRecord) *simRecord {
	d := h.w.s.dice("merge of a parent")
	if !h.w.unfollowed || d.chance(0.6) {
		return nil
	}
	isParent := func(r *simRecord) bool {
		return slices.ContainsFunc(h.w.sources[h.w.version], func(row simRow) bool { return row.parent != "" && fold(row.parent) == r.match })
	}
	parents := slices.DeleteFunc(slices.Clone(live), func(r *simRecord) bool { return !isParent(r) })
	if len(parents) == 0 {
		return nil
	}
	return parents[d.n(len(parents))]
}

// takenAway tells whether people laid hands on a record that had the unique value.
func (h *hub) takenAway(value string) bool {
	for key := range h.touched {
		if h.touched[key] && fold(key) == fold(value) {
			return true
		}
	}
	return false
}

// lose frees the unique value of a record that is taken away.
func (h *hub) lose(r *simRecord) {
	if h.taken[r.match] == r.id {
		delete(h.taken, r.match)
	}
	for _, key := range r.keys() {
		h.lost[key]++
	}
}
