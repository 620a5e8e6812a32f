package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
)

// A runFlags is what the flags of run say.
type runFlags struct {
	dependencies, sandbox, fresh, full, noMigrate, json, massChange bool
	limit                                                           rowLimit
	since, plan                                                     string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [pipeline...]",
		Short: "Write what has changed since the last run",
		Long: `Run the named pipelines, or all of them, each after those that it comes after.

With --plan the pipelines are those of a saved plan, and exactly that is written. A row that has changed since, or that
another run has written since, is rejected with the code plan_changed; what isn't in the plan stays as it is. The
checkpoint stays where it is, so that the next run without --plan finds the rest. Carried out once more, or once more
after it was cut off, a plan writes nothing twice.

Exit codes: 0 done, 1 failed, 2 the file or the arguments are wrong, 3 done, but rows were rejected or need review,
4 another run holds the pipeline, 5 paused on quota and resumable, 130 interrupted and resumable.`,
		ValidArgsFunction: a.completePipelines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd.Context(), args, f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dependencies, "with-dependencies", false, "run what the named pipelines come after, too")
	flags.BoolVar(&f.sandbox, "sandbox", false, "write to a local HubSpot, kept under "+sandboxDir)
	flags.BoolVar(&f.fresh, "fresh", false, "with --sandbox: start over with an empty one")
	flags.BoolVar(&f.full, "full", false, "ignore the checkpoint: read from the first row, and compare every row")
	flags.StringVar(&f.since, "since", "", "read once what isn't older than this, and leave the checkpoint as it is: a date, an instant, how long\nago (24h, 7d), or a value of the cursor")
	flags.StringVar(&f.plan, "plan", "", "write what this `file` of plan --out says, and nothing else")
	flags.BoolVar(&f.noMigrate, "no-migrate", false, "don't create or upgrade the state tables")
	flags.BoolVar(&f.massChange, "allow-mass-change", false, "archive, unlink or write more than max_archive and max_change allow")
	jsonFlag(cmd, &f.json, "pipelines", "end with one JSON document on stdout")
	flags.Var(&f.limit, "limit", "stop after this many rows of each pipeline")
	return cmd
}

// completePipelines offers the names of pipelines to the shell.
func (a *app) completePipelines(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	spec, err := a.load(a.lookup)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, p := range spec.Pipelines {
		names = append(names, p.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// run runs pipelines: against the connections of the file, or against the sandbox.
func (a *app) run(ctx context.Context, names []string, f runFlags) (err error) {
	if err := f.check(names); err != nil {
		return input(err)
	}
	var plan *pipeline.SavedPlan
	if f.plan != "" {
		if plan, names, err = readPlan(f.plan); err != nil {
			return err
		}
	}
	var box *sandbox
	if f.sandbox {
		if box, err = openSandbox(f.fresh); err != nil {
			return err
		}
		box.only = true // until something has run: another run may have it
		defer func() { err = errors.Join(err, box.close()) }()
	}
	spec, list, err := a.choose(box, names, f.dependencies)
	if err != nil {
		return err
	}
	w := a.workshop(spec)
	defer func() { err = errors.Join(err, w.close()) }()
	store, err := a.store(ctx, spec.State, !f.noMigrate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := w.recall(ctx, store); err != nil {
		return err
	}
	reports, err := a.runAll(ctx, w, store, list, f, plan)
	if box != nil {
		box.only = !anyRan(reports)
	}
	if reports != nil || err == nil {
		a.printRun(reports, f)
	}
	if box != nil && reports != nil && !f.json {
		box.tell(a.stdout, err == nil)
	}
	return err
}

// check returns what is wrong with the flags, of those that go with each other or with names of pipelines.
func (f *runFlags) check(names []string) error {
	switch {
	case f.fresh && !f.sandbox:
		return errors.New("--fresh goes with --sandbox: it empties the local HubSpot")
	case f.full && f.since != "":
		return errFullSince
	case f.plan != "" && (f.full || f.since != "" || f.limit != 0 || f.fresh || f.dependencies || len(names) > 0):
		return errors.New("--plan says which pipelines run, and what they read: no names go with it, nor --full, --since, --limit, --fresh or --with-dependencies")
	}
	return nil
}

// anyRan tells whether any pipeline got as far as to write.
func anyRan(reports []pipeline.Report) bool {
	return slices.ContainsFunc(reports, func(r pipeline.Report) bool { return r.Status != "held" && r.Status != "skipped" })
}

// runAll opens all pipelines, runs them one after the other, and at last writes the links whose targets came after them.
func (a *app) runAll(ctx context.Context, w *workshop, store state.Store, list []config.Pipeline, f runFlags, plan *pipeline.SavedPlan) (reports []pipeline.Report, err error) {
	opened, err := w.open(ctx, list)
	if err != nil {
		return nil, err
	}
	from, err := starts(ctx, opened, f.since)
	plans, unfit := planned(ctx, plan, opened)
	if err = errors.Join(err, unfit); err != nil {
		return nil, errors.Join(err, closeAll(opened))
	}
	show := a.progress()
	opts := pipeline.Options{Full: f.full, Limit: int64(f.limit), Drain: a.drain, Observe: show.observe, Log: a.log(), AllowMassChange: f.massChange}
	ends := map[string]int{}
	var codes []int // of the reports
	for i, p := range opened {
		if blocker := blocked(list[i], ends); blocker != "" {
			fmt.Fprintf(a.stderr, "sluice: %s: skipped: it comes after %s, which didn't end well\n", p.Name, blocker)
			reports = append(reports, pipeline.Report{Name: p.Name, Status: "skipped"})
			ends[p.Name], codes = exitFailed, append(codes, exitDone)
			continue
		}
		a.log().Info("start", "pipeline", p.Name)
		opts.From, opts.Plan = from[i], plans[i]
		report, err := p.Run(ctx, store, opts)
		show.clear()
		a.logEnd(report, err)
		reports = append(reports, report)
		end := endOf(report, err)
		ends[p.Name], codes = end, append(codes, end)
		if end == exitPaused || end == exitInterrupted {
			break
		}
	}
	if code := worst(codes); code == exitDone || code == exitRejects {
		a.relink(ctx, opened, store, opts, plans, reports, codes)
	}
	err = closeAll(opened)
	if code := worst(codes); code != exitDone {
		err = errors.Join(&exitError{code: code}, err)
	}
	return reports, err
}

var errFullSince = errors.New("--full reads everything, and --since a part of it: give one of them")

// starts returns where each pipeline is read from if only what isn't older than since counts; nil, if there is no such
// limit, is its checkpoint.
func starts(ctx context.Context, opened []*pipeline.Pipeline, since string) ([]pipeline.Position, error) {
	from := make([]pipeline.Position, len(opened))
	if since == "" {
		return from, nil
	}
	var errs []error
	for i, p := range opened {
		var err error
		from[i], err = p.Since(ctx, since)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, input(fmt.Errorf("--since: %w", err))
	}
	return from, nil
}

func closeAll(opened []*pipeline.Pipeline) error {
	var errs []error
	for _, p := range opened {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// blocked returns a pipeline that p comes after and that didn't end well in this run; "" if there is none.
func blocked(p config.Pipeline, ends map[string]int) string {
	for _, name := range p.After {
		if code, ran := ends[name]; ran && code != exitDone && code != exitRejects {
			return name
		}
	}
	return ""
}

// relink writes parked links of pipelines whose targets were written by pipelines that ran after them, and brings their
// reports and codes up to date.
func (a *app) relink(ctx context.Context, opened []*pipeline.Pipeline, store state.Store, opts pipeline.Options, plans []*pipeline.PlannedRun, reports []pipeline.Report, codes []int) {
	for i := range min(len(reports), len(opened)-1) {
		if reports[i].Parked == 0 {
			continue
		}
		opts.Plan = plans[i]
		report, err := opened[i].Relink(ctx, store, opts, reports[i])
		if err != nil {
			a.logEnd(report, err)
		}
		reports[i], codes[i] = report, endOf(report, err)
	}
}

// worst returns the worst of exit codes.
func worst(codes []int) int {
	code := exitDone
	for _, c := range codes {
		code = worse(code, c)
	}
	return code
}

// endOf returns the exit code of one pipeline's end.
func endOf(r pipeline.Report, err error) int {
	if err == nil && (r.Rejected > 0 || r.Review > 0 || r.Overdue > 0 || r.Earlier > 0) {
		return exitRejects
	}
	return exitCode(err)
}

// logEnd says how a pipeline ended: as a line of the log, and where it didn't end well as an error.
func (a *app) logEnd(r pipeline.Report, err error) {
	if err != nil {
		fmt.Fprintf(a.stderr, "sluice: %s: %v\n", r.Name, err)
	}
	told := []any{"pipeline", r.Name, "status", r.Status, "read", r.Read, "written", r.Written, "unchanged", r.Unchanged, "filtered", r.Filtered,
		"superseded", r.Superseded, "rejected", r.Rejected, "held", r.Held, "linked", r.Linked, "unlinked", r.Unlinked, "parked", r.Parked,
		"archived", r.Archived, "review", r.Review, "overdue", r.Overdue, "earlier", r.Earlier, "requests", r.Requests, "seconds", r.Seconds}
	if err != nil { // said above for people; who reads log lines only has to find it, too
		told = append(told, "error", err.Error())
	}
	a.log().Info("end", told...)
}

// printRun prints the reports to stdout: a table, or one JSON document.
func (a *app) printRun(reports []pipeline.Report, f runFlags) {
	if f.json {
		if reports == nil {
			reports = []pipeline.Report{}
		}
		_ = a.printJSON(map[string]any{"pipelines": reports})
		return
	}
	printReports(a.stdout, reports)
	for _, r := range reports {
		if endOf(r, nil) == exitRejects {
			var before string
			if r.Earlier > 0 {
				before = fmt.Sprintf(", and %d left by runs that ended early", r.Earlier)
			}
			fmt.Fprintf(a.stdout, "\n%s: %d rejected, %d for review%s; see why: sluice rejects list%s --pipeline %s\n", r.Name, r.Rejected, r.Review+r.Overdue, before, sandboxFlag(f.sandbox), r.Name)
		}
		if r.Parked > 0 {
			fmt.Fprintf(a.stdout, "\n%s: parked: %s for a record that isn't there yet, and will be written once it is\n", r.Name, count(r.Parked, "link waits", "links wait"))
		}
	}
}
