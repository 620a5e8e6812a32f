package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

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
	store     *model.Store
	archived  []string // keys
	broken    []string // violations
}

const landing = 20 * time.Second

func newModelCRM(seed uint64, store *model.Store) *modelCRM {
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
	for _, g := range c.store.Open() {
		for _, in := range g.Intents {
			if in.TraceID == ch.TraceID && in.Hash == ch.Hash && in.Version == ch.Version {
				return
			}
		}
	}
	c.violate("I5: %s of %q was sent without a committed intent", ch.Action, ch.Key)
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
		_, there := c.byKey[ch.Match]
		id, err := c.apply(ch)
		if fault {
			c.seen["lost answer"]++
			continue
		}
		if err != nil {
			outcomes = append(outcomes, pipeline.Outcome{TraceID: ch.TraceID, Verdict: pipeline.Refused, Err: err})
			continue
		}
		o := pipeline.Outcome{TraceID: ch.TraceID, Verdict: pipeline.Done, ID: id, Made: !there && ch.Action != pipeline.Archive}
		for _, l := range ch.Links {
			o.Links = append(o.Links, pipeline.LinkState{Slot: l.Slot, FromID: id, ToID: l.To.ID, From: l.From.Object, To: l.To.Object, Made: true})
		}
		outcomes = append(outcomes, o)
	}
	c.rng.Shuffle(len(outcomes), func(i, j int) { outcomes[i], outcomes[j] = outcomes[j], outcomes[i] })
	return outcomes, nil
}

func (c *modelCRM) apply(ch pipeline.Change) (string, error) {
	if ch.Action == pipeline.Archive {
		c.archived = append(c.archived, ch.Key)
		delete(c.byKey, c.records[ch.ID].key)
		delete(c.records, ch.ID)
		return ch.ID, nil
	}
	name := ch.Values[0].String()
	if name == "refused" {
		return "", pipeline.Rejectf("refused", "the destination refuses this name")
	}
	id := ch.ID
	if id == "" {
		id = c.byKey[ch.Match]
	}
	if id == "" {
		id = strconv.Itoa(1000 + len(c.records) + len(c.archived))
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
