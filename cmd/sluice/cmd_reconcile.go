package main

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/state"
)

func (a *app) reconcileCommand() *cobra.Command {
	var accept, asJSON, inSandbox bool
	cmd := &cobra.Command{
		Use:   "reconcile [pipeline...]",
		Short: "Make a lost or restored ledger agree with HubSpot",
		Long: `Read every row of the source and the record that it belongs to, found by the ledger's id or by the match property,
and put down in the ledger what HubSpot has. Nothing is written to HubSpot. What differs from the source is written by
the next run, and nothing else is.

A run refuses to write once the state may miss what was written: after it was put back from a backup or copied, or after
a standby has taken over. What is noticed: another Postgres cluster, timeline, database or ledger table than before, and
fewer commits than this machine has seen (it keeps their number in $XDG_STATE_HOME/sluice, else ~/.local/state/sluice).
Reconciling lets runs go on; it can be cut off and started again at any time.

Associations that are there as the rows ask for them aren't written again, but only those of the ledger count as made by
Sluice: the others stay when they leave the source. A pipeline that creates records without a match property can't be
reconciled: nothing tells which of its rows were made.

--accept reads nothing, and takes the ledger as it is. It is for whoever knows that it misses nothing: after an upgrade
of Postgres, a planned move, or a takeover by a standby that had everything.

Exit codes: 0 done, 3 done, but two rows have one record or rows couldn't be compared; the others as of run.`,
		ValidArgsFunction: a.completePipelines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.audit(cmd.Context(), selection{names: args, sandbox: inSandbox, only: true}, true, func(ctx context.Context, opened []*pipeline.Pipeline, store state.Store) error {
				return a.reconcileAll(ctx, opened, store, accept, asJSON)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&accept, "accept", false, "read nothing: the ledger is known to miss nothing")
	jsonFlag(cmd, &asJSON, "pipelines", "as one JSON document")
	flags.BoolVar(&inSandbox, "sandbox", false, "use the local HubSpot and the state of run --sandbox")
	return cmd
}

var reconcileColumns = []column[pipeline.Reconciliation]{
	{"read", func(r *pipeline.Reconciliation) int64 { return r.Read }, true},
	{"known", func(r *pipeline.Reconciliation) int64 { return r.Known }, true},
	{"learnt", func(r *pipeline.Reconciliation) int64 { return r.Learnt }, true},
	{"differs", func(r *pipeline.Reconciliation) int64 { return r.Differs }, true},
	{"absent", func(r *pipeline.Reconciliation) int64 { return r.Absent }, true},
	{"conflict", func(r *pipeline.Reconciliation) int64 { return r.Conflict }, false},
	{"unsure", func(r *pipeline.Reconciliation) int64 { return r.Unsure }, false},
	{"requests", func(r *pipeline.Reconciliation) int64 { return r.Requests }, true},
}

// reconcileAll reconciles pipelines one after the other.
func (a *app) reconcileAll(ctx context.Context, opened []*pipeline.Pipeline, store state.Store, accept, asJSON bool) error {
	show := a.progress()
	opts := pipeline.ReconcileOptions{Options: pipeline.Options{Drain: a.drain, Observe: show.observe, Log: a.log()}, Accept: accept}
	list := make([]pipeline.Reconciliation, 0, len(opened))
	code := exitDone
	for _, p := range opened {
		result, err := p.Reconcile(ctx, store, opts)
		show.clear()
		code = worse(code, a.auditEnd(p.Name, result.Conflict+result.Unsure, err))
		list = append(list, result)
	}
	if asJSON {
		_ = a.printJSON(map[string]any{"pipelines": list})
	} else {
		printTable(a.stdout, list, reconcileColumns, func(r *pipeline.Reconciliation) (string, string, float64) { return r.Name, r.Status, r.Seconds })
	}
	if code != exitDone {
		return &exitError{code: code}
	}
	return nil
}
