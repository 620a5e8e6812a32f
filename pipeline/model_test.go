package pipeline_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"sluice/pipeline"
)

// A modelStore is the store's contract in memory. It outlives runs, as a database outlives processes.
type modelStore struct {
	mu       sync.Mutex
	epoch    int64
	position pipeline.Position
	ledger   map[string]*pipeline.Entry
	groups   map[string]pipeline.Group
	order    map[string]int // of the groups
	began    map[string]time.Time
	waiting  map[string]pipeline.LinkChange
	records  map[pipeline.RecordID]string
	rejects  map[string]pipeline.Reject
	lastRun  map[string]int64 // that saw each reject
	dead     bool             // the process has been killed: nothing reaches the database any more
	held     []string
}

func newModelStore() *modelStore {
	return &modelStore{ledger: map[string]*pipeline.Entry{}, groups: map[string]pipeline.Group{}, order: map[string]int{}, began: map[string]time.Time{}, waiting: map[string]pipeline.LinkChange{},
		records: map[pipeline.RecordID]string{}, rejects: map[string]pipeline.Reject{}, lastRun: map[string]int64{}}
}

var errKilled = errors.New("killed")

func (s *modelStore) lock(epoch int64) (func(), error) {
	s.mu.Lock()
	switch {
	case s.dead:
		s.mu.Unlock()
		return nil, errKilled
	case epoch != s.epoch:
		s.mu.Unlock()
		return nil, pipeline.ErrFenced
	}
	return s.mu.Unlock, nil
}

func (s *modelStore) Start(_ context.Context, b pipeline.Begin) (pipeline.Resume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = false
	s.epoch++
	if b.Full {
		s.position = nil
	}
	r := pipeline.Resume{Epoch: s.epoch, Run: s.epoch, Position: s.position}
	ids := slices.SortedFunc(maps.Keys(s.groups), func(a, b string) int { return s.order[a] - s.order[b] })
	for _, id := range ids {
		for _, in := range s.groups[id].Intents {
			e := s.ledger[in.Key]
			r.Doubtful = append(r.Doubtful, pipeline.Doubt{Intent: in, Group: id, Age: time.Since(s.began[id]), Decided: e != nil && e.Version >= in.Version})
		}
	}
	return r, nil
}

func (s *modelStore) Known(_ context.Context, _ string, keys []string) ([]pipeline.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]pipeline.Entry, len(keys))
	for i, key := range keys {
		if s.ledger[key] != nil {
			list[i] = s.entry(key)
		}
	}
	return list, nil
}

// entry returns a copy of a key's entry; the caller holds mu.
func (s *modelStore) entry(key string) pipeline.Entry {
	e := *s.ledger[key]
	e.Links = slices.Clone(e.Links)
	for _, l := range s.waiting {
		e.Waiting = e.Waiting || l.Key == key
	}
	return e
}

func (s *modelStore) Ledger(_ context.Context, _, after string, limit int) ([]pipeline.KeyedEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []pipeline.KeyedEntry
	for _, key := range slices.Sorted(maps.Keys(s.ledger)) {
		if key > after && len(page) < limit {
			page = append(page, pipeline.KeyedEntry{Key: key, Entry: s.entry(key)})
		}
	}
	return page, nil
}

func (s *modelStore) Intend(_ context.Context, g pipeline.Group) error {
	unlock, err := s.lock(g.Epoch)
	if err != nil {
		return err
	}
	defer unlock()
	s.groups[g.ID] = g
	s.order[g.ID] = len(s.order)
	s.began[g.ID] = time.Now()
	return nil
}

func (s *modelStore) Commit(_ context.Context, c pipeline.Commit) error {
	unlock, err := s.lock(c.Epoch)
	if err != nil {
		return err
	}
	defer unlock()
	for _, d := range c.Decisions {
		s.decide(d)
		s.lastRun[d.Key] = c.Run
	}
	for _, l := range c.Links {
		s.link(l)
		s.lastRun[l.Key] = c.Run
	}
	for _, r := range c.Rejects {
		name := r.Key + r.Place.String()
		s.rejects[name], s.lastRun[name] = r, c.Run
	}
	for _, key := range c.Seen {
		s.lastRun[key] = c.Run
	}
	for _, id := range c.Closed {
		delete(s.groups, id)
	}
	if c.Position != nil {
		s.position = slices.Clone(c.Position)
	}
	return nil
}

func (s *modelStore) decide(d pipeline.Decision) {
	e := s.ledger[d.Key]
	if e == nil {
		e = &pipeline.Entry{}
		s.ledger[d.Key] = e
	}
	if d.Version < e.Version {
		panic(fmt.Sprintf("version of %q goes back from %d to %d", d.Key, e.Version, d.Version))
	}
	e.Version = d.Version
	if d.ID != "" {
		e.ID = d.ID
	}
	switch {
	case d.Held:
		e.Held = true
		s.held = append(s.held, d.Key)
		return
	case d.Verdict == pipeline.Refused:
		e.Rejected = d.Hash
		s.rejects[d.Key] = *d.Reject
		return
	case d.Verdict == pipeline.Found:
		e.Hash = pipeline.Hash{}
		return
	}
	e.Hash, e.Rejected = d.Hash, pipeline.Hash{}
	delete(s.rejects, d.Key)
	maps.DeleteFunc(s.waiting, func(_ string, l pipeline.LinkChange) bool { return l.Key == d.Key })
	for _, l := range d.Links {
		if l.From.ID == "" && l.From.Value == "" {
			l.From.ID = e.ID
		}
		s.waiting[waitingName(&l)] = l
	}
	if d.Record != nil {
		s.records[pipeline.RecordID{Object: d.Record.Object, Property: d.Record.Property, Value: d.Record.Value}] = d.Record.ID
	}
}

// waitingName tells waiting links apart, in the order of Waiting. It stays the same when an end's id becomes known.
func waitingName(l *pipeline.LinkChange) string {
	return fmt.Sprintf("%s\x00%s\x00%v\x00%s\x00%s", l.Key, l.Slot, l.Remove, cmp.Or(l.From.Value, l.From.ID), cmp.Or(l.To.Value, l.To.ID))
}

func (s *modelStore) link(l pipeline.LinkDecision) {
	e := s.ledger[l.Key]
	e.Links = slices.DeleteFunc(e.Links, func(have pipeline.LinkState) bool {
		return have.Slot == l.Slot && have.FromID == l.From && have.ToID == l.To
	})
	if l.State != nil {
		e.Links = append(e.Links, *l.State)
	}
	if l.Intended {
		return
	}
	maps.DeleteFunc(s.waiting, func(_ string, w pipeline.LinkChange) bool {
		return w.Key == l.Key && w.Slot == l.Slot && w.Remove == l.Remove && (w.To.ID == "" || w.To.ID == l.To) && (w.From.ID == "" || w.From.ID == l.From)
	})
	if l.Reject != nil {
		e.Rejected = e.Hash
		s.rejects[l.Key] = *l.Reject
	}
}

func (s *modelStore) Waiting(_ context.Context, _ string, after *pipeline.LinkChange, limit int) ([]pipeline.LinkChange, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := ""
	if after != nil {
		last = waitingName(after)
	}
	var page []pipeline.LinkChange
	for _, name := range slices.Sorted(maps.Keys(s.waiting)) {
		if name <= last || len(page) == limit {
			continue
		}
		l := s.waiting[name]
		for _, end := range []*pipeline.LinkEnd{&l.From, &l.To} {
			if end.ID == "" {
				end.ID = s.records[pipeline.RecordID{Object: end.Object, Property: end.Property, Value: end.Value}]
			}
		}
		for _, have := range s.ledger[l.Key].Links {
			if have.Slot == l.Slot && have.FromID == l.From.ID && have.ToID == l.To.ID {
				l.Was = &have
			}
		}
		page = append(page, l)
	}
	return page, nil
}

func (s *modelStore) Records(_ context.Context, _, object, property string, values []string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]string{}
	for _, v := range values {
		if id, ok := s.records[pipeline.RecordID{Object: object, Property: property, Value: v}]; ok {
			m[v] = id
		}
	}
	return m, nil
}

func (s *modelStore) Owners(_ context.Context, _ string, ids []string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]string{}
	for key, e := range s.ledger {
		if slices.Contains(ids, e.ID) {
			m[e.ID] = key
		}
	}
	return m, nil
}

func (s *modelStore) Finish(_ context.Context, f pipeline.Finish) error {
	unlock, err := s.lock(f.Epoch)
	if err != nil {
		return err
	}
	defer unlock()
	if f.Complete && !f.Keep {
		s.position = nil
	}
	for name, r := range s.rejects {
		if f.Whole && s.lastRun[name] != f.Run {
			delete(s.rejects, name)
			if e := s.ledger[r.Key]; e != nil {
				e.Rejected = pipeline.Hash{}
			}
		}
	}
	return nil
}

func (s *modelStore) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
}

// A sliceSource yields rows of three columns (id, name, parent) from memory. Its position is the number of rows read.
type sliceSource struct {
	rows  [][3]string
	batch int
}

func (s *sliceSource) Open(context.Context, pipeline.Env) (pipeline.Source, error) { return s, nil }
func (s *sliceSource) Close() error                                                { return nil }
func (s *sliceSource) Schema() *pipeline.Schema {
	return &pipeline.Schema{Fields: []pipeline.Field{{Name: "id", Type: pipeline.String}, {Name: "name", Type: pipeline.String}, {Name: "parent", Type: pipeline.String}}}
}

func (s *sliceSource) Batches(ctx context.Context, from pipeline.Position) iter.Seq2[pipeline.Batch, error] {
	return func(yield func(pipeline.Batch, error) bool) {
		at, _ := strconv.Atoi(string(from))
		slab := make([]pipeline.Value, 3*s.batch) // reused, as sources do
		for at < len(s.rows) {
			if ctx.Err() != nil {
				yield(pipeline.Batch{}, ctx.Err())
				return
			}
			var b pipeline.Batch
			for ; at < len(s.rows) && len(b.Rows) < s.batch; at++ {
				v := slab[3*len(b.Rows):][:3:3]
				for i, cell := range s.rows[at] {
					if v[i] = (pipeline.Value{}); cell != "" {
						v[i] = pipeline.StringValue(cell)
					}
				}
				b.Rows = append(b.Rows, pipeline.Row{Place: pipeline.Place{Name: "rows", Line: int64(at + 1)}, Values: v})
			}
			b.End = pipeline.Position(strconv.Itoa(at))
			if !yield(b, nil) {
				return
			}
		}
	}
}

// mapped sends the name as a property, and turns the parent into a link.
type mapped struct{ schema *pipeline.Schema }

func (mapped) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	return mapped{in.With(pipeline.Field{Name: "name", Type: pipeline.String, Role: pipeline.Property},
		pipeline.Field{Name: "parent", Type: pipeline.Ref, Role: pipeline.Link, Lookup: &pipeline.Lookup{Object: "things", Property: "id", Missing: pipeline.MissingPark}})}, nil
}
func (m mapped) Schema() *pipeline.Schema { return m.schema }
func (m mapped) Apply(_ context.Context, rows []pipeline.Row, reject func(pipeline.Row, error)) ([]pipeline.Row, error) {
	kept := rows[:0]
	for _, row := range rows {
		switch row.Values[1].Text() {
		case "drop":
			continue
		case "bad":
			reject(row, pipeline.Rejectf("bad_name", "the name is bad"))
			continue
		}
		parent := pipeline.Value{}
		if !row.Values[2].IsNull() {
			parent = pipeline.RefValue(row.Values[2].Text())
		}
		row.Values = append(slices.Clone(row.Values), row.Values[1], parent)
		kept = append(kept, row)
	}
	return kept, nil
}

// A modelRecord is a record of the model destination.
type modelRecord struct {
	id, key, name string
	version       int64
	trace         string
}

// A modelCRM is a destination with unique keys that loses answers, applies writes late or in part, and refuses names.
type modelCRM struct {
	mu        sync.Mutex
	rng       *rand.Rand
	faults    float64 // the share of writes whose answer is lost
	limits    pipeline.Limits
	records   map[string]*modelRecord // by id
	byKey     map[string]string
	links     map[string]string // child id → parent id
	creates   map[string]int
	seen      map[string]int // how often each rare state was met
	writes    int
	onWrite   func(n int)
	onLink    func()            // after links were intended, before they are made
	elsewhere map[string]string // ids of records that no pipeline has written
	store     *modelStore
	broken    []string // violations
}

const landing = 20 * time.Second

func newModelCRM(seed uint64, store *modelStore) *modelCRM {
	return &modelCRM{rng: rand.New(rand.NewPCG(seed, 1)), records: map[string]*modelRecord{}, byKey: map[string]string{}, links: map[string]string{},
		creates: map[string]int{}, seen: map[string]int{}, store: store,
		limits: pipeline.Limits{Object: "things", Match: "id", Rows: 7, Writes: 3, Links: 10, Landing: landing}}
}

// createOnly makes the destination one whose records are made once, with their links, and not written again.
func (c *modelCRM) createOnly() {
	c.limits.CreateOnly, c.limits.Inline = true, true
}

func (c *modelCRM) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return c, nil
}
func (c *modelCRM) Limits() pipeline.Limits                 { return c.limits }
func (c *modelCRM) Account(context.Context) (string, error) { return "model", nil }
func (c *modelCRM) Close() error                            { return nil }
func (c *modelCRM) Fold(_, _, value string) string          { return value }

func (c *modelCRM) Specs() []pipeline.LinkSpec {
	return []pipeline.LinkSpec{{Slot: "parent", FromObject: "things", FromField: -1, ToObject: "things", ToField: 4, LabelField: -1}}
}

func (c *modelCRM) Prepare(_ context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	for i := range changes {
		changes[i].Match = changes[i].Key
		changes[i].Action = pipeline.Upsert
		if c.limits.CreateOnly {
			changes[i].Action = pipeline.Create
		}
		if changes[i].ID != "" {
			changes[i].Action = pipeline.Update
		}
	}
	return nil, nil
}

func (c *modelCRM) violate(format string, args ...any) {
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

// intended checks I5: a committed intent names exactly this change.
func (c *modelCRM) intended(ch pipeline.Change) {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	for _, g := range c.store.groups {
		for _, in := range g.Intents {
			if in.TraceID == ch.TraceID && in.Hash == ch.Hash && in.Version == ch.Version {
				return
			}
		}
	}
	if !c.store.dead {
		c.violate("I5: %s of %q was sent without a committed intent", ch.Action, ch.Key)
	}
}

func (c *modelCRM) Write(ctx context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if c.onWrite != nil {
		c.onWrite(c.writes)
	}
	keys := map[string]bool{}
	for _, ch := range changes {
		c.intended(ch)
		if keys[ch.Key] {
			c.violate("I6: key %q twice in a request", ch.Key)
		}
		keys[ch.Key] = true
	}
	fault := c.rng.Float64() < c.faults
	kind := c.rng.IntN(4)
	var outcomes []pipeline.Outcome
	for i, ch := range changes {
		if fault && kind == 0 || fault && kind == 1 && i%2 == 0 {
			c.seen["dropped"]++
			continue // never arrives
		}
		if fault && kind == 2 {
			c.seen["late"]++
			late := time.Duration(c.rng.Int64N(int64(landing) - 1))
			time.AfterFunc(late, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.apply(ch)
			})
			continue
		}
		id, err := c.apply(ch)
		if fault {
			c.seen["lost answer"]++
			continue
		}
		if err != nil {
			outcomes = append(outcomes, pipeline.Outcome{TraceID: ch.TraceID, Verdict: pipeline.Refused, Err: err})
			continue
		}
		o := pipeline.Outcome{TraceID: ch.TraceID, Verdict: pipeline.Done, ID: id}
		for _, l := range ch.Links {
			o.Links = append(o.Links, pipeline.LinkState{Slot: l.Slot, FromID: id, ToID: l.To.ID, From: l.From.Object, To: l.To.Object, Made: true})
		}
		outcomes = append(outcomes, o)
	}
	c.rng.Shuffle(len(outcomes), func(i, j int) { outcomes[i], outcomes[j] = outcomes[j], outcomes[i] })
	return outcomes, nil
}

func (c *modelCRM) apply(ch pipeline.Change) (string, error) {
	name := ch.Values[0].String()
	if name == "refused" {
		return "", pipeline.Rejectf("refused", "the destination refuses this name")
	}
	id := ch.ID
	if id == "" {
		id = c.byKey[ch.Match]
	}
	if id == "" {
		id = strconv.Itoa(1000 + len(c.records))
		c.byKey[ch.Match] = id
		c.records[id] = &modelRecord{id: id, key: ch.Key}
		c.creates[ch.Key]++
		for _, l := range ch.Links {
			c.seen["inline"]++
			c.links[id] = l.To.ID
		}
	}
	r := c.records[id]
	if ch.Action == pipeline.Create && r.trace != "" && r.trace != ch.TraceID {
		c.violate("I1: %q was created again", ch.Key)
	}
	if ch.Version < r.version {
		c.violate("I4: version of %q went back from %d to %d", ch.Key, r.version, ch.Version)
	}
	r.name, r.version, r.trace = name, ch.Version, ch.TraceID
	return id, nil
}

func (c *modelCRM) Settle(_ context.Context, changes []pipeline.Change) ([]pipeline.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.faults > 0 && c.rng.IntN(5) == 0 {
		return nil, errors.New("the read timed out")
	}
	var outcomes []pipeline.Outcome
	for _, ch := range changes {
		id := ch.ID
		if id == "" {
			id = c.byKey[ch.Match]
		}
		if id == "" {
			c.seen["in doubt, absent"]++
			outcomes = append(outcomes, pipeline.Outcome{TraceID: ch.TraceID, Verdict: pipeline.Absent})
			continue
		}
		c.seen["in doubt, found"]++
		o := pipeline.Outcome{TraceID: ch.TraceID, Verdict: pipeline.Found, ID: id}
		if ch.Action == pipeline.Create {
			o.Verdict = pipeline.Done
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

func (c *modelCRM) Link(ctx context.Context, links []pipeline.LinkChange, intend func(context.Context, []pipeline.LinkOutcome) error) ([]pipeline.LinkOutcome, error) {
	var intended []pipeline.LinkOutcome
	for i := range links {
		if l := &links[i]; !l.Remove {
			state := &pipeline.LinkState{Slot: l.Slot, FromID: l.From.ID, ToID: l.To.ID, From: l.From.Object, To: l.To.Object, Label: l.Label, Made: true}
			intended = append(intended, pipeline.LinkOutcome{Change: l, State: state})
		}
	}
	if err := intend(ctx, intended); err != nil {
		return nil, err
	}
	if c.onLink != nil {
		c.onLink()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var outcomes []pipeline.LinkOutcome
	for i := range links {
		l := &links[i]
		lost := c.rng.Float64()
		if lost < c.faults/8 {
			continue
		}
		o := pipeline.LinkOutcome{Change: l, Verdict: pipeline.Done}
		if l.Remove {
			if c.links[l.From.ID] == l.To.ID {
				delete(c.links, l.From.ID)
			}
		} else {
			o.NoOp = c.links[l.From.ID] == l.To.ID
			c.links[l.From.ID] = l.To.ID
			o.State = l.Was
		}
		if lost > c.faults/4 {
			outcomes = append(outcomes, o)
		}
	}
	return outcomes, nil
}

func (c *modelCRM) Find(context.Context, string, string, []string) (map[string]string, error) {
	return c.elsewhere, nil
}

// content returns what the destination holds, by key, with ids taken out of it, and without some keys.
func (c *modelCRM) content(without map[string]bool) map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := map[string]string{}
	for _, r := range c.records {
		parent := ""
		if p := c.records[c.links[r.id]]; p != nil && !without[p.key] {
			parent = p.key
		}
		if !without[r.key] {
			m[r.key] = r.name + " < " + parent
		}
	}
	return m
}
