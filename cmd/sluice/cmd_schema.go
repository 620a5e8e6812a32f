package main

import (
	"github.com/spf13/cobra"

	"sluice/pipeline/config"
)

//go:generate sh -c "cd ../.. && go run ./cmd/sluice schema >pipelines.schema.json.new && mv pipelines.schema.json.new pipelines.schema.json"

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of pipelines.yaml, for editors",
		Long: `Print the JSON Schema of pipelines.yaml (draft 7). Editors with the YAML language server complete and check
the file by it, if its first line is:

  # yaml-language-server: $schema=./pipelines.schema.json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(config.JSONSchema(kinds))
			return err
		},
	}
}
