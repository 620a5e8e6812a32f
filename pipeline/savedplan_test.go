package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
	"sluice/pipeline/plantest"
)

// TestAKilledRunOfAPlanIsCarriedOnToItsEnd carries a plan out to a destination that loses answers, and kills the process on the
// way, again and again: in the end each record is as one clean run makes it, and nothing that was planned was refused as
// changed.
func TestAKilledRunOfAPlanIsCarriedOnToItsEnd(t *testing.T) {
	seen := map[string]int{}
	inOneBubble(t, 150, func(t *testing.T, seed uint64) { killedPlan(t, seed, seen) })
	proves(t, seen, "killed", "killed at links", "dropped", "late", "lost answer", "in doubt, found")
}

func killedPlan(t *testing.T, seed uint64, seen map[string]int) {
	rng := rand.New(rand.NewPCG(seed, 3))
	before, rows := lastRows(randomRows(rng, 60)), lastRows(randomRows(rng, 60))
	store := model.New()
	crm := newModelCRM(seed, store)
	runUntilDone(t, seed, rng, before, crm, store)
	time.Sleep(time.Hour)
	planned := plantest.Save(t, openModel(t, rows, crm), &auditStore{Store: store, account: "model"})
	crm.faults = 0.3
	done := false
	for attempt := 0; attempt < 50 && !done; attempt++ {
		report, err := runKilled(t, rng, rows, crm, store, attempt < 5, pipeline.Options{Plan: planned})
		if done = err == nil; done && report.Balance() != nil {
			t.Errorf("seed %d: %v", seed, report.Balance())
		}
	}
	synctest.Wait()
	unbroken(t, seed, crm)
	for _, l := range store.Letters(true) {
		if l.Code == pipeline.PlanChanged {
			t.Errorf("seed %d: refused: %+v", seed, l)
		}
	}
	without := refusable(before, rows)
	if diff := cmp.Diff(cleanRun(t, func(*modelCRM) {}, before, rows).content(without), crm.content(without)); !done || diff != "" {
		t.Errorf("seed %d: done %v (-want +got):\n%s", seed, done, diff)
	}
	for state, n := range crm.seen {
		seen[state] += n
	}
}

// TestAPlanDoesntTakeBackWhatAnotherRunHasWritten proves that a row is refused which other runs have written since the plan
// was made, though it is again as it was then.
func TestAPlanDoesntTakeBackWhatAnotherRunHasWritten(t *testing.T) {
	store := &auditStore{Store: model.New(), account: "model"}
	crm := newModelCRM(1, store.Store)
	crm.limits.Landing = 0
	row := func(name string) [][3]string { return [][3]string{{"k", name, ""}} }
	run := func(name string, opts pipeline.Options) pipeline.Report {
		t.Helper()
		report, err := openModel(t, row(name), crm).Run(context.Background(), store, opts)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	run("a", pipeline.Options{})
	plan := plantest.Save(t, openModel(t, row("b"), crm), store)
	run("b", pipeline.Options{})
	run("c", pipeline.Options{})
	if r := run("b", pipeline.Options{Plan: plan}); r.Written != 0 || r.Rejected != 1 || crm.names()["k"] != "c" {
		t.Errorf("%+v, and the record holds %q; want one row refused, and c", r, crm.names()["k"])
	}
	if run("b", pipeline.Options{}); crm.names()["k"] != "b" || len(store.Letters(false)) > 0 {
		t.Errorf("without the plan the record holds %q, want b; open: %+v", crm.names()["k"], store.Letters(false))
	}
}

// savePlan plans a pipeline, and returns what the saved plan has it do.
func savePlan(t *rapid.T, p *pipeline.Pipeline, store pipeline.Auditor, opts pipeline.Options) *pipeline.PlannedRun {
	var file bytes.Buffer
	w, err := pipeline.NewPlanWriter(&file, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Plan(context.Background(), store, pipeline.PlanOptions{Options: opts, Save: w}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	if cut := rapid.IntRange(0, len(whole)-2).Draw(t, "cut"); cut > 0 { // the last byte is a newline
		if _, err := pipeline.ReadPlan(bytes.NewReader(whole[:cut])); err == nil {
			t.Fatalf("a plan that is cut after %d of %d bytes is read", cut, len(whole))
		}
	}
	plan, err := pipeline.ReadPlan(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	return plan.Pipelines[0]
}

// editRows changes, adds and takes away rows. No key comes twice that didn't before.
func editRows(t *rapid.T, rows [][3]string, mirror bool) [][3]string {
	rows = slices.Clone(rows)
	for range rapid.IntRange(0, 6).Draw(t, "edits") {
		at := rapid.IntRange(0, max(0, len(rows)-1)).Draw(t, "at")
		switch kind := rapid.IntRange(0, 3).Draw(t, "edit"); {
		case kind == 0 || len(rows) == 0:
			isNew := func(s string) bool {
				return strings.IndexByte(s, 0) < 0 && !slices.ContainsFunc(rows, func(row [3]string) bool { return row[0] == "new"+s })
			}
			rows = append(rows, [3]string{"new" + rapid.StringN(1, 3, 3).Filter(isNew).Draw(t, "key"), "a", ""})
		case kind == 1 && mirror:
			rows = slices.Delete(rows, at, at+1)
		default:
			rows[at][1] = rapid.SampledFrom([]string{"a", "b", "e", "f", "drop", "bad"}).Draw(t, "name")
		}
	}
	return rows
}

// names returns the names of the destination's records by key.
func (c *modelCRM) names() map[string]string {
	names := map[string]string{}
	for _, r := range c.records {
		names[r.key] = r.name
	}
	return names
}

// checkApplied checks that what has become of the records is what was planned of them, or nothing: planned is what a run in
// place of the plan would have made of them.
func checkApplied(t *rapid.T, before, planned, after map[string]string) {
	keys := map[string]bool{}
	for _, m := range []map[string]string{before, planned, after} {
		for key := range m {
			keys[key] = true
		}
	}
	for key := range keys {
		was, had := before[key]
		now, has := after[key]
		want, wanted := planned[key]
		if (now != was || has != had) && (now != want || has != wanted) {
			t.Fatalf("record of %q: was %q (%v), planned %q (%v), is %q (%v)", key, was, had, want, wanted, now, has)
		}
	}
}

// TestASavedPlanIsCarriedOutExactly plans random sources, changes them, and carries the plan out: each record is then as it was
// or as planned; where nothing has changed since, all are as planned. A second time nothing is written, and the checkpoint is
// where it was. The run after it ends as one clean run.
func TestASavedPlanIsCarriedOutExactly(t *testing.T) {
	for _, mirror := range []bool{false, true} {
		t.Run(map[bool]string{true: "mirror", false: "upsert"}[mirror], func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { carryOut(t, rt, mirror) })
		})
	}
}

func carryOut(t *testing.T, rt *rapid.T, mirror bool) {
	ctx := context.Background()
	prepare := func(c *modelCRM) { c.limits.Landing, c.limits.Mirror = 0, mirror }
	store := &auditStore{Store: model.New(), account: "model"}
	crm := newModelCRM(1, store.Store)
	prepare(crm)
	run := func(rows [][3]string, crm *modelCRM, s pipeline.Store, opts pipeline.Options) pipeline.Report {
		opts.AllowMassChange = true
		report, err := openModel(t, rows, crm).Run(ctx, s, opts)
		if err != nil {
			rt.Fatal(err)
		}
		return report
	}
	var past [][][3]string
	for range rapid.IntRange(0, 2).Draw(rt, "runs before") {
		rows, _ := drawRows(rt)
		run(rows, crm, store, pipeline.Options{})
		past = append(past, rows)
	}
	rows, twice := drawRows(rt)
	plan := savePlan(rt, openModel(t, rows, crm), store, pipeline.Options{AllowMassChange: true, Full: rapid.Bool().Draw(rt, "full")})

	// clean returns the destination after the runs before, and one of these rows.
	clean := func(rows [][3]string) *modelCRM {
		fresh := model.New()
		twin := newModelCRM(1, fresh)
		prepare(twin)
		for _, rows := range append(slices.Clone(past), rows) {
			run(rows, twin, fresh, pipeline.Options{})
		}
		return twin
	}

	now := editRows(rt, rows, mirror)
	before, position := crm.names(), store.Position()
	first := run(now, crm, store, pipeline.Options{Plan: plan})
	planned, after := clean(rows), crm.names()
	if !twice { // else the plan has a version between, too
		checkApplied(rt, before, planned.names(), after)
	}
	if cmp.Equal(now, rows) {
		if diff := cmp.Diff(planned.content(nil), crm.content(nil)); diff != "" {
			rt.Fatalf("nothing has changed since the plan, but (-planned +is):\n%s", diff)
		}
	}
	writes := crm.writes
	second := run(now, crm, store, pipeline.Options{Plan: plan})
	if !twice && (second.Written != 0 || crm.writes != writes || second.Rejected != first.Rejected) {
		rt.Fatalf("carried out twice:\n%+v\n%+v", first, second)
	}
	if !bytes.Equal(store.Position(), position) {
		rt.Fatalf("the checkpoint has moved from %q to %q", position, store.Position())
	}

	run(now, crm, store, pipeline.Options{})
	run(now, crm, store, pipeline.Options{}) // a row that comes twice is written twice
	if diff := cmp.Diff(clean(now).content(nil), crm.content(nil)); diff != "" {
		rt.Fatalf("without the plan (-want +is):\n%s", diff)
	}
	for _, l := range store.Letters(false) {
		if l.Code == pipeline.PlanChanged && !twice {
			rt.Fatalf("still open: %+v", l)
		}
	}
	if len(crm.broken) > 0 {
		rt.Fatal(errors.New(strings.Join(crm.broken, "\n")))
	}
}
