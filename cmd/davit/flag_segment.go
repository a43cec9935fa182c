package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
)

func (a *app) flagSegmentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "segment", Short: "Name groups of users that flags share",
		Long: `A segment is a group of users that flags share, in all environments: a rule of a
flag names it as {"segment": "beta"}, alone or among other conditions.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.segmentListCommand(), a.segmentSetCommand(), a.segmentDeleteCommand(), a.segmentHistoryCommand(), a.segmentRevertCommand())
	return cmd
}

func (a *app) segmentListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the segments of an application", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := c.Segments(cmd.Context(), application)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(records)
			}
			if len(records) == 0 {
				_, err := fmt.Fprintln(a.stdout, "No segment yet.")
				return err
			}
			table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "SEGMENT\tWHO\tREVISION\tDESCRIPTION")
			for _, r := range records {
				fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", printable(r.Segment.Key), printable(segmentText(r.Segment)), r.Revision, printable(orDash(r.Segment.Description)))
			}
			return table.Flush()
		},
	}
	a.addPlaceFlags(cmd)
	return cmd
}

// segmentText tells in a line who is in a segment.
func segmentText(s davit.Segment) string {
	var parts []string
	if n := len(s.Include); n > 0 {
		parts = append(parts, fmt.Sprintf("%d by name", n))
	}
	if s.When != nil {
		parts = append(parts, "by a condition")
	}
	if n := len(s.Exclude); n > 0 {
		parts = append(parts, fmt.Sprintf("not %d by name", n))
	}
	return orDash(strings.Join(parts, ", "))
}

func (a *app) segmentSetCommand() *cobra.Command {
	var (
		e    flagEdit
		s    davit.Segment
		when string
	)
	cmd := &cobra.Command{
		Use: "set KEY", Short: "Make a segment, or say anew who is in it", Args: cobra.ExactArgs(1),
		Example: "davit flag segment set beta --include anna --include bo\n" +
			`davit flag segment set staff --when '{"attribute": "email", "op": "endsWith", "values": ["@shop.example"]}' --exclude carl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.Key = args[0]
			if when != "" {
				decoder := json.NewDecoder(strings.NewReader(when))
				decoder.DisallowUnknownFields()
				if err := decoder.Decode(&s.When); err != nil {
					return usageError(fmt.Errorf("--when is no condition in JSON: %w", err))
				}
			}
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.PutSegment(cmd.Context(), application, s, e.reason, e.change())
			if err != nil {
				return err
			}
			return a.writeSegmentOutcome(out, &e)
		},
	}
	a.addChangeFlags(cmd, &e)
	flags := cmd.Flags()
	flags.StringVar(&s.Description, "description", "", "for people")
	flags.StringArrayVar(&s.Include, "include", nil, "targeting key of a user who is in it; may be repeated")
	flags.StringArrayVar(&s.Exclude, "exclude", nil, "targeting key of a user who is not in it, whatever else is said; may be repeated")
	flags.StringVar(&when, "when", "", "condition in JSON that the others meet who are in it")
	return cmd
}

func (a *app) segmentDeleteCommand() *cobra.Command {
	var e flagEdit
	cmd := &cobra.Command{
		Use: "delete KEY", Short: "Remove a segment that no flag names; its history stays", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.DeleteSegment(cmd.Context(), application, args[0], e.reason, e.change())
			if err != nil {
				return err
			}
			return a.writeSegmentOutcome(out, &e)
		},
	}
	a.addChangeFlags(cmd, &e)
	return cmd
}

// writeSegmentOutcome prints what came of a change of a segment.
func (a *app) writeSegmentOutcome(out *davit.SegmentOutcome, e *flagEdit) error {
	if a.json() {
		return a.writeJSON(out)
	}
	key := printable(out.Record.Segment.Key)
	if e.dryRun {
		if err := writeDifference(a.stdout, key, out.Difference); err != nil {
			return err
		}
		return writeNeeded(a.stdout, out.Protected)
	}
	if out.Proposal != nil {
		return writeProposed(a.stdout, out.Proposal)
	}
	what := fmt.Sprintf("revision %d", out.Record.Revision)
	switch {
	case out.Record.Deleted:
		what = "removed; its history stays"
	case !out.Changed:
		what += ", as before: it was so already"
	}
	_, err := fmt.Fprintf(a.stdout, "segment %s: %s (%s)\n", key, segmentText(out.Record.Segment), what)
	return err
}
