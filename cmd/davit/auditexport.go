package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

func (a *auditCommands) checkpoint() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the latest signed checkpoint, to keep it elsewhere",
		Long: `Print the latest signed checkpoint. Keep it where the server's operator cannot
change it: davit audit verify --since finds out with it whether the log was
rolled back or rewritten since.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			api, err := a.connect(command.Context())
			if err != nil {
				return err
			}
			checkpoint, err := api.AuditCheckpoint(command.Context())
			if err != nil {
				return err
			}
			if a.json() {
				return json.NewEncoder(command.OutOrStdout()).Encode(map[string]string{"checkpoint": string(checkpoint)})
			}
			_, err = command.OutOrStdout().Write(checkpoint)
			return err
		},
	}
}

func (a *auditCommands) export() *cobra.Command {
	return &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the whole log to a file or the standard output",
		Long: `Write the whole log as lines of JSON: a header, every entry with its seal, and
the signed checkpoint last. That and the server's public audit key are all that
davit audit verify needs. A FILE is replaced when the export is whole.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			api, err := a.connect(command.Context())
			if err != nil {
				return err
			}
			if len(args) == 0 || args[0] == "-" {
				return api.AuditExport(command.Context(), command.OutOrStdout())
			}
			return writeWhole(args[0], func(w io.Writer) error { return api.AuditExport(command.Context(), w) })
		},
	}
}
