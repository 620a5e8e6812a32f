package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/pipeline"
)

// paired makes of a row (key, "from:label", to) the link between two records.
type paired struct {
	schema *pipeline.Schema
	maxAge time.Duration // of its links, both ends
}

func (m paired) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Transform, error) {
	look := func(object string) *pipeline.Lookup {
		return &pipeline.Lookup{Object: object, Property: "id", Missing: pipeline.MissingPark, MaxAge: m.maxAge}
	}
	return paired{schema: in.With(pipeline.Field{Name: "role", Type: pipeline.String, Role: pipeline.Property},
		pipeline.Field{Name: "from", Type: pipeline.Ref, Role: pipeline.Link, Lookup: look("people")},
		pipeline.Field{Name: "to", Type: pipeline.Ref, Role: pipeline.Link, Lookup: look("groups")})}, nil
}
func (m paired) Schema() *pipeline.Schema { return m.schema }
func (m paired) Apply(_ context.Context, rows []pipeline.Row, _ func(pipeline.Row, error)) ([]pipeline.Row, error) {
	for i, row := range rows {
		from, label, _ := strings.Cut(row.Values[1].Text(), ":")
		rows[i].Values = append(row.Values[:3:3], pipeline.StringValue(label), pipeline.RefValue(from), pipeline.RefValue(row.Values[2].Text()))
	}
	return rows, nil
}

// A modelPairs is a destination of links that loses requests and answers. A pair that others have made must outlive us.
type modelPairs struct {
	mu      sync.Mutex
	rng     *rand.Rand
	faults  float64
	pairs   map[[2]string]string // ids → label
	foreign map[[2]string]bool
	absent  map[string]bool // values of records that aren't there yet
	calls   int
	onCall  func(n int) // before and after what a call does
	writes  int
	refuses bool
	unsure  bool // of what it refuses, which it has made nevertheless
	limits  pipeline.Limits
}

func newModelPairs(seed uint64) *modelPairs {
	c := &modelPairs{rng: rand.New(rand.NewPCG(seed, 3)), pairs: map[[2]string]string{}, foreign: map[[2]string]bool{}, absent: map[string]bool{},
		limits: pipeline.Limits{Links: 10, LinksOnly: true, Mirror: true, Landing: landing}}
	world := rand.New(rand.NewPCG(seed, 4))
	for range 20 {
		pair := [2]string{fmt.Sprintf("people/p%d", world.IntN(40)), fmt.Sprintf("groups/g%d", world.IntN(6))}
		c.pairs[pair], c.foreign[pair] = "", true
	}
	for i := range 6 {
		c.absent[fmt.Sprintf("g%d", i)] = world.IntN(3) == 0
	}
	return c
}

func (c *modelPairs) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return c, nil
}
func (c *modelPairs) Limits() pipeline.Limits                 { return c.limits }
func (c *modelPairs) Account(context.Context) (string, error) { return "model", nil }
func (c *modelPairs) Close() error                            { return nil }
func (c *modelPairs) Fold(_, _, value string) string          { return value }
func (c *modelPairs) Specs() []pipeline.LinkSpec {
	return []pipeline.LinkSpec{{Slot: "s", FromObject: "people", FromField: 4, ToObject: "groups", ToField: 5, LabelField: 3}}
}

func (c *modelPairs) Prepare(context.Context, []pipeline.Change) ([]pipeline.Outcome, error) {
	return nil, errors.New("no row of links is prepared")
}

func (c *modelPairs) Write(context.Context, []pipeline.Change) ([]pipeline.Outcome, error) {
	return nil, errors.New("no row of links is written")
}

func (c *modelPairs) Settle(context.Context, []pipeline.Change) ([]pipeline.Outcome, error) {
	return nil, errors.New("no row of links is in doubt")
}

func (c *modelPairs) Find(_ context.Context, object, _ string, values []string) (map[string]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]string{}
	for _, v := range values {
		if !c.absent[v] {
			found[v] = object + "/" + v
		}
	}
	return found, nil
}

func (c *modelPairs) Link(ctx context.Context, links []pipeline.LinkChange, intend func(context.Context, []pipeline.LinkOutcome) error) ([]pipeline.LinkOutcome, error) {
	c.step()
	var intended []pipeline.LinkOutcome
	for i := range links {
		if l := &links[i]; !l.Remove {
			intended = append(intended, pipeline.LinkOutcome{Change: l, State: c.state(l)})
		}
	}
	if err := intend(ctx, intended); err != nil {
		return nil, err
	}
	if c.step(); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var outcomes []pipeline.LinkOutcome
	for i := range links {
		lost := c.rng.Float64()
		if lost < c.faults/8 {
			continue
		}
		o := c.make(&links[i])
		if lost > c.faults/4 {
			outcomes = append(outcomes, o)
		}
	}
	c.step()
	return outcomes, nil
}

// step may be the moment that the process is killed at.
func (c *modelPairs) step() {
	if c.calls++; c.onCall != nil {
		c.onCall(c.calls)
	}
}

func (c *modelPairs) state(l *pipeline.LinkChange) *pipeline.LinkState {
	_, there := c.pairs[[2]string{l.From.ID, l.To.ID}]
	return &pipeline.LinkState{Slot: l.Slot, FromID: l.From.ID, ToID: l.To.ID, From: l.From.Object, To: l.To.Object, Label: l.Label,
		Made: !there || l.Was != nil && l.Was.Made}
}

func (c *modelPairs) make(l *pipeline.LinkChange) pipeline.LinkOutcome {
	o := pipeline.LinkOutcome{Change: l, Verdict: pipeline.Done}
	pair := [2]string{l.From.ID, l.To.ID}
	label, there := c.pairs[pair]
	switch {
	case c.unsure && !l.Remove:
		o.Verdict, o.State, o.Err = pipeline.Refused, l.Was, pipeline.Rejectf("no_answer", "the destination says nothing")
		c.pairs[pair] = l.Label
	case c.refuses:
		o.Verdict, o.NoOp, o.Err = pipeline.Refused, true, pipeline.Rejectf("no_such_label", "the destination refuses the label")
	case !l.Remove:
		o.State, o.NoOp = c.state(l), there && label == l.Label
		c.pairs[pair] = l.Label
	case l.Was != nil && l.Was.Made && there:
		delete(c.pairs, pair)
	default:
		o.NoOp = true
	}
	if !o.NoOp {
		c.writes++
	}
	return o
}

// content returns the pairs that are there, with their labels where they are ours.
func (c *modelPairs) content() map[[2]string]string {
	m := maps.Clone(c.pairs)
	for pair := range c.foreign {
		m[pair] = "foreign"
	}
	return m
}

func openPairs(t testing.TB, rows [][3]string, crm pipeline.SinkConfig) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Open(context.Background(), pipeline.Definition{
		Name: "p", Key: []string{"id"}, Source: &sliceSource{rows: rows, batch: 10}, Transforms: []pipeline.TransformConfig{paired{}}, Sink: crm,
	}, pipeline.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// randomPairs makes rows of links: some keys are missing, and each key's person is its own.
func randomPairs(rng *rand.Rand) [][3]string {
	var rows [][3]string
	for k := range 40 {
		if rng.IntN(5) > 0 {
			rows = append(rows, [3]string{fmt.Sprintf("k%02d", k), fmt.Sprintf("p%d:%s", k, []string{"", "chair", "member"}[rng.IntN(3)]), fmt.Sprintf("g%d", rng.IntN(6))})
		}
	}
	return rows
}

// plainPairs makes n rows of links to one group.
func plainPairs(n int) (rows [][3]string) {
	for i := range n {
		rows = append(rows, [3]string{fmt.Sprintf("%04d", i), fmt.Sprintf("p%d:", i), "g"})
	}
	return rows
}
