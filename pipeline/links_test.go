package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
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

// TestKilledLinkRunsEndAsOneCleanRun is I10 for rows that are links, in mirror mode: whatever is lost or killed on the
// way, and however the source changes meanwhile, every link that rows ask for is there at the end, and no other of ours.
func TestKilledLinkRunsEndAsOneCleanRun(t *testing.T) {
	killed := 0
	inOneBubble(t, 150, func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 5))
		store, crm := model.New(), newModelPairs(seed)
		crm.faults = 0.3
		for range 4 {
			killed += linkRun(t, seed, rng, randomPairs(rng), store, crm)
		}
		last := randomPairs(rng)
		crm.faults, crm.onCall = 0, nil
		clear(crm.absent)
		report, err := openPairs(t, last, crm).Run(context.Background(), store, pipeline.Options{})
		if err != nil || report.Held != 0 || report.Parked != 0 {
			t.Errorf("seed %d: the last run: %+v, %v", seed, report, err)
		}
		clean := newModelPairs(seed)
		clear(clean.absent)
		if _, err := openPairs(t, last, clean).Run(context.Background(), model.New(), pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(clean.content(), crm.content()); diff != "" {
			t.Errorf("seed %d: I10: the links differ from those of a clean run (-want +got):\n%s", seed, diff)
		}
		writes := crm.writes
		again, err := openPairs(t, last, crm).Run(context.Background(), store, pipeline.Options{})
		if err != nil || crm.writes != writes || again.Unchanged != again.Read {
			t.Errorf("seed %d: I9: a second run made %d writes: %+v, %v", seed, crm.writes-writes, again, err)
		}
	})
	if killed < 100 {
		t.Errorf("only %d runs were killed: the test proves too little", killed)
	}
}

// linkRun runs once and kills the process at a random moment, or not, and returns how often it did.
func linkRun(t *testing.T, seed uint64, rng *rand.Rand, rows [][3]string, store *model.Store, crm *modelPairs) (killed int) {
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	start, at := crm.calls, 1+rng.IntN(24)
	crm.onCall = func(n int) {
		if n-start == at {
			killed++
			store.Kill()
			kill()
		}
	}
	report, err := openPairs(t, rows, crm).Run(ctx, store, pipeline.Options{})
	if err == nil {
		if err := report.Balance(); err != nil || report.Held < 0 {
			t.Errorf("seed %d: I3: %v: %+v", seed, err, report)
		}
	}
	time.Sleep(time.Minute)
	return killed
}

// TestAnIntendedLinkIsAskedForAgain proves that a link which the ledger shows only because it was about to be made isn't
// taken for one that is there, when its row is written again for another reason.
func TestAnIntendedLinkIsAskedForAgain(t *testing.T) {
	store := model.New()
	crm := newModelCRM(1, store)
	crm.elsewhere = map[string]string{"g": "77"}
	ctx, kill := context.WithCancel(context.Background())
	crm.onLink = func() {
		store.Kill()
		kill()
	}
	if _, err := openModel(t, [][3]string{{"k", "name", "g"}}, crm).Run(ctx, store, pipeline.Options{}); err == nil {
		t.Fatal("the run wasn't killed")
	}
	crm.onLink = nil
	if _, err := openModel(t, [][3]string{{"k", "other name", "g"}}, crm).Run(context.Background(), store, pipeline.Options{Full: true}); err != nil {
		t.Fatal(err)
	}
	if got := crm.links[crm.byKey["k"]]; got != "77" {
		t.Errorf("the row is linked to %q, want 77", got)
	}
}

// TestALinkRowWithALaterVersionIsSuperseded proves that the earlier of two rows of a key isn't counted as held for ever:
// what it asked for is no longer waiting.
func TestALinkRowWithALaterVersionIsSuperseded(t *testing.T) {
	for _, later := range []string{"p:member", "p:chair"} {
		crm := newModelPairs(1)
		clear(crm.pairs)
		clear(crm.absent)
		rows := [][3]string{{"k", "p:chair", "g"}}
		for i := range 15 {
			rows = append(rows, [3]string{fmt.Sprint(i), fmt.Sprintf("p%d:", i), "g"})
		}
		rows = append(rows, [3]string{"k", later, "g"})
		report, err := openPairs(t, rows, crm).Run(context.Background(), model.New(), pipeline.Options{})
		if err != nil || report.Held != 0 || report.Superseded != 1 || report.Written != 16 || report.Linked != 16 {
			t.Errorf("later %s: %+v, %v", later, report, err)
		}
	}
}

// plainPairs makes n rows of links to one group.
func plainPairs(n int) (rows [][3]string) {
	for i := range n {
		rows = append(rows, [3]string{fmt.Sprintf("%04d", i), fmt.Sprintf("p%d:", i), "g"})
	}
	return rows
}

// TestRefusedLinksStopTheRun proves that max_rejects holds for rows that are links, too.
func TestRefusedLinksStopTheRun(t *testing.T) {
	crm := newModelPairs(1)
	crm.refuses, crm.limits.MaxRejects = true, 0.5
	report, err := openPairs(t, plainPairs(1500), crm).Run(context.Background(), model.New(), pipeline.Options{})
	if err == nil || !strings.Contains(err.Error(), "max_rejects") || report.Rejected > 300 {
		t.Errorf("%d rows were rejected: %v", report.Rejected, err)
	}
}

// TestRefusedLinksSayWhere proves that the dead letter of a link says where its row is, and still does after a run in which
// the row hasn't changed.
func TestRefusedLinksSayWhere(t *testing.T) {
	pairs := newModelPairs(1)
	pairs.refuses = true
	store := model.New()
	for range 2 {
		if _, err := openPairs(t, plainPairs(3), pairs).Run(context.Background(), store, pipeline.Options{}); err != nil {
			t.Fatal(err)
		}
		letters := store.Letters(false)
		if len(letters) != 3 {
			t.Errorf("%d rows were rejected, want 3", len(letters))
		}
		for _, l := range letters {
			if at, _ := strconv.Atoi(l.Key); l.Place != fmt.Sprintf("rows:%d", at+1) {
				t.Errorf("the link of row %q is at %q", l.Key, l.Place)
			}
		}
	}
}

// TestUnsureLinksGoWithTheirRow proves that a link which was refused because nobody knows whether it was made is taken back
// with its row, and made when the row changes.
func TestUnsureLinksGoWithTheirRow(t *testing.T) {
	store, crm := model.New(), newModelPairs(1)
	clear(crm.pairs)
	clear(crm.absent)
	crm.unsure = true
	ctx := context.Background()
	if report, err := openPairs(t, plainPairs(3), crm).Run(ctx, store, pipeline.Options{}); err != nil || report.Rejected != 3 {
		t.Fatalf("%+v, %v", report, err)
	}
	crm.unsure = false
	if report, err := openPairs(t, plainPairs(1), crm).Run(ctx, store, pipeline.Options{}); err != nil || report.Unlinked != 2 || len(crm.pairs) != 1 {
		t.Fatalf("%+v, %v; %v is left", report, err, crm.pairs)
	}
	clear(crm.pairs)
	rows := plainPairs(1)
	rows[0][1] += "Chair"
	if report, err := openPairs(t, rows, crm).Run(ctx, store, pipeline.Options{}); err != nil || report.Linked != 1 || len(store.Letters(false)) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestRelinkCountsOnlyRowsThatAreHeld proves I3 where a run went on from a checkpoint: links of rows that an earlier run
// has read leave no counter of this one.
func TestRelinkCountsOnlyRowsThatAreHeld(t *testing.T) {
	store, crm := model.New(), newModelPairs(1)
	clear(crm.pairs)
	crm.limits.Mirror = false
	crm.absent["g"] = true
	ctx, p := context.Background(), openPairs(t, plainPairs(40), crm)
	if _, err := p.Run(ctx, store, pipeline.Options{Limit: 30}); err != nil {
		t.Fatal(err)
	}
	report, err := p.Run(ctx, store, pipeline.Options{})
	if err != nil || report.Held != 10 || report.Parked != 40 {
		t.Fatalf("%+v, %v", report, err)
	}
	delete(crm.absent, "g")
	report, err = p.Relink(ctx, store, pipeline.Options{}, report)
	if err != nil || report.Held != 0 || report.Written != 10 || report.Linked != 40 || report.Parked != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
