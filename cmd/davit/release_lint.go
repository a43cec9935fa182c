package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release"
)

// maxMessage bounds a commit message that is read from a file.
const maxMessage = 16 << 20

func (r *releaseCommand) lintCommand() *cobra.Command {
	var message string
	cmd := &cobra.Command{
		Use:   "lint [RANGE]",
		Short: "Check commit messages",
		Long: `Check commit messages: of a range (origin/main..HEAD), of one commit (HEAD by
default), or of a file, - for standard input. As a commit-msg hook:

    exec davit release lint --message "$1"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			complaints, err := r.lint(cmd, args, message)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd.OutOrStdout(), append([]release.Complaint{}, complaints...))
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), tellComplaints(complaints))
			}
			if err != nil {
				return fmt.Errorf("printing the complaints: %w", err)
			}
			if len(complaints) > 0 {
				return outcome(exitFailed)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&message, "message", "", "check the message in this file, - for standard input")
	return cmd
}

// lint returns the complaints about what the command line names.
func (r *releaseCommand) lint(cmd *cobra.Command, args []string, message string) ([]release.Complaint, error) {
	repo, settings, err := r.open(cmd.Context())
	if err != nil {
		return nil, err
	}
	if message == "" {
		chosen := "HEAD"
		if len(args) > 0 {
			chosen = args[0]
		}
		return release.Lint(cmd.Context(), repo, settings, chosen)
	}
	in := cmd.InOrStdin()
	if message != "-" {
		f, err := os.Open(message)
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeNotFound, Message: "cannot read the message", Hint: "name the file that git gives the hook", Err: err}
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxMessage))
	if err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	return release.LintMessage(settings.Types, release.StripComments(string(text))), nil
}

// tellComplaints returns complaints with a caret under the place of each.
func tellComplaints(complaints []release.Complaint) string {
	var b strings.Builder
	for _, c := range complaints {
		if c.Commit != "" {
			fmt.Fprintf(&b, "%.9s: ", c.Commit)
		}
		line, caret, _ := strings.Cut(c.Caret(), "\n")
		fmt.Fprintf(&b, "%s\n    %s\n    %s\n", printable(c.Error()), printableTabs(line), caret)
		if c.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", c.Hint)
		}
	}
	return b.String()
}

// printableTabs is printable, with tabs as they are: carets stand below them.
func printableTabs(line string) string {
	parts := strings.Split(line, "\t")
	for i, part := range parts {
		parts[i] = printable(part)
	}
	return strings.Join(parts, "\t")
}
