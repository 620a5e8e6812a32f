package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/pipeline"
	"sluice/pipeline/config"
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

func (a *app) validate(ctx context.Context, online, inSandbox bool) error {
	return a.chosen(selection{sandbox: inSandbox, only: true}, func(spec *config.Spec, list []config.Pipeline) error {
		asked := "; sources and HubSpot weren't asked: see --online and --sandbox"
		if online || inSandbox {
			asked = "; the sources and HubSpot have what the file names"
			if err := a.opened(ctx, spec, nil, list, func([]*pipeline.Pipeline) error { return nil }); err != nil {
				return err
			}
		}
		fmt.Fprintf(a.stdout, "%s: %s, nothing wrong%s\n", a.file, count(int64(len(list)), "pipeline", "pipelines"), asked)
		return nil
	})
}
