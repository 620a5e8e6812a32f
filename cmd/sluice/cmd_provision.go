package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/sinks/hubspot"
)

// A provisionFlags is what the flags of provision say.
type provisionFlags struct{ yes, sandbox, json, detailed bool }

func (a *app) provisionCommand() *cobra.Command {
	var f provisionFlags
	cmd := &cobra.Command{
		Use:   "provision [pipeline...]",
		Short: "Make the properties, groups and labels that HubSpot lacks",
		Long: `Show what the named pipelines, or all of them, need and the HubSpot account doesn't have: custom objects, groups of
properties, properties (those that map sends, match, those that resolve looks up by, and those that the sink declares) and
association labels that the file names. They are made after a yes, or with --yes; without either, nothing is written.

What exists is never changed. Where it isn't as it is needed, such as a match property that isn't unique, that is an
error: HubSpot lets a property be unique only from its making, and at most 10 of an object.

The app needs crm.schemas.OBJECT.write for this, which run doesn't. It may take minutes until HubSpot knows everywhere
what was made; until then a run may be told that a property doesn't exist.

Exit codes: 0 done; with --detailed-exitcode 6 if there is something to make, and it wasn't; 1 if something can't be
made, or isn't as it is needed; the others as of run.`,
		ValidArgsFunction: a.completePipelines,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.provision(cmd.Context(), args, f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.yes, "yes", false, "make it without asking")
	flags.BoolVar(&f.sandbox, "sandbox", false, "use the local HubSpot of run --sandbox")
	jsonFlag(cmd, &f.json, "steps", "as one JSON document")
	flags.BoolVar(&f.detailed, "detailed-exitcode", false, "end with code 6 if there is something to make, and it wasn't")
	return cmd
}

func (a *app) provision(ctx context.Context, names []string, f provisionFlags) error {
	return a.chosen(selection{names: names, sandbox: f.sandbox}, func(spec *config.Spec, list []config.Pipeline) error {
		return a.provisionAll(ctx, spec, list, f)
	})
}

// provisionAll shows what the pipelines need and the accounts don't have, and makes it if that is wanted.
func (a *app) provisionAll(ctx context.Context, spec *config.Spec, list []config.Pipeline, f provisionFlags) error {
	needs, err := a.needs(ctx, spec, list)
	if err != nil {
		return err
	}
	steps, err := eachAccount(ctx, spec, needs, hubspot.Survey)
	if err != nil && len(steps) == 0 {
		return err
	}
	wrong := err
	made := false
	if !f.json {
		printSteps(a.stdout, steps)
	}
	yes := f.yes
	if len(steps) > 0 && wrong == nil && !f.yes && !f.json {
		if yes, err = a.confirmed(len(steps)); err != nil {
			return err
		}
	}
	if len(steps) > 0 && wrong == nil && yes {
		_, err = eachAccount(ctx, spec, needs, func(ctx context.Context, conn *hubspot.Connection, needs []hubspot.Need) ([]hubspot.Step, error) {
			return nil, hubspot.Provision(ctx, conn, needs)
		})
		if err != nil {
			return err
		}
		made = true
	}
	if wrong != nil && len(steps) > 0 && !f.json {
		fmt.Fprintln(a.stdout, "\nnothing was made: mend what is wrong first")
		return wrong
	}
	return errors.Join(a.endProvision(steps, made, f), wrong)
}

// endProvision says what came of it.
func (a *app) endProvision(steps []hubspot.Step, made bool, f provisionFlags) error {
	switch {
	case f.json:
		if steps == nil {
			steps = []hubspot.Step{}
		}
		if err := a.printJSON(map[string]any{"steps": steps, "made": made}); err != nil {
			return err
		}
	case len(steps) == 0:
		fmt.Fprintln(a.stdout, "nothing to make: HubSpot has what the pipelines need")
	case made:
		fmt.Fprintln(a.stdout, "\nmade; it may take minutes until HubSpot knows it everywhere")
	default:
		fmt.Fprintln(a.stdout, "\nnothing was made: run again with --yes to make it")
	}
	if f.detailed && len(steps) > 0 && !made {
		return &exitError{code: exitChanges}
	}
	return nil
}

// confirmed asks on the terminal; where there is none, nobody says yes. A signal ends it with ErrInterrupted.
func (a *app) confirmed(n int) (bool, error) {
	if _, tty := terminal(a.stdout); !tty || !term.IsTerminal(int(os.Stdin.Fd())) {
		return false, nil
	}
	fmt.Fprintf(a.stdout, "\nMake %s in HubSpot? Only \"yes\" does: ", count(int64(n), "thing", "things"))
	answers := make(chan string, 1)
	go func(in *os.File) { // nothing but an answer ends it, or the end of the process
		answer, _ := bufio.NewReader(in).ReadString('\n')
		answers <- answer
	}(os.Stdin)
	select {
	case answer := <-answers:
		return strings.TrimSpace(answer) == "yes", nil
	case <-a.drain:
		return false, pipeline.ErrInterrupted
	}
}

// accountNeeds are the needs of pipelines that write by one connection.
type accountNeeds struct {
	connection string
	needs      []hubspot.Need
}

// errSurveyed ends the opening of a pipeline once it is known what its sink needs.
var errSurveyed = errors.New("surveyed")

// surveyed is a sink that only tells what it needs: it can't be opened before the account has that.
type surveyed struct {
	*hubspot.Config
	needs []hubspot.Need
}

// Open notes what the sink needs for rows of the schema.
func (s *surveyed) Open(_ context.Context, _ pipeline.Env, in *pipeline.Schema) (pipeline.Sink, error) {
	s.needs = s.Needs(in)
	return nil, errSurveyed
}

// needs returns what the pipelines need, by connection, in the order of the pipelines.
func (a *app) needs(ctx context.Context, spec *config.Spec, list []config.Pipeline) (_ []accountNeeds, err error) {
	w := a.workshop(spec)
	defer func() { err = errors.Join(err, w.close()) }()
	var all []accountNeeds
	sinks := make([]*surveyed, len(list))
	for i := range list {
		sink, ok := list[i].Sink.Config.(*hubspot.Config)
		if boxed, in := list[i].Sink.Config.(*provisioned); in {
			sink, ok = boxed.Config, true
		}
		if !ok {
			continue
		}
		sinks[i] = &surveyed{Config: sink}
		list[i].Sink.Config = sinks[i]
		if _, err := w.open(ctx, list[i:i+1]); !errors.Is(err, errSurveyed) {
			return nil, err
		}
		needs := append(sinks[i].needs, labelsOf(&list[i], sink)...)
		at := 0
		for at < len(all) && all[at].connection != sink.Connection {
			at++
		}
		if at == len(all) {
			all = append(all, accountNeeds{connection: sink.Connection})
		}
		all[at].needs = append(all[at].needs, needs...)
	}
	return all, nil
}

// eachAccount calls do for each connection with what is needed there, and returns all that it returns.
func eachAccount(ctx context.Context, spec *config.Spec, all []accountNeeds,
	do func(context.Context, *hubspot.Connection, []hubspot.Need) ([]hubspot.Step, error)) (steps []hubspot.Step, err error) {
	for _, need := range all {
		for _, c := range spec.Connections {
			conn, ok := c.Config.(*hubspot.Connection)
			if !ok || c.Name != need.connection {
				continue
			}
			more, one := do(ctx, conn, need.needs)
			steps, err = append(steps, more...), errors.Join(err, one)
		}
	}
	return steps, err
}

// printSteps shows what is to be made, one thing a line, below the account that it is made in.
func printSteps(w io.Writer, steps []hubspot.Step) {
	for i, s := range steps {
		if i == 0 || s.Account != steps[i-1].Account {
			fmt.Fprintf(w, "%s:\n", s.Account)
		}
		switch s.Make {
		case "object":
			fmt.Fprintf(w, "+ %s  custom object%s\n", s.Object, didYouMean(s))
		case "group":
			fmt.Fprintf(w, "+ %s  group of properties %q\n", s.Object, s.Name)
		case "label":
			fmt.Fprintf(w, "+ %s → %s  label %q\n", s.Object, s.To, s.Name)
		default:
			what := s.Type
			if s.Unique {
				what += ", unique"
			}
			if len(s.Options) > 0 {
				what += ": " + strings.Join(s.Options, ", ")
			}
			fmt.Fprintf(w, "+ %s.%s  %s%s\n", s.Object, s.Name, what, didYouMean(s))
		}
	}
}

// didYouMean asks whether a name was misspelt that is to be made, if there is one that is nearly the same.
func didYouMean(s hubspot.Step) string {
	if s.Similar == "" {
		return ""
	}
	return fmt.Sprintf("  (did you mean %q?)", s.Similar)
}
