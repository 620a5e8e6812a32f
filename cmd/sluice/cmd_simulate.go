package main

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/sinks/hubspot/hubspottest"
)

func (a *app) simulateCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "simulate [flags]",
		Short:              "Be a local HubSpot, for trying things out and for your own tests",
		Long:               "Serve a HubSpot portal on this machine until interrupted. It takes the flags of hubspotsim; -h lists them.",
		DisableFlagParsing: true, // the flags are those of hubspotsim
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			go func() {
				select {
				case <-a.drain:
					stop()
				case <-ctx.Done():
				}
			}()
			if code := hubspottest.Serve(ctx, args, a.stdout, a.stderr); code != 0 {
				return &exitError{code: code}
			}
			return nil
		},
	}
}
