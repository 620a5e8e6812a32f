package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
)

// A verifyFlags is what the flags of verify say.
type verifyFlags struct {
	repair, json, sandbox bool
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [pipeline...]",
		Short: "Compare HubSpot with what was written to it",
		Long: `Read back what the ledger says HubSpot has, and show what isn't so, a line for each finding:

  drift      a property has another value than was written (want → got); "kept" where that is others' by the
             property's when or owner: it isn't counted as drift, and never repaired
  archived   the record is in the recycle bin
  deleted    the record is gone for good
  merged     the record was merged into another one
  duplicate  another record has the row's match value, or two rows have one record
  unlinked   an association that was made isn't there

Only rows that are written as the source has them now can be compared; the others are counted as pending. What HubSpot
changes by itself isn't compared: lifecyclestage, the markup of rich text, blanks around texts, the spelling of numbers
and dates. Of rows that have left the source, only the records that are still there are counted.

Nothing is written without --repair, and a run may go on beside it. With --repair the ledger forgets what isn't true,
and the pipelines are run: they write it again. Archived records are made again only where on_gone says so; deleted
records and duplicates are only shown.

Exit codes: 0 nothing was found, or all of it was repaired; 3 something needs to be looked at, or
couldn't be told by HubSpot's answers; the others as of run.`,
		ValidArgsFunction: a.completePipelines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.audit(cmd.Context(), selection{names: args, sandbox: f.sandbox, only: !f.repair}, f.repair, func(ctx context.Context, opened []*pipeline.Pipeline, store state.Store) error {
				return a.verifyAll(ctx, opened, store, f)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.repair, "repair", false, "write what isn't in HubSpot as it was written")
	jsonFlag(cmd, &f.json, "pipelines", "as one JSON document")
	flags.BoolVar(&f.sandbox, "sandbox", false, "use the local HubSpot and the state of run --sandbox")
	return cmd
}

// audit opens the named pipelines, or all, and the state, and calls f with them.
func (a *app) audit(ctx context.Context, chosen selection, migrate bool, f func(context.Context, []*pipeline.Pipeline, state.Store) error) error {
	return a.chosen(chosen, func(spec *config.Spec, list []config.Pipeline) error {
		return a.withTables(ctx, spec.State, migrate, func(ctx context.Context, store state.Store) error {
			return a.opened(ctx, spec, store, list, func(opened []*pipeline.Pipeline) error { return f(ctx, opened, store) })
		})
	})
}

// A selection says which pipelines a command is about, and where they are.
type selection struct {
	names        []string // none: all
	dependencies bool     // and those that they come after
	sandbox      bool
	only         bool // the sandbox is only looked at: a run may go on in it
}

// chosen calls f with the named pipelines, or all, of the sandbox or the file.
func (a *app) chosen(s selection, f func(*config.Spec, []config.Pipeline) error) (err error) {
	var box *sandbox
	if s.sandbox {
		if box, err = openSandbox(false); err != nil {
			return err
		}
		box.only = s.only
		defer func() { err = errors.Join(err, box.close()) }()
	}
	spec, list, err := a.choose(box, s.names, s.dependencies)
	if err != nil {
		return err
	}
	return f(spec, list)
}

// opened calls f with pipelines that are open. Store is nil where nothing has ever run.
func (a *app) opened(ctx context.Context, spec *config.Spec, store pipeline.Auditor, list []config.Pipeline, f func([]*pipeline.Pipeline) error) (err error) {
	w := a.workshop(spec)
	defer func() { err = errors.Join(err, w.close()) }()
	if store != nil {
		if err := w.recall(ctx, store); err != nil {
			return err
		}
	}
	opened, err := w.open(ctx, list)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(opened)) }()
	return f(opened)
}

// A verified is what was found out about one pipeline.
type verified struct {
	pipeline.Audit
	Findings []pipeline.Finding `json:"findings"`
	Run      *pipeline.Report   `json:"run,omitempty"` // that wrote what was repaired
}

// verifyAll verifies pipelines one after the other, and runs those of which something was repaired.
func (a *app) verifyAll(ctx context.Context, opened []*pipeline.Pipeline, store state.Store, f verifyFlags) error {
	show := a.progress()
	opts := pipeline.Options{Drain: a.drain, Observe: show.observe, Log: a.log()}
	list := make([]verified, 0, len(opened))
	code := exitDone
	for _, p := range opened {
		one := verified{Findings: []pipeline.Finding{}}
		var err error
		one.Audit, err = p.Verify(ctx, store, pipeline.VerifyOptions{Options: opts, Repair: f.repair, Found: func(found pipeline.Finding) {
			show.clear()
			if f.json {
				one.Findings = append(one.Findings, found)
			} else {
				fmt.Fprintln(a.stdout, describe(found))
			}
		}})
		show.clear()
		code = worse(code, a.auditEnd(p.Name, one.Open+one.Unsure, err))
		if err == nil && one.Repaired > 0 {
			report, err := p.Run(ctx, store, opts)
			show.clear()
			a.logEnd(report, err)
			one.Run = &report
			code = worse(code, endOf(report, err))
		}
		list = append(list, one)
	}
	a.printVerified(list, f)
	if code != exitDone {
		return &exitError{code: code}
	}
	return nil
}

// auditEnd says why an audit failed, and returns the exit code of its end.
func (a *app) auditEnd(name string, open int64, err error) int {
	if err != nil {
		fmt.Fprintf(a.stderr, "sluice: %s: %v\n", name, err)
		return exitCode(err)
	}
	if open > 0 {
		return exitRejects
	}
	return exitDone
}

// describe returns a finding as a line for people.
func describe(f pipeline.Finding) string {
	line := fmt.Sprintf("%s: %s: key %s, record %s", f.Pipeline, f.Kind, pipeline.Quote(f.Key), f.ID)
	switch f.Kind {
	case pipeline.FoundDrift:
		line = fmt.Sprintf("%s: %s: %s → %s", line, f.Property, pipeline.Quote(f.Want), pipeline.Quote(f.Got))
		if f.Kept != "" {
			line += fmt.Sprintf(" (kept: %s)", f.Kept)
		}
		return line
	case pipeline.FoundMerged:
		line = fmt.Sprintf("%s is record %s now", line, f.Other)
		if f.OtherKey != "" {
			line += fmt.Sprintf(", that of the row with key %s", pipeline.Quote(f.OtherKey))
		}
		return line
	case pipeline.FoundUnlinked:
		return fmt.Sprintf("%s and record %s", line, f.Other)
	case pipeline.FoundDuplicate:
		if f.OtherKey != "" {
			return fmt.Sprintf("%s: the row with key %s has the same record", line, pipeline.Quote(f.OtherKey))
		}
		return fmt.Sprintf("%s: record %s has the same match value", line, f.Other)
	}
	return line
}

var auditColumns = []column[verified]{
	{"read", func(v *verified) int64 { return v.Read }, true},
	{"checked", func(v *verified) int64 { return v.Checked }, true},
	{"pending", func(v *verified) int64 { return v.Pending }, true},
	{"links", func(v *verified) int64 { return v.Links }, false},
	{"drift", func(v *verified) int64 { return v.Drift }, true},
	{"kept", func(v *verified) int64 { return v.Kept }, false},
	{"gone", func(v *verified) int64 { return v.Gone }, true},
	{"merged", func(v *verified) int64 { return v.Merged }, false},
	{"duplicate", func(v *verified) int64 { return v.Duplicate }, false},
	{"unlinked", func(v *verified) int64 { return v.Unlinked }, false},
	{"unsure", func(v *verified) int64 { return v.Unsure }, false},
	{"left", func(v *verified) int64 { return v.Left }, false},
	{"repaired", func(v *verified) int64 { return v.Repaired }, false},
	{"requests", func(v *verified) int64 { return v.Requests }, true},
}

func (a *app) printVerified(list []verified, f verifyFlags) {
	if f.json {
		_ = a.printJSON(map[string]any{"pipelines": list})
		return
	}
	var found, open int64
	for i := range list {
		found, open = found+list[i].Found(), open+list[i].Open
	}
	if found > 0 {
		fmt.Fprintln(a.stdout)
	}
	printTable(a.stdout, list, auditColumns, func(v *verified) (string, string, float64) { return v.Name, v.Status, v.Seconds })
	if open == 0 {
		return
	}
	hint := "; what differs, was merged or isn't linked is written again with --repair"
	if f.repair {
		hint = ""
	}
	fmt.Fprintf(a.stdout, "\n%s to be looked at%s\n", count(open, "row has", "rows have"), hint)
}
