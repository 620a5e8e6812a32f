package pipeline_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// A keepingCRM is a destination that leaves names as others have set them.
type keepingCRM struct {
	*modelCRM
}

const theirs = "theirs"

func (c keepingCRM) Open(context.Context, pipeline.Env, *pipeline.Schema) (pipeline.Sink, error) {
	return c, nil
}

func (c keepingCRM) Keep(_ context.Context, changes []pipeline.Change) (outcomes []pipeline.Outcome, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range changes {
		ch := &changes[i]
		id := ch.ID
		if id == "" {
			id = c.byKey[ch.Match]
		}
		if r := c.records[id]; r != nil && r.name == theirs {
			ch.Kept = []pipeline.Kept{{Property: "name", Want: ch.Values[0].String(), Got: r.name, Why: pipeline.KeptEdited}}
			outcomes = append(outcomes, pipeline.Outcome{TraceID: ch.TraceID, Verdict: pipeline.Done, ID: id, NoOp: true, Same: true})
		}
	}
	return outcomes, nil
}

// TestAPlanKeepsWhatTheNextRunKeeps has people edit records between runs: what a plan shows as kept is what the run after it
// leaves, and its counters are those of the run.
func TestAPlanKeepsWhatTheNextRunKeeps(t *testing.T) {
	keeps := 0
	rapid.Check(t, func(rt *rapid.T) {
		store := &auditStore{Store: model.New(), account: "model"}
		crm := newModelCRM(1, store.Store)
		crm.limits.Landing = 0
		for round := range rapid.IntRange(2, 4).Draw(rt, "rounds") {
			rows, _ := drawRows(rt)
			edited := map[string]bool{}
			for _, key := range rapid.SliceOfDistinct(rapid.SampledFrom(numbered("k", 40)), rapid.ID[string]).Draw(rt, "edited") {
				if r := crm.records[crm.byKey[key]]; r != nil {
					r.name = theirs
				}
			}
			for _, r := range crm.records {
				edited[r.key] = r.name == theirs
			}
			plan, err := openSink(t, rows, keepingCRM{crm}).Plan(context.Background(), store, pipeline.PlanOptions{Rows: 1000})
			if err != nil {
				rt.Fatal(err)
			}
			report, err := openSink(t, rows, keepingCRM{crm}).Run(context.Background(), store, pipeline.Options{})
			if err != nil {
				rt.Fatal(err)
			}
			agree(rt, round, plan, &report)
			for _, c := range plan.Changes {
				kept := len(c.Kept) > 0
				if (c.Action == pipeline.PlanKeep || c.Action == pipeline.PlanUpdate) && kept != edited[c.Key] {
					rt.Fatalf("round %d: %s of %s shows %v as kept, edited: %v", round, c.Action, c.Key, c.Kept, edited[c.Key])
				}
				if kept {
					keeps++
				}
			}
		}
	})
	if keeps == 0 {
		t.Error("nothing was ever kept")
	}
}
