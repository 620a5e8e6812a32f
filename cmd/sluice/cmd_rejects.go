package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"sluice/pipeline/state"
)

// A rejectsFlags is what the flags of rejects and its subcommands say.
type rejectsFlags struct {
	pipeline, code, format string
	closed, json, sandbox  bool
}

const rejectsLong = `Show rows that weren't written, and why; have them sent again.

The state keeps of each its place, its key and a message. The message quotes the value that is wrong, cut to 80
characters, and what HubSpot says of it: it may be personal data, and gets into no logs or reports. A reject holds no
other value of the row. As CSV, a text that a spreadsheet would take for a formula begins with an apostrophe.`

func (a *app) rejectsCommand() *cobra.Command {
	var f rejectsFlags
	cmd := &cobra.Command{Use: "rejects", Short: "Show and retry rows that weren't written", Long: rejectsLong}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.pipeline, "pipeline", "", "of this pipeline only")
	flags.StringVar(&f.code, "code", "", "with this code only")
	flags.BoolVar(&f.closed, "all", false, "closed ones, too")
	flags.BoolVar(&f.sandbox, "sandbox", false, "use the state of run --sandbox")

	show := &cobra.Command{Use: "show ID...", Short: "Show everything about rejects", Args: inputArgs(cobra.MinimumNArgs(1)), RunE: func(cmd *cobra.Command, args []string) error {
		f.closed = true
		return a.rejectsOf(cmd.Context(), f, args, 0, func(_ context.Context, _ state.Store, letters []state.DeadLetter) error {
			if len(letters) == 0 {
				return input(fmt.Errorf("there is no reject %s", args[0]))
			}
			return a.printJSON(map[string]any{"rejects": letters})
		})
	}}
	export := &cobra.Command{Use: "export", Short: "Write rejects to stdout as CSV or JSON lines", Args: inputArgs(noArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		return a.rejectsOf(cmd.Context(), f, nil, 0, func(_ context.Context, _ state.Store, letters []state.DeadLetter) error {
			return exportRejects(a.stdout, f.format, letters)
		})
	}}
	export.Flags().StringVar(&f.format, "format", "csv", "csv or jsonl")
	cmd.AddCommand(a.listCommand(&f), show, a.retryCommand(&f), export)
	group(cmd)
	return cmd
}

func (a *app) listCommand(f *rejectsFlags) *cobra.Command {
	limit := rowLimit(100)
	cmd := &cobra.Command{Use: "list", Short: "List open rejects, newest first", Args: inputArgs(noArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		return a.rejectsOf(cmd.Context(), *f, nil, int(limit), func(ctx context.Context, s state.Store, letters []state.DeadLetter) error {
			if f.json {
				return a.printJSON(map[string]any{"rejects": letters})
			}
			err := printRejects(a.stdout, letters)
			if err != nil || len(letters) < int(limit) || limit == 0 {
				return err
			}
			counts, err := s.CountRejects(ctx, f.filter(nil, 0))
			if err == nil {
				err = printRest(a.stdout, counts, int64(len(letters)))
			}
			return err
		})
	}}
	cmd.Flags().Var(&limit, "limit", "at most this many; 0 for all")
	jsonFlag(cmd, &f.json, "rejects", "as one JSON document")
	return cmd
}

const retryLong = `Forget that rows were rejected: the next run reads and sends them again as they are then.

Without ids that is every open reject of the pipeline and the code that are named, but no create that is held as in doubt:
nobody can tell whether its record was made, and if it was, sending the row again makes a second one. Look for the record in
the destination; if it isn't there, name the id of the reject to have its row sent again.`

func (a *app) retryCommand(f *rejectsFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "retry [ID...]",
		Short: "Have the next run send rejected rows again",
		Long:  retryLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return a.withState(cmd.Context(), f.sandbox, func(ctx context.Context, s state.Store) error {
				n, held, err := s.Retry(ctx, state.Filter{Pipeline: f.pipeline, Code: f.code, IDs: ids})
				if err == nil && (n > 0 || len(ids) == 0) {
					printRetried(a.stdout, n, held)
				}
				if err == nil && n < len(ids) {
					return input(fmt.Errorf("of the %s named, %s%s: see sluice rejects list", count(int64(len(ids)), "reject", "rejects"), count(int64(n), "is open", "are open"), f.those()))
				}
				return err
			})
		},
	}
}

// those tells which rejects the flags choose, nothing where they choose all.
func (f *rejectsFlags) those() string {
	if f.pipeline == "" && f.code == "" {
		return ""
	}
	return " and of " + named("pipeline", f.pipeline, "code", f.code)
}

// printRetried tells what the next run sends again, and what to do about the creates that it doesn't: they could be doubled.
func printRetried(w io.Writer, retried, held int) {
	fmt.Fprintf(w, "the next run sends %s again\n", count(int64(retried), "row", "rows"))
	if held > 0 {
		fmt.Fprintf(w, "left out: %s in doubt, whose record may have been made and would then be made twice. Look for it in the destination; "+
			"if it isn't there, name its id (sluice rejects list --code in_doubt): sluice rejects retry ID\n", count(int64(held), "create", "creates"))
	}
}

func parseIDs(args []string) ([]int64, error) {
	ids := make([]int64, len(args))
	for i, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return nil, input(fmt.Errorf("%q is no id of a reject: see sluice rejects list", arg))
		}
		ids[i] = id
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// filter is what the flags choose.
func (f *rejectsFlags) filter(ids []int64, limit int) state.Filter {
	return state.Filter{Pipeline: f.pipeline, Code: f.code, IDs: ids, Closed: f.closed, Limit: limit}
}

// rejectsOf reads the rejects that the flags choose, no more than limit unless that is 0.
func (a *app) rejectsOf(ctx context.Context, f rejectsFlags, args []string, limit int, show func(context.Context, state.Store, []state.DeadLetter) error) error {
	ids, err := parseIDs(args)
	if err != nil {
		return err
	}
	return a.withState(ctx, f.sandbox, func(ctx context.Context, s state.Store) error {
		letters, err := s.Rejects(ctx, f.filter(ids, limit))
		if err == nil && len(letters) == 0 && f.pipeline != "" {
			var list []state.PipelineStatus
			if list, err = s.Status(ctx); err == nil {
				err = haveRun(list, []string{f.pipeline})
			}
		}
		if err != nil {
			return err
		}
		if letters == nil {
			letters = []state.DeadLetter{}
		}
		return show(ctx, s, letters)
	})
}

func printRejects(w io.Writer, letters []state.DeadLetter) error {
	if len(letters) == 0 {
		_, err := fmt.Fprintln(w, "no rejects")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "id\tpipeline\tplace\tkey\tstage\tcode\tstate\twhy")
	for _, l := range letters {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Pipeline, printable(l.Place), argument(l.Key), l.Stage, l.Code, l.State, printable(l.Message))
	}
	return t.Flush()
}

// printRest tells how many rejects aren't shown, and of what kinds all of them are.
func printRest(w io.Writer, counts []state.RejectCount, shown int64) error {
	all := int64(0)
	for _, c := range counts {
		all += c.Count
	}
	if all <= shown {
		return nil
	}
	fmt.Fprintf(w, "\nand %d more; --limit 0 lists all %d:\n\n", all-shown, all)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "pipeline\tcode\trejects")
	for _, c := range counts {
		fmt.Fprintf(t, "%s\t%s\t%d\n", c.Pipeline, c.Code, c.Count)
	}
	return t.Flush()
}

// printable returns text of the data without what a terminal, or a table, would act on.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}

// cell returns a text for a CSV that people open in a spreadsheet: one that would be taken for a formula is marked as text.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// exportRejects writes all fields of rejects, one reject a line.
func exportRejects(w io.Writer, format string, letters []state.DeadLetter) error {
	switch format {
	case "csv":
		c := csv.NewWriter(w)
		_ = c.Write([]string{"id", "pipeline", "place", "key", "stage", "code", "state", "message", "first", "last"})
		for _, l := range letters {
			_ = c.Write([]string{strconv.FormatInt(l.ID, 10), l.Pipeline, cell(l.Place), cell(l.Key), l.Stage, cell(l.Code), l.State, cell(l.Message),
				l.First.UTC().Format(time.RFC3339), l.Last.UTC().Format(time.RFC3339)})
		}
		c.Flush()
		return c.Error()
	case "jsonl":
		for _, l := range letters {
			if err := printLine(w, l); err != nil {
				return err
			}
		}
		return nil
	}
	return input(fmt.Errorf("unknown format %q: csv or jsonl", format))
}
