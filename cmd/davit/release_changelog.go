package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
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
			debug.SetGCPercent(quickGC)
			packages := runner.Config.Packages
			if len(packages) > 1 && len(r.packages) != 1 {
				return &davit.Error{Code: davit.CodeInvalid, Message: "the repository has several packages", Hint: "name one with --package"}
			}
			chosen := packages[0]
			for _, p := range packages {
				if len(r.packages) == 1 && p.Name == r.packages[0] {
					chosen = p
				}
			}
			if !write {
				return runner.WriteWhole(cmd.Context(), cmd.OutOrStdout(), chosen)
			}
			return runner.ReplaceChangelog(cmd.Context(), chosen)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "replace the changelog's file")
	return cmd
}
