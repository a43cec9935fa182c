package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
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
			return writeChangelog(cmd, runner, chosen)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "replace the changelog's file")
	return cmd
}

// writeChangelog replaces a package's changelog once the new one is whole.
func writeChangelog(cmd *cobra.Command, runner *release.Runner, p davit.Package) error {
	var text bytes.Buffer
	if err := runner.WriteWhole(cmd.Context(), &text, p); err != nil {
		return err
	}
	name := filepath.Join(runner.Repo.Root, filepath.FromSlash(p.Changelog))
	if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil { //nolint:gosec // as readable as the rest of the repository
		return fmt.Errorf("writing the changelog: %w", err)
	}
	return nil
}
