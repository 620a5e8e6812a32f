package pipeline_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/pipeline"
)

// granted notes that a process has the lease. The caller holds mu.
func (w *world) granted(p *process) {
	for _, other := range w.processes {
		if other != p && other.epoch != 0 && !other.killed && !other.over() && time.Now().Before(other.until) {
			w.violate("I7: %s was granted the lease while %s may still send", p.name, other.name)
		}
	}
	if p.doubts > 0 {
		w.count("started with doubts")
	}
}

// recovering tells whether a process has still to find out what became of what earlier ones have sent. The caller holds mu.
func (w *world) recovering(p *process) bool {
	return p.epoch == w.store.Epoch() && slices.ContainsFunc(w.store.Open(), func(g pipeline.Group) bool { return w.groups[g.ID] != p.epoch })
}

// intended looks at a group that is about to be written down.
func (w *world) intended(p *process, g pipeline.Group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g.Epoch != w.store.Epoch() {
		return // it will be fenced
	}
	w.groups[g.ID] = g.Epoch
	mine := map[string]int64{}
	for _, in := range g.Intents {
		if mine[in.Key] != 0 {
			w.violate("I6: key %q twice in a group", in.Key)
		}
		mine[in.Key] = in.Version
	}
	for _, other := range w.store.Open() {
		for _, in := range other.Intents {
			if v := mine[in.Key]; v != 0 && v != in.Version && w.store.Entry(in.Key).Version < in.Version {
				w.violate("I6: %s puts version %d of %q into a group while version %d is undecided", p.name, v, in.Key, in.Version)
			}
		}
	}
}

// receive looks at a request that is being sent, and puts it on the books.
func (w *world) receive(p *process, changes []pipeline.Change) []*flight {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	if p.epoch != w.store.Epoch() {
		w.violate("I7: %s sends although its lease is another's", p.name)
	}
	intents := map[string]pipeline.Intent{}
	for _, g := range w.store.Open() {
		for _, in := range g.Intents {
			intents[in.TraceID] = in
		}
	}
	flights := make([]*flight, len(changes))
	keys := map[string]bool{}
	for i := range changes {
		c := &changes[i]
		w.s.note("%s sends %s %q version %d id %q match %q", p.name, c.Action, c.Key, c.Version, c.ID, c.Match)
		if in, ok := intents[c.TraceID]; !ok || in.Hash != c.Hash || in.Version != c.Version || in.Key != c.Key || in.Action != c.Action || in.ID != c.ID {
			w.violate("I5: %s of %q version %d was sent without a committed intent of the same content", c.Action, c.Key, c.Version)
		}
		if keys[c.Key] {
			w.violate("I6: key %q twice in a request", c.Key)
		}
		keys[c.Key] = true
		w.disciplined(c)
		flights[i] = &flight{p: p, version: c.Version, hash: c.Hash, id: c.ID, action: c.Action, at: time.Now(), kept: w.hub.reads[c.TraceID]}
		w.hub.sent[c.Key] = append(w.hub.sent[c.Key], flights[i])
	}
	return flights
}

// disciplined checks a change that is sent against everything that was sent before of its key.
func (w *world) disciplined(c *pipeline.Change) {
	h := w.hub
	if first, again := h.traces[c.TraceID]; again && (first.Key != c.Key || first.Hash != c.Hash || first.Version != c.Version) {
		w.violate("trace %s carries %q version %d and %q version %d", c.TraceID, first.Key, first.Version, c.Key, c.Version)
	}
	h.traces[c.TraceID] = *c
	e := w.store.Entry(c.Key)
	if e.Version >= c.Version {
		w.violate("version %d of %q is sent after its end was recorded: %+v", c.Version, c.Key, e)
	}
	makes := c.Action == pipeline.Create || c.Action == pipeline.Upsert
	for _, f := range h.sent[c.Key] {
		if f.answered {
			continue
		}
		made, landed := f.action == pipeline.Create || f.action == pipeline.Upsert, time.Since(f.at) >= h.limits.Landing
		switch {
		case h.limits.Unkeyed && makes && made:
			w.violate("an unkeyed create of %q is repeated", c.Key)
		case makes && made && !(landed && f.read) && !f.found && !(landed && f.refused(&e)) && !f.repeats(c):
			w.violate("%q may be made twice: sent %v ago, read back since it can't land: %v", c.Key, time.Since(f.at), f.read)
		case f.hash != c.Hash && !landed:
			w.violate("I4: version %d of %q is sent while version %d, sent %v ago, may still land", c.Version, c.Key, f.version, time.Since(f.at))
		}
	}
	for _, f := range h.sent[c.Key] {
		if f.version < c.Version && !f.answered {
			w.count("newer version after a doubt")
		}
		if f.version == c.Version && f.p.epoch != w.store.Epoch() {
			w.count("resent by another process")
		}
	}
}

// answered notes what a process has heard.
func (w *world) answered(flights []*flight, changes []pipeline.Change, outcomes []pipeline.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range changes {
		for _, o := range outcomes {
			if o.TraceID == changes[i].TraceID {
				flights[i].answered = true
				if o.Verdict == pipeline.Gone {
					w.count("gone: " + [...]string{"reject", "recreate", "ignore"}[w.hub.limits.OnGone])
					if o.Purged {
						w.count("purged")
					}
				}
			}
		}
	}
}

// landsLate lets a change take effect whose attempt was given up. The caller holds mu.
func (w *world) landsLate(c *pipeline.Change, f *flight) {
	w.s.note("%q version %d lands late", c.Key, c.Version)
	newer := slices.ContainsFunc(w.hub.sent[c.Key], func(f *flight) bool { return f.version > c.Version && f.hash != c.Hash })
	if newer {
		w.violate("I4: version %d of %q lands after a newer one was sent", c.Version, c.Key)
	}
	w.count("landed late")
	w.disturbed()
	w.hub.apply(c, f)
}

// committing looks at a commit that is about to be made.
func (w *world) committing(p *process, c pipeline.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Epoch != w.store.Epoch() {
		return // it will be fenced
	}
	for _, d := range c.Decisions {
		w.s.note("%s decides %q version %d: %d held %v", p.name, d.Key, d.Version, d.Verdict, d.Held)
		e := w.store.Entry(d.Key)
		if d.Version < e.Version {
			w.violate("the ledger's version of %q goes back from %d to %d", d.Key, e.Version, d.Version)
		}
		if d.Verdict == pipeline.Done && !d.Held && !w.true(d) {
			w.violate("%s records version %d of %q as done, but it never took effect", p.name, d.Version, d.Key)
		}
		w.counted(d)
	}
	if c.Position != nil {
		w.s.note("%s moves the checkpoint to %s", p.name, c.Position)
	}
	for _, g := range w.store.Open() {
		if slices.Contains(c.Closed, g.ID) {
			w.s.note("%s closes the group of %q", p.name, g.Intents[0].Key)
		}
	}
	for _, r := range c.Rejects {
		if r.Code == "key_collision" {
			w.count("key collision")
		}
	}
}

// counted notes the rare states that a decision shows.
func (w *world) counted(d pipeline.Decision) {
	if w.retried[d.Key] && d.Verdict == pipeline.Done && d.Hash != w.store.Entry(d.Key).Rejected {
		w.count("retried, then written")
		delete(w.retried, d.Key)
	}
	switch {
	case d.Held:
		w.count("held unkeyed")
	case d.Reject != nil && d.Reject.Code == "no_answer":
		w.count("no answer, rejected: " + map[pipeline.Verdict]string{pipeline.Found: "it may be there", pipeline.Refused: "it isn't there"}[d.Verdict])
	case d.Verdict == pipeline.Found:
		w.count("recalled and found")
	case d.Merged != "":
		w.count("merge noticed")
	}
}

// true tells whether a change that is recorded as done has taken effect.
func (w *world) true(d pipeline.Decision) bool {
	h := w.hub
	if d.Hash == (pipeline.Hash{}) && (w.mirrors() || d.Gone && w.pairs == nil) {
		return !d.Gone || h.letGo(w.store.Entry(d.Key).ID)
	}
	return h.limits.LinksOnly || h.wasSpared(&d) || h.applied[d.Key][d.Version][d.Hash] || h.limits.CreateOnly && h.created[d.Key] > 0 || h.limits.OnGone == pipeline.IgnoreGone && h.touched[d.Key]
}

// committed looks at the state after a commit: the checkpoint must not pass a row that isn't decided (I8).
func (w *world) committed(c pipeline.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Position == nil {
		return
	}
	of, at, _ := strings.Cut(string(c.Position), ":")
	version, _ := strconv.Atoi(of)
	end, _ := strconv.Atoi(at)
	rows := w.sources[version]
	letters := w.letters()
	for _, r := range effective(rows) { // earlier rows of a key are superseded
		if r.line <= end && !w.decided(r, letters) {
			w.violate("I8: the checkpoint %s passes %+v, whose end isn't known: %+v", c.Position, r, w.store.Entry(r.id))
		}
	}
}

// decided tells whether the state shows what became of a row.
func (w *world) decided(r simRow, letters map[string]bool) bool {
	e := w.store.Entry(r.id)
	return w.pairs != nil && e.Version > 0 || letters[r.id] || e.Held || w.hub.touched[r.id] || w.hub.limits.CreateOnly && e.ID != "" ||
		r.name == w.hub.names[e.Hash] || r.name == w.hub.names[e.Rejected]
}

// letters returns the keys that have an open dead letter.
func (w *world) letters() map[string]bool {
	keys := map[string]bool{}
	for _, l := range w.store.Letters(false) {
		keys[l.Key] = true
	}
	return keys
}

// finished checks that a pass that is done tells of what it has left open, in whichever of its runs that was. Where records are
// made once, a row whose link was refused may say something else by now, and is left as it is.
func (w *world) finished(p *process, f pipeline.Finish) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.Status != pipeline.StatusDone {
		return
	}
	r, since := f.Report, w.done
	if w.done = f.Run; !f.Complete {
		return
	}
	for _, l := range w.store.Letters(false) {
		made := l.Stage == pipeline.StageLink && w.hub.limits.CreateOnly
		if l.LastRun > since && !made && r.Rejected+r.Review+r.Overdue+r.Earlier == 0 {
			w.violate("%s ends as if all were well, but has left open %+v: %+v", p.name, l, r)
			return
		}
	}
}

// audit looks at how a run ended.
func (w *world) audit(p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.killed {
		return
	}
	_, held := errors.AsType[*pipeline.HeldError](p.err)
	switch {
	case held:
		w.count("turned away by the holder")
		return
	case errors.Is(p.err, pipeline.ErrFenced):
		w.count("fenced mid-flight")
	case errors.Is(p.err, pipeline.ErrInterrupted):
		w.count("drained")
	case errors.Is(p.err, pipeline.ErrPaused):
		w.count("paused")
	}
	if p.drained && p.err == nil {
		w.count("drained at the end")
	}
	r := p.report
	if err := r.Balance(); err != nil {
		w.violate("I3: %s: %v", p.name, err)
	}
	w.auditMirror(p)
	for _, n := range []int64{r.Read, r.Written, r.Unchanged, r.Filtered, r.Superseded, r.Rejected, r.Held, r.Linked, r.Unlinked, r.Parked, r.Archived} {
		if n < 0 {
			w.violate("I3: %s counts less than nothing: %+v", p.name, r)
			break
		}
	}
	if p.err == nil && w.parked && r.Linked > 0 {
		w.count("parked, then linked")
	}
	if p.err == nil {
		w.parked = r.Parked > 0
	}
}
