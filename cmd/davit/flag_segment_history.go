package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
)

// segmentRevisions bounds the revisions that a segment can be taken back to.
const segmentRevisions = 1000

func (a *app) segmentHistoryCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "history KEY", Short: "List the changes of a segment, newest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := c.SegmentHistory(cmd.Context(), application, args[0], limit)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(records)
			}
			return writeSegmentHistory(a.stdout, records)
		},
	}
	a.addPlaceFlags(cmd)
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many at most, up to 1000")
	return cmd
}

func writeSegmentHistory(w io.Writer, records []davit.SegmentRecord) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REVISION\tTIME\tACTOR\tACTION\tWHO\tWHY")
	for _, r := range records {
		says := segmentText(r.Segment)
		if r.Deleted {
			says = "-"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", r.Revision, r.At.UTC().Format(time.RFC3339), printable(r.Actor), r.Action, says,
			printable(orDash(r.Comment)))
	}
	return table.Flush()
}

func (a *app) segmentRevertCommand() *cobra.Command {
	var (
		e  flagEdit
		to int64
	)
	cmd := &cobra.Command{
		Use: "revert KEY --to REVISION", Short: "Have a segment hold again who was in it at a revision", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := c.SegmentHistory(cmd.Context(), application, args[0], segmentRevisions)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(records, func(r davit.SegmentRecord) bool { return r.Revision == to })
			if at < 0 {
				return usageError(fmt.Errorf("segment %s has no revision %d among its last %d", args[0], to, segmentRevisions))
			}
			change := e.change()
			if newest := records[0]; !newest.Deleted {
				change.Revision = newest.Revision // what somebody says meanwhile is not lost
			}
			out, err := c.PutSegment(cmd.Context(), application, records[at].Segment, cmp.Or(e.reason, fmt.Sprintf("back to revision %d", to)), change)
			if err != nil {
				return err
			}
			return a.writeSegmentOutcome(out, &e)
		},
	}
	a.addChangeFlags(cmd, &e)
	cmd.Flags().Int64Var(&to, "to", 0, "revision to go back to (davit flag segment history)")
	_ = cmd.MarkFlagRequired("to") // it is defined above
	return cmd
}
