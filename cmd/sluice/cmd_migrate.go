package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	var sandbox bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Create or upgrade the state tables",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.migrate(cmd.Context(), sandbox)
		},
	}
	cmd.Flags().BoolVar(&sandbox, "sandbox", false, "use the state of run --sandbox")
	return cmd
}

func (a *app) migrate(ctx context.Context, sandbox bool) (err error) {
	url := sandboxState()
	if sandbox {
		if err := os.MkdirAll(sandboxDir, 0o700); err != nil {
			return fmt.Errorf("make the sandbox: %w", err)
		}
	} else {
		spec, err := a.load(a.anyway)
		if err != nil {
			return err
		}
		url = spec.State
	}
	store, err := a.store(ctx, url, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	from, to, err := a.upgrade(ctx, store)
	if err != nil {
		return err
	}
	if from == to {
		fmt.Fprintf(a.stdout, "the state tables are at version %d already\n", to)
	} else {
		fmt.Fprintf(a.stdout, "the state tables went from version %d to %d\n", from, to)
	}
	return nil
}
