package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/state"
)

// A parkedLink is a link that waits, with an end that isn't there, as parked shows it.
type parkedLink struct {
	Pipeline string    `json:"pipeline"`
	Key      string    `json:"key"` // of the row that asks for the link
	Link     string    `json:"link"`
	Object   string    `json:"object"` // the record that isn't there
	Property string    `json:"property"`
	Value    string    `json:"value"`
	Since    time.Time `json:"since,omitzero"`
}

// A parkedList is what parked has found of the links that wait.
type parkedList struct {
	Links []parkedLink `json:"parked"`
	More  int64        `json:"more"` // that aren't shown
}

func (a *app) parkedCommand() *cobra.Command {
	var asJSON, inSandbox bool
	limit := rowLimit(100)
	cmd := &cobra.Command{
		Use:   "parked [pipeline...]",
		Short: "List the links that wait for a record that isn't there yet",
		Long: `List the links that wait for a record that isn't there yet: the row that asks for each, the record that it waits for, and
since when. Each run looks for these records, and makes the links whose records have come.`,
		ValidArgsFunction: a.completePipelines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withState(cmd.Context(), inSandbox, func(ctx context.Context, s state.Store) error {
				found, err := parkedOf(ctx, s, args, int(limit))
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(found)
				}
				return printParked(a.stdout, found)
			})
		},
	}
	jsonFlag(cmd, &asJSON, "parked", "as one JSON document")
	cmd.Flags().BoolVar(&inSandbox, "sandbox", false, "use the state of run --sandbox")
	cmd.Flags().Var(&limit, "limit", "at most this many; 0 for all")
	return cmd
}

// parkedOf returns the parked links of the named pipelines, or of all.
func parkedOf(ctx context.Context, s state.Store, names []string, limit int) (parkedList, error) {
	found := parkedList{Links: []parkedLink{}}
	list, err := s.Status(ctx)
	if err == nil {
		err = haveRun(list, names)
	}
	if err != nil {
		return found, err
	}
	for _, p := range list {
		if p.Waiting == 0 || len(names) > 0 && !slices.Contains(names, p.Pipeline) {
			continue
		}
		if err := found.add(ctx, s, p.Pipeline, limit); err != nil {
			return found, err
		}
	}
	return found, nil
}

// haveRun refuses a name of which the state has nothing: it may be misspelt.
func haveRun(list []state.PipelineStatus, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(list, func(p state.PipelineStatus) bool { return p.Pipeline == name }) {
			return input(fmt.Errorf("pipeline %q has never run", name))
		}
	}
	return nil
}

// add adds the links of one pipeline. One that only waits to be written, since a run was cut off, isn't parked.
func (f *parkedList) add(ctx context.Context, s state.Store, name string, limit int) error {
	var after *pipeline.LinkChange
	for {
		page, err := s.Waiting(ctx, name, after, pipeline.BatchRows)
		if err != nil || len(page) == 0 {
			return err
		}
		after = &page[len(page)-1]
		for _, l := range page {
			for _, end := range []pipeline.LinkEnd{l.From, l.To} {
				switch {
				case end.ID != "" || end.Value == "":
				case limit > 0 && len(f.Links) >= limit:
					f.More++
				default:
					f.Links = append(f.Links, parkedLink{Pipeline: name, Key: l.Key, Link: l.Slot, Object: end.Object, Property: end.Property, Value: end.Value, Since: l.Since})
				}
			}
		}
	}
}

func printParked(w io.Writer, found parkedList) error {
	if len(found.Links) == 0 {
		_, err := fmt.Fprintln(w, "no link is parked")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "pipeline\tkey\tlink\twaits for\tsince (UTC)")
	for _, l := range found.Links {
		since := "?"
		if !l.Since.IsZero() {
			since = l.Since.UTC().Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s with %s %s\t%s\n", l.Pipeline, argument(l.Key), l.Link, l.Object, l.Property, pipeline.Quote(l.Value), since)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if found.More > 0 {
		fmt.Fprintf(w, "and %d more: --limit 0 shows all\n", found.More)
	}
	return nil
}
