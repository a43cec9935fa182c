package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// releaseNotes is what "davit release notes --output json" answers.
type releaseNotes struct {
	Tag   string `json:"tag,omitempty"` // as it was named
	Notes string `json:"notes"`         // in Markdown; "" when there is nothing to release
}

func (r *releaseCommand) notesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "notes [TAG]",
		Short: "Print the notes of a release, or of the next one",
		Long: `Print the notes of a release as its changelog has them, or those that the next
release would have. Exit code 6: there is nothing to release.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			runner, err := r.runner(cmd)
			if err != nil {
				return err
			}
			var told releaseNotes
			if len(args) > 0 {
				told.Tag = args[0]
			}
			if told.Notes, err = runner.Notes(cmd.Context(), told.Tag); err != nil {
				return err
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd.OutOrStdout(), told)
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), told.Notes)
			}
			if err != nil {
				return fmt.Errorf("printing the notes: %w", err)
			}
			if told.Notes == "" {
				return outcome(exitNothing)
			}
			return nil
		},
	}
}
