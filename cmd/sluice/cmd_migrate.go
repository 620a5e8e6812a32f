package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Create or upgrade the state tables",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.migrate(cmd.Context())
		},
	}
}

func (a *app) migrate(ctx context.Context) (err error) {
	spec, err := a.load(a.anyway)
	if err != nil {
		return err
	}
	store, err := a.store(ctx, spec.State, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	from, to, err := store.Migrate(ctx)
	if err != nil {
		return fmt.Errorf("migrate state: %w", err)
	}
	if from == to {
		fmt.Fprintf(a.stdout, "the state tables are at version %d already\n", to)
	} else {
		fmt.Fprintf(a.stdout, "the state tables went from version %d to %d\n", from, to)
	}
	return nil
}
