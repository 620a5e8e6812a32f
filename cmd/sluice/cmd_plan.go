package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/config"
)

// A planFlags is what the flags of plan say.
type planFlags struct {
	dependencies, sandbox, full, json, detailed, massChange, live bool
	limit                                                         rowLimit
	out, since                                                    string
}

// How many changes of each pipeline are shown.
const (
	changesPrinted = 20
	changesEncoded = 1000
)

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [pipeline...]",
		Short: "Show what a run would write, field by field",
		Long: `Read, transform and compare the rows of the named pipelines, or of all, as a run does, and show what it would write:

  +  a record or link that would be made
  ~  a record that would be updated, with each property's old and new value
  -  a record that would be archived, or a link that would be removed
  ?  a link that would go on waiting for its record
  !  a row that would be rejected, and why; of those that were rejected before, and haven't changed, the number
  =  a property that stays as others have set it (when: empty, owner: shared), or a row of which nothing else has changed
  *  a record that others have changed, and that a run leaves alone (with --live): what is there → what was written

Nothing is written, neither to HubSpot nor to the state, and a run may go on beside it. Old values are those that were last
sent, and with --live those that HubSpot has. What HubSpot itself would refuse isn't known beforehand; nor is, without
asking, whether it has a record that nothing was written to yet: an upsert of it counts as one to create.

A saved plan holds the keys of the rows that would be written, hashes of their content, and no values.

Exit codes: 0 done; with --detailed-exitcode 6 if there is something to do; the others as of run.`,
		ValidArgsFunction: a.completePipelines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.plan(cmd.Context(), args, f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dependencies, "with-dependencies", false, "plan what the named pipelines come after, too")
	flags.BoolVar(&f.sandbox, "sandbox", false, "use the local HubSpot and the state of run --sandbox")
	flags.BoolVar(&f.full, "full", false, "ignore the checkpoint: read from the first row, and compare every row")
	flags.StringVar(&f.since, "since", "", "what a run with this flag would do: read only what isn't older")
	flags.BoolVar(&f.massChange, "allow-mass-change", false, "what a run with this flag would do")
	flags.BoolVar(&f.live, "live", false, "compare with what HubSpot has now: reads every record, a hundred a request")
	jsonFlag(cmd, &f.json, "pipelines", "as one JSON document")
	flags.BoolVar(&f.detailed, "detailed-exitcode", false, "end with code 6 if there is something to do")
	flags.StringVar(&f.out, "out", "", "save the plan to this `file`, for run --plan")
	flags.Var(&f.limit, "limit", "stop after this many rows of each pipeline")
	return cmd
}

// plan shows what running the named pipelines would do.
func (a *app) plan(ctx context.Context, names []string, f planFlags) error {
	if f.full && f.since != "" {
		return input(errFullSince)
	}
	if f.out != "" && f.since != "" {
		return input(errors.New("--out saves the plan of a run from the checkpoint, or with --full: leave --since out"))
	}
	chosen := selection{names: names, dependencies: f.dependencies, sandbox: f.sandbox, only: true}
	return a.chosen(chosen, func(spec *config.Spec, list []config.Pipeline) error {
		return a.ifTables(ctx, spec.State, func(ctx context.Context, store pipeline.Rememberer) error {
			return a.opened(ctx, spec, store, list, func(opened []*pipeline.Pipeline) error { return a.planAndSave(ctx, store, opened, f) })
		})
	})
}

// planAndSave plans, and saves the plan if that is asked for. One that didn't end well isn't saved.
func (a *app) planAndSave(ctx context.Context, store pipeline.Auditor, opened []*pipeline.Pipeline, f planFlags) error {
	if f.out == "" {
		_, err := a.planAll(ctx, store, opened, f, nil)
		return err
	}
	file, err := newPlanFile(f.out)
	if err != nil {
		return input(err)
	}
	whole, err := a.planAll(ctx, store, opened, f, file.PlanWriter)
	if saved := file.end(whole); saved != nil {
		return errors.Join(&exitError{code: exitFailed}, err, saved)
	}
	switch {
	case !whole:
		fmt.Fprintf(a.stderr, "sluice: the plan didn't end well: %s isn't written\n", f.out)
	case !f.json:
		fmt.Fprintf(a.stdout, "Saved; to carry out exactly this: sluice run%s --plan %s\n", sandboxFlag(f.sandbox), f.out)
	}
	return err
}

// sandboxFlag returns the flag that a command needs to do the same.
func sandboxFlag(sandbox bool) string {
	if sandbox {
		return " --sandbox"
	}
	return ""
}

// planAll plans one pipeline after the other, and prints what comes of it. It tells whether all plans are whole.
func (a *app) planAll(ctx context.Context, store pipeline.Auditor, opened []*pipeline.Pipeline, f planFlags, save *pipeline.PlanWriter) (whole bool, err error) {
	from, err := starts(ctx, opened, f.since)
	if err != nil {
		return false, err
	}
	show := a.progress()
	opts := pipeline.PlanOptions{Rows: changesPrinted, Live: f.live, Save: save, Options: pipeline.Options{Full: f.full, Limit: int64(f.limit), AllowMassChange: f.massChange,
		Drain: a.drain, Observe: show.observe, Log: a.log()}}
	if f.json {
		opts.Rows = changesEncoded
	}
	planner := pipeline.NewPlanner(store, opts, opened...)
	code := exitDone
	for i, p := range opened {
		err := planner.PlanFrom(ctx, p, from[i])
		show.clear()
		if code = a.auditEnd(p.Name, 0, err); code != exitDone {
			break
		}
	}
	plans, err := planner.End(ctx)
	show.clear()
	whole = code == exitDone && err == nil
	if f.json {
		err = errors.Join(err, a.printJSON(newPlanDocument(plans)))
	} else {
		err = errors.Join(err, a.printPlans(plans, f.sandbox))
	}
	if code == exitDone && f.detailed && !nothing(plans) {
		code = exitChanges
	}
	if code != exitDone {
		err = errors.Join(&exitError{code: code}, err)
	}
	return whole, err
}

// nothing tells whether there is nothing to do.
func nothing(plans []pipeline.Plan) bool {
	for i := range plans {
		if !plans[i].Empty() {
			return false
		}
	}
	return true
}

// A planDocument is what plan --json prints. Field names don't change once released.
type planDocument struct {
	Pipelines []pipeline.Plan `json:"pipelines"`
	Totals    map[string]any  `json:"totals"`
}

func newPlanDocument(plans []pipeline.Plan) planDocument {
	d := planDocument{Pipelines: plans, Totals: map[string]any{}}
	var seconds float64
	for _, c := range planColumns {
		d.Totals[c.name] = total(plans, c.value)
	}
	for i := range plans {
		seconds += plans[i].Seconds
	}
	d.Totals["write"] = total(plans, func(p *pipeline.Plan) int64 { return p.Write })
	d.Totals["seconds"] = seconds
	return d
}

// total adds up a column.
func total(plans []pipeline.Plan, value func(*pipeline.Plan) int64) (sum int64) {
	for i := range plans {
		sum += value(&plans[i])
	}
	return sum
}

var planColumns = []column[pipeline.Plan]{
	{"read", func(p *pipeline.Plan) int64 { return p.Read }, true},
	{"create", func(p *pipeline.Plan) int64 { return p.Create }, true},
	{"update", func(p *pipeline.Plan) int64 { return p.Update }, true},
	{"archive", func(p *pipeline.Plan) int64 { return p.Archive }, false},
	{"unchanged", func(p *pipeline.Plan) int64 { return p.Unchanged }, true},
	{"filtered", func(p *pipeline.Plan) int64 { return p.Filtered }, false},
	{"superseded", func(p *pipeline.Plan) int64 { return p.Superseded }, false},
	{"reject", func(p *pipeline.Plan) int64 { return p.Reject }, true},
	{"hold", func(p *pipeline.Plan) int64 { return p.Hold }, false},
	{"link", func(p *pipeline.Plan) int64 { return p.Link }, true},
	{"unlink", func(p *pipeline.Plan) int64 { return p.Unlink }, false},
	{"park", func(p *pipeline.Plan) int64 { return p.Park }, false},
	{"drift", func(p *pipeline.Plan) int64 { return p.Drift }, false},
	{"doubtful", func(p *pipeline.Plan) int64 { return p.Doubtful }, false},
	{"requests", func(p *pipeline.Plan) int64 { return p.Requests }, true},
}

// summary says in one line what running would do.
func summary(plans []pipeline.Plan) string {
	for i := range plans {
		if p := &plans[i]; p.Status != pipeline.StatusDone {
			return fmt.Sprintf("Plan: not complete: pipeline %s (%s)", p.Name, p.Status)
		}
	}
	if nothing(plans) {
		return "Plan: nothing to do"
	}
	line := ""
	for _, c := range planColumns {
		if n := total(plans, c.value); n > 0 && (c.name == "create" || c.name == "update" || c.name == "archive" || c.name == "link" || c.name == "unlink") {
			line += fmt.Sprintf(", %d to %s", n, c.name)
		}
	}
	requests := total(plans, func(p *pipeline.Plan) int64 { return p.Requests })
	return "Plan: " + line[2:] + "; " + count(requests, "request", "requests")
}
