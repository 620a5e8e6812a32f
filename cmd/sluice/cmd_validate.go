package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) validateCommand() *cobra.Command {
	var online, inSandbox bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Show everything that is wrong with the file",
		Long: `Show every error of the file at once, each with its line and column.

With --online, columns, properties, types and labels are checked, too, against the sources and against HubSpot, and that
the app may read these. Whether it may read and write records is found out by a run. Nothing is written.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.validate(cmd.Context(), online, inSandbox)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "ask the sources and HubSpot, too")
	cmd.Flags().BoolVar(&inSandbox, "sandbox", false, "ask the sources and the local HubSpot")
	return cmd
}

func (a *app) validate(ctx context.Context, online, inSandbox bool) (err error) {
	var box *sandbox
	if inSandbox {
		if box, err = openSandbox(false); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, box.close()) }()
	}
	spec, list, err := a.choose(box, nil, false)
	if err != nil {
		return err
	}
	if online || inSandbox {
		w := a.workshop(spec)
		defer func() { err = errors.Join(err, w.close()) }()
		opened, err := w.open(ctx, list)
		if err != nil {
			return err
		}
		for _, p := range opened {
			if err := p.Close(); err != nil {
				return err
			}
		}
	}
	asked := "; sources and HubSpot weren't asked: see --online and --sandbox"
	if online || inSandbox {
		asked = ", in the sources and in HubSpot neither"
	}
	fmt.Fprintf(a.stdout, "%s: %s, nothing wrong%s\n", a.file, count(int64(len(list)), "pipeline", "pipelines"), asked)
	return nil
}
