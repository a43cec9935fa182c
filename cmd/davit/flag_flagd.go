package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/flag"
)

// importedFlag says what an import did to a flag.
type importedFlag struct {
	Key      string `json:"key"`
	Revision int64  `json:"revision"`
	Changed  bool   `json:"changed"`
	// Advanced says that its targeting is kept as JsonLogic.
	Advanced bool `json:"advanced,omitempty"`
	// Proposal is the ID of what waits for approval, of all flags.
	Proposal string `json:"proposal,omitempty"`
}

func (a *app) flagImportCommand() *cobra.Command {
	var e flagEdit
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Take over flags from a flag definition of flagd", Args: cobra.ExactArgs(1),
		Long: `Take over flags from a flag definition of flagd (JSON, schema v0), into one
environment; - reads standard input. Users keep the variants that they have.
Targeting that rules cannot say is kept as JsonLogic, and evaluated as flagd does.
What flags say about other environments stays. All flags are taken over, or none.
Shared rules ($evaluators) that are conditions become segments.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := a.input(args[0])
			if err != nil {
				return err
			}
			imported, err := flag.ImportFlagd(e.environment, src)
			if err != nil {
				return err
			}
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			return a.importFlags(cmd.Context(), c, application, imported, &e)
		},
	}
	a.addFlagEdit(cmd, &e)
	addEnvironmentFlag(cmd, &e.environment)
	return cmd
}

// input returns what is in a file, or comes on standard input.
func (a *app) input(path string) (src []byte, err error) {
	if path == "-" {
		src, err = io.ReadAll(a.stdin)
	} else {
		src, err = os.ReadFile(path) //nolint:gosec // the operator's
	}
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "the flag definition cannot be read", Err: err}
	}
	return src, nil
}

func (a *app) importFlags(ctx context.Context, c *client.Client, application string, imported *flag.Imported, e *flagEdit) error {
	advanced := map[string]bool{}
	for _, key := range imported.Advanced {
		advanced[key] = true
	}
	i := api.FlagImport{Environment: e.environment, Flags: imported.Flags, Segments: imported.Segments, Comment: e.reason}
	out, err := c.ImportFlags(ctx, application, i, e.dryRun)
	if err != nil {
		return err
	}
	done := make([]importedFlag, 0, len(out.Flags))
	for _, o := range out.Flags {
		key := o.Record.Flag.Key
		done = append(done, importedFlag{Key: key, Revision: o.Record.Revision, Changed: o.Changed, Advanced: advanced[key]})
	}
	if out.Proposal != nil {
		for i := range done {
			done[i].Proposal = out.Proposal.ID
		}
	}
	if a.json() {
		return a.writeJSON(done)
	}
	if out.Proposal != nil {
		return writeProposed(a.stdout, out.Proposal)
	}
	for _, f := range done {
		how := fmt.Sprintf("revision %d", f.Revision)
		switch {
		case e.dryRun:
			how = "would be " + how
		case !f.Changed:
			how += ", as before"
		}
		if f.Advanced {
			how += ", targeting kept as JsonLogic"
		}
		if _, err := fmt.Fprintf(a.stdout, "%s %s\n", printable(f.Key), how); err != nil {
			return err
		}
	}
	if e.dryRun && len(out.Flags) > 0 {
		return writeNeeded(a.stdout, out.Flags[0].Protected)
	}
	return nil
}

func (a *app) flagExportCommand() *cobra.Command {
	var environment string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the flags of an environment as a flag definition of flagd", Args: cobra.NoArgs,
		Long: `Write the flags of an environment as a flag definition of flagd (JSON, schema v0)
to standard output. What flagd cannot say is left out, and told; then the exit code
is 1.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := allFlags(cmd.Context(), c, application)
			if err != nil {
				return err
			}
			segments, err := c.Segments(cmd.Context(), application)
			if err != nil {
				return err
			}
			shared := make([]davit.Segment, 0, len(segments))
			for _, r := range segments {
				shared = append(shared, r.Segment)
			}
			flags := make([]davit.Flag, 0, len(records))
			for _, r := range records {
				flags = append(flags, r.Flag)
			}
			exported, err := flag.ExportFlagd(environment, flags, shared)
			if err != nil {
				return err
			}
			if err := a.writeJSON(exported.Definition); err != nil {
				return err
			}
			for _, left := range exported.Left {
				fmt.Fprintf(a.stderr, "left out: %s: %s\n", printable(left.Place), printable(left.Message))
			}
			if len(exported.Left) > 0 {
				return outcome(exitFailed)
			}
			return nil
		},
	}
	a.addPlaceFlags(cmd)
	addEnvironmentFlag(cmd, &environment)
	return cmd
}
