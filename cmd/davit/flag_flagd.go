package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

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
}

// flagImport says what came of an import.
type flagImport struct {
	Flags []importedFlag `json:"flags"`
	// Proposal is the ID of what waits for approval, of all flags.
	Proposal string `json:"proposal,omitempty"`
	// Left is what the definition says that there was no place for.
	Left []flag.Problem `json:"left"`
	// Protection is who approves changes where the definition is from; Protected is
	// what came of asking for the same here.
	Protection *davit.ApprovalParams `json:"protection,omitempty"`
	Protected  *api.FlagProtected    `json:"protected,omitempty"`
}

func (a *app) flagImportCommand() *cobra.Command {
	var (
		e       flagEdit
		protect bool
	)
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Take over flags from a flag definition of flagd", Args: cobra.ExactArgs(1),
		Long: `Take over flags from a flag definition of flagd (JSON, schema v0), into one
environment; - reads standard input. Users keep the variants that they have.
Targeting that rules cannot say is kept as JsonLogic, and evaluated as flagd does.
What flags say about other environments stays. All flags are taken over, or none.
Shared rules ($evaluators) that are conditions become segments.

What davit flag export wrote becomes the flags that it was written from. What
somebody changed for flagd since is as it is now, and the rest stays where it fits.
What there is no place for is told by name. --protection has the same people approve
changes here as where the definition is from.`,
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
			return a.importFlags(cmd.Context(), c, application, imported, &e, protect)
		},
	}
	a.addFlagEdit(cmd, &e)
	addEnvironmentFlag(cmd, &e.environment)
	cmd.Flags().BoolVar(&protect, "protection", false, "protect the environment too, as that is which the definition is from")
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

func (a *app) importFlags(ctx context.Context, c *client.Client, application string, imported *flag.Imported, e *flagEdit, protect bool) error {
	if protect && imported.Protection == nil {
		return &davit.Error{Code: davit.CodeInvalid, Message: "the flag definition does not say who approves changes", Hint: "leave out --protection"}
	}
	i := api.FlagImport{Environment: e.environment, Flags: imported.Flags, Segments: imported.Segments, Comment: e.reason}
	out, err := c.ImportFlags(ctx, application, i, e.dryRun)
	if err != nil {
		return err
	}
	done := flagImport{Flags: make([]importedFlag, 0, len(out.Flags)), Left: imported.Left, Protection: imported.Protection}
	for _, o := range out.Flags {
		key := o.Record.Flag.Key
		done.Flags = append(done.Flags, importedFlag{Key: key, Revision: o.Record.Revision, Changed: o.Changed, Advanced: slices.Contains(imported.Advanced, key)})
	}
	if out.Proposal != nil {
		done.Proposal = out.Proposal.ID
	}
	if protect && !e.dryRun {
		p := imported.Protection
		done.Protected, err = c.ProtectFlags(ctx, application, e.environment, api.FlagProtecting{By: p.By, Count: p.Count, Within: p.Within, Comment: e.reason})
		if err != nil {
			return fmt.Errorf("the flags are taken over; protecting %s: %w", e.environment, err)
		}
	}
	if a.json() {
		return a.writeJSON(done)
	}
	if out.Proposal != nil {
		err = writeProposed(a.stdout, out.Proposal)
	} else if err = a.writeImported(&done, e); err == nil && e.dryRun && len(out.Flags) > 0 {
		err = writeNeeded(a.stdout, out.Flags[0].Protected)
	}
	if err != nil {
		return err
	}
	for _, left := range done.Left {
		fmt.Fprintf(a.stderr, "left out: %s: %s\n", printable(left.Place), printable(left.Message))
	}
	return a.writeImportedProtection(&done, e.environment)
}

// writeImported tells what came of each flag.
func (a *app) writeImported(done *flagImport, e *flagEdit) error {
	for _, f := range done.Flags {
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
	return nil
}

// writeImportedProtection tells who approves changes, here or where the definition is
// from.
func (a *app) writeImportedProtection(done *flagImport, environment string) error {
	switch {
	case done.Protected != nil:
		return a.writeProtected(done.Protected, "is protected: changes of flags there take the approval of "+approversText(*done.Protection))
	case done.Protection != nil:
		fmt.Fprintf(a.stderr, "where the definition is from, changes take the approval of %s; --protection asks for that in %s too\n",
			printable(approversText(*done.Protection)), environment)
	}
	return nil
}

func (a *app) flagExportCommand() *cobra.Command {
	var environment string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the flags of an environment as a flag definition of flagd", Args: cobra.NoArgs,
		Long: `Write the flags of an environment as a flag definition of flagd (JSON, schema v0)
to standard output, with all that flagd has no words for as metadata, so that davit
flag import comes to the same flags. A flag that flagd cannot evaluate is disabled in
it, with the reason as metadata davit.note, and told; then the exit code is 1.`,
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
			protection, err := protectionOf(cmd.Context(), c, application, environment)
			if err != nil {
				return err
			}
			exported, err := flag.ExportFlagd(environment, flags, shared, protection)
			if err != nil {
				return err
			}
			if err := a.writeJSON(exported.Definition); err != nil {
				return err
			}
			for _, unsaid := range exported.Unsaid {
				fmt.Fprintf(a.stderr, "disabled for flagd: %s: %s\n", printable(unsaid.Place), printable(unsaid.Message))
			}
			if len(exported.Unsaid) > 0 {
				return outcome(exitFailed)
			}
			return nil
		},
	}
	a.addPlaceFlags(cmd)
	addEnvironmentFlag(cmd, &environment)
	return cmd
}

// protectionOf returns who approves changes in an environment; nil when nobody has to.
func protectionOf(ctx context.Context, c *client.Client, application, environment string) (*davit.ApprovalParams, error) {
	list, err := c.FlagProtections(ctx, application)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Environment == environment && !list[i].Removed {
			return &list[i].Approval, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}
