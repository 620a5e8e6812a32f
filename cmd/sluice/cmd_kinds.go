package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/config"
)

func (a *app) kindsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "kinds [connection|source|transform|sink] [KIND]",
		Short: "Show the kinds of connections, sources, transforms and sinks, and their options",
		Long: `List the kinds of connections, sources, transforms and sinks that are compiled in, or show the options of some:

  sluice kinds              what there is
  sluice kinds csv          the options of csv
  sluice kinds hubspot      both the connection and the sink have that name
  sluice kinds sink         the options of every sink
  sluice kinds sink hubspot`,
		Args: cobra.MaximumNArgs(2),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return kindWords(config.References(kinds)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return a.showKinds(args, asJSON)
		},
	}
	jsonFlag(cmd, &asJSON, "kinds", "as one JSON document")
	return cmd
}

// showKinds prints the list of all kinds, or the reference of those that are named.
func (a *app) showKinds(args []string, asJSON bool) error {
	list, err := chooseKinds(config.References(kinds), args)
	if err != nil {
		return input(err)
	}
	switch {
	case asJSON:
		return a.printJSON(map[string]any{"kinds": list})
	case len(args) == 0:
		listKinds(a.stdout, list)
		return nil
	}
	width, ok := terminal(a.stdout)
	if !ok {
		width = 100
	}
	for i, r := range list {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		printReference(a.stdout, r, min(width, 120))
	}
	return nil
}

// chooseKinds returns the kinds that arguments name: a part of a pipeline, a kind, or both.
func chooseKinds(list []config.Reference, args []string) ([]config.Reference, error) {
	for i, arg := range args {
		chosen := slices.DeleteFunc(slices.Clone(list), func(r config.Reference) bool { return r.Name != arg && (i > 0 || r.Part != arg) })
		if len(chosen) == 0 {
			words, what := kindWords(list), "kinds"
			if i > 0 {
				words, what = words[1:], "kinds of "+args[0]
			}
			return nil, errors.New("unknown kind " + pipeline.Quote(arg) + ": " + pipeline.Suggest(arg, words, what))
		}
		list = chosen
	}
	return list, nil
}

// kindWords returns what kinds may be named by: their parts, and their own names.
func kindWords(list []config.Reference) []string {
	var parts, names []string
	for _, r := range list {
		if !slices.Contains(parts, r.Part) {
			parts = append(parts, r.Part)
		}
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return append(parts, names...)
}

// listKinds prints a line for each kind.
func listKinds(w io.Writer, list []config.Reference) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Part, r.Name, r.Doc)
	}
	t.Flush()
	fmt.Fprintln(w, "\nThe options of one: sluice kinds KIND")
}

// printReference prints everything about a kind.
func printReference(w io.Writer, r config.Reference, width int) {
	fmt.Fprintf(w, "%s %s\n", r.Part, r.Name)
	wrap(w, "  ", r.Doc, width)
	fmt.Fprintf(w, "\n    %s\n", strings.ReplaceAll(r.Example, "\n", "\n    "))
	if r.Shorthand {
		wrap(w, "\n  ", "It may be written as a single value instead of a map with options.", width)
	}
	for _, o := range flatten("", r.Options) {
		fmt.Fprintf(w, "\n  %s: %s", o.name, o.value)
		if o.fallback != "" {
			fmt.Fprintf(w, "; %s", o.fallback)
		}
		fmt.Fprintln(w)
		wrap(w, "      ", o.Doc, width)
	}
}

// wrap prints text in lines of at most so many columns, each after the indent.
func wrap(w io.Writer, indent, text string, width int) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(indent+line+" "+word) > width {
			fmt.Fprintln(w, indent+line)
			line = ""
		}
		line += " " + word
		line = strings.TrimPrefix(line, " ")
	}
	fmt.Fprintln(w, indent+line)
}

// An optionLine is an option as people read it, whatever map or list it is in.
type optionLine struct {
	config.Option
	name     string // with what it is in: associations[].to
	value    string // what may be written
	fallback string // "required", the default, or ""
}

// flatten returns options and those that they hold, one after the other.
func flatten(prefix string, options []config.Option) (list []optionLine) {
	for _, o := range options {
		line := optionLine{Option: o, name: prefix + o.Name, value: o.Type}
		if o.Name == "*" {
			line.name, line.Doc = prefix+"NAME", "One entry for each name."
		}
		if len(o.Values) > 0 {
			line.value = strings.Replace(o.Type, "text", config.OrList(o.Values), 1)
		}
		if o.Shorthand {
			line.value += ", or a single value"
		}
		switch {
		case o.Required:
			line.fallback = "required"
		case o.Default != "":
			line.fallback = "default " + o.Default
		}
		below := line.name + "."
		switch {
		case strings.HasPrefix(o.Type, "list of"):
			below = line.name + "[]."
		case strings.HasPrefix(o.Type, "map to"):
			below = line.name + ".NAME."
		}
		list = append(append(list, line), flatten(below, o.Options)...)
	}
	return list
}
