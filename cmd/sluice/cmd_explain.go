package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
)

// An explainFlags is what the flags of explain say.
type explainFlags struct {
	live, json, sandbox bool
}

const explainLong = `Show one row on its whole way: its place and columns in the source, what each transform makes of it, the values that
HubSpot gets, what the ledger knows, the request that last carried it, and what the next run does with it, and why.

KEY is the value of the pipeline's key column; of several, one argument each in the order of the key, or all of them as
one argument, joined by "|" as in the other commands' output.

The decision is one of

  create     no record of the key is known: one is made, or one with the match value is updated
  update     the values or links of its record change
  archive    its record is archived
  link       only associations are made or removed
  unchanged  HubSpot has it
  filtered   a filter leaves it out
  rejected   a transform, the sink or HubSpot refuses it
  parked     the association that it is waits for a record
  held       nobody can tell whether its record was made: it waits for a person
  doubtful   an answer was lost: what became of that write is found out first
  left       it was written, and has left the source
  unknown    it is neither in the source nor in the ledger

Nothing is written and no lease is taken: it works beside a run. The source is read to its end, because of several rows
with one key the last one counts; of a large source that takes as long as a run's reading. The values of the row are
shown, personal data among them.

Exit codes: 0 the key is in the source or the ledger, 1 it isn't, 2 the file or the arguments are wrong.`

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain PIPELINE KEY...",
		Short: "Tell all about one row: what becomes of it, and why",
		Long:  explainLong,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return errors.New("name a pipeline and the key of a row: sluice explain PIPELINE KEY")
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completePipelines(cmd, args, part)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.explain(cmd.Context(), args[0], args[1:], f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.live, "live", false, "read the record from HubSpot, and show what differs")
	jsonFlag(cmd, &f.json, "", "as one JSON document")
	flags.BoolVar(&f.sandbox, "sandbox", false, "use the local HubSpot and the state of run --sandbox")
	return cmd
}

// explain explains one key of one pipeline.
func (a *app) explain(ctx context.Context, name string, texts []string, f explainFlags) error {
	return a.chosen(selection{names: []string{name}, sandbox: f.sandbox, only: true}, func(spec *config.Spec, list []config.Pipeline) error {
		key, err := keyOf(name, list[0].Key, texts)
		if err != nil {
			return input(err)
		}
		return a.ifTables(ctx, spec.State, func(ctx context.Context, store pipeline.Rememberer) error {
			return a.opened(ctx, spec, store, list, func(opened []*pipeline.Pipeline) error {
				show := a.progress()
				opts := pipeline.Options{Drain: a.drain, Observe: show.observe, Log: a.log()}
				e, err := opened[0].Explain(ctx, store, key, pipeline.ExplainOptions{Options: opts, Live: f.live})
				show.clear()
				if err != nil {
					return err
				}
				return a.printExplanation(&e, list[0].Key, f)
			})
		})
	})
}

// ifTables calls f with the state, or with nil if nothing has ever run on it.
func (a *app) ifTables(ctx context.Context, url string, f func(context.Context, pipeline.Rememberer) error) (err error) {
	store, err := state.OpenUsed(ctx, url, a.witness(url)...)
	if err != nil {
		return err
	}
	if store == nil {
		return f(ctx, nil)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return f(ctx, store)
}

// colours tells whether stdout is a terminal that shows colours, and nobody has asked for none (no-color.org).
func (a *app) colours() bool {
	_, tty := terminal(a.stdout)
	dumb, _ := a.lookup("TERM")
	no, _ := a.lookup("NO_COLOR")
	return tty && dumb != "dumb" && no == ""
}

// keyOf returns the key that arguments name.
func keyOf(name string, columns, texts []string) (string, error) {
	if len(texts) == 1 && len(columns) > 1 && strings.Contains(texts[0], "|") {
		return texts[0], nil
	}
	if len(texts) != len(columns) {
		return "", fmt.Errorf("the key of %s is %s: give %s, but got %s", name, strings.Join(columns, ", "),
			count(int64(len(columns)), "value", "values, in this order, or joined by |"), count(int64(len(texts)), "value", "values"))
	}
	key, ok := pipeline.Key(texts...)
	if !ok {
		return "", fmt.Errorf("the key of %s is %s: none of them may be empty", name, strings.Join(columns, ", "))
	}
	return key, nil
}

func (a *app) printExplanation(e *pipeline.Explanation, columns []string, f explainFlags) error {
	if f.json {
		if err := a.printJSON(e); err != nil {
			return err
		}
	} else if e.Decision != pipeline.ExplainUnknown {
		t := &teller{w: a.stdout, colour: a.colours(), sandbox: f.sandbox}
		t.explanation(e)
	}
	if e.Decision == pipeline.ExplainUnknown {
		return unknownKey(e, columns, f.sandbox)
	}
	return nil
}

// unknownKey says that a key isn't known, and what may have been meant.
func unknownKey(e *pipeline.Explanation, columns []string, inSandbox bool) error {
	text := fmt.Sprintf("%s: no row of the source has the %s %s (%s), and none was ever written", e.Pipeline, strings.Join(columns, "|"), pipeline.Quote(e.Key), count(e.Read, "row was read", "rows were read"))
	if e.Advice != "" {
		text += "; " + e.Advice
	}
	if e.Unreadable > 0 {
		text += "; " + unreadable(e, inSandbox)
	}
	if len(e.Nearest) > 0 {
		names := make([]string, len(e.Nearest))
		for i, key := range e.Nearest {
			names[i] = pipeline.Quote(key)
		}
		text += "; did you mean " + strings.Join(names, " or ") + "?"
	}
	return errors.New(text)
}

// unreadable says that rows couldn't be read far enough to tell whether they are the one that is asked for.
func unreadable(e *pipeline.Explanation, inSandbox bool) string {
	return fmt.Sprintf("of %s not even the key could be read, see sluice rejects list --pipeline %s%s", count(e.Unreadable, "row", "rows"), e.Pipeline, sandboxFlag(inSandbox))
}
