package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/pipeline/state"
)

func (a *app) statusCommand() *cobra.Command {
	var asJSON, inSandbox bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the last runs, and what is open: rejects, doubts, parked links",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withState(cmd.Context(), inSandbox, func(ctx context.Context, s state.Store) error {
				list, err := s.Status(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					if list == nil {
						list = []state.PipelineStatus{}
					}
					return a.printJSON(map[string]any{"pipelines": list})
				}
				return printStatus(a.stdout, list, sandboxFlag(inSandbox))
			})
		},
	}
	jsonFlag(cmd, &asJSON, "pipelines", "as one JSON document")
	cmd.Flags().BoolVar(&inSandbox, "sandbox", false, "use the state of run --sandbox")
	return cmd
}

// withState opens the state that the file names and calls f with it.
func (a *app) withState(ctx context.Context, inSandbox bool, f func(context.Context, state.Store) error) error {
	url := sandboxState()
	if !inSandbox {
		spec, err := a.load(a.anyway)
		if err != nil {
			return err
		}
		url = spec.State
	}
	return a.withTables(ctx, url, false, f)
}

// withTables opens the state, and calls f with it unless nothing has ever run on it.
func (a *app) withTables(ctx context.Context, url string, migrate bool, f func(context.Context, state.Store) error) (err error) {
	store, err := a.store(ctx, url, migrate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if version, err := store.Version(ctx); err != nil {
		return err
	} else if version == 0 {
		return nothingYet(url)
	}
	if err := store.Current(ctx); err != nil {
		return err
	}
	return f(ctx, store)
}

// nothingYet says that a state is empty, and where there is one that isn't: who has begun with the sandbox may look for that.
func nothingYet(url string) error {
	if _, err := os.Stat(filepath.Join(sandboxDir, "state.db")); err == nil && url != sandboxState() {
		return errors.New("the state is empty: nothing has run yet, but in the sandbox, whose state is shown with --sandbox")
	}
	return errors.New("the state is empty: nothing has run yet")
}

// anyway returns the environment for commands that touch only the state: the token needn't be there.
func (a *app) anyway(name string) (string, bool) {
	if value, ok := a.lookup(name); ok {
		return value, true
	}
	return "", name == "HUBSPOT_ACCESS_TOKEN"
}

// printStatus prints what the state holds. Where is the flag by which other commands find the same state.
func printStatus(w io.Writer, list []state.PipelineStatus, where string) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "nothing has run yet")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "pipeline\tlast run (UTC)\tstatus\tread\twritten\trejected\tkeys known\trejects\tfor review\tin doubt\tparked\tlast full (UTC)\tcheckpoint\t")
	for _, p := range list {
		var last state.Run
		if len(p.Runs) > 0 {
			last = p.Runs[0]
		}
		checkpoint, status, full := "no", last.Status, "never"
		if !p.FullAt.IsZero() {
			full = p.FullAt.UTC().Format(time.DateTime)
		}
		if p.Checkpoint {
			checkpoint = "yes"
		}
		if p.Lease != nil {
			status = "running"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t\n", p.Pipeline, last.Started.UTC().Format(time.DateTime), status, last.Report.Read,
			last.Report.Written, last.Report.Rejected, p.Ledger, p.Rejects, p.Held, p.Doubtful, p.Waiting, full, checkpoint)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printStatusNotes(w, list, where)
	return nil
}

// printStatusNotes prints what the table has no room for.
func printStatusNotes(w io.Writer, list []state.PipelineStatus, where string) {
	for _, p := range list {
		if p.Waiting > 0 {
			since := ""
			if !p.WaitingSince.IsZero() {
				since = ", the oldest since " + p.WaitingSince.UTC().Format(time.DateTime)
			}
			fmt.Fprintf(w, "\n%s: parked: %s%s; see for what: sluice parked%s %s\n", p.Pipeline, count(p.Waiting, "link waits", "links wait"), since, where, p.Pipeline)
		}
		if p.Lease != nil {
			fmt.Fprintf(w, "\n%s: being run by %s since %s\n", p.Pipeline, p.Lease.Holder, p.Lease.Since.UTC().Format(time.DateTime))
		} else if len(p.Runs) > 0 && p.Runs[0].Message != "" {
			fmt.Fprintf(w, "\n%s: %s\n", p.Pipeline, p.Runs[0].Message)
		}
	}
}
