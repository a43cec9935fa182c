package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/release"
)

func (r *releaseCommand) changelogCommand() *cobra.Command {
	var write bool
	cmd := &cobra.Command{
		Use:   "changelog",
		Short: "Print the changelog of the whole history, or regenerate the file",
		Long: `Print the changelog of the whole history, one section for each release that is
in it. With --write it replaces the file, and all that people wrote into it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			runner, err := r.runner(cmd)
			if err != nil {
				return err
			}
			chosen, err := release.OnePackage(runner.Config, r.packages)
			if err != nil {
				return err
			}
			defer debug.SetGCPercent(debug.SetGCPercent(quickGC))
			if !write {
				return runner.WriteWhole(cmd.Context(), cmd.OutOrStdout(), chosen)
			}
			return runner.ReplaceChangelog(cmd.Context(), chosen)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "replace the changelog's file")
	return cmd
}

// quickGC trades memory for time in a command that ends at once.
const quickGC = 400
