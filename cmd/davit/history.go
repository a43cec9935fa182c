package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
)

func (a *app) historyCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history ENVIRONMENT",
		Short: "List the rollouts of an environment, newest first",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.target(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			list, err := c.History(cmd.Context(), application, args[0], limit)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(list)
			}
			return writeHistory(a.stdout, list)
		},
	}
	a.addPlaceFlags(cmd)
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "how many at most, up to 1000")
	return cmd
}

func writeHistory(w io.Writer, list []*davit.Rollout) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "No rollout yet.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CREATED\tROLLOUT\tWHAT\tPHASE\tTOOK\tMEASURED\tACTOR\tWHY")
	for _, r := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.CreatedAt.UTC().Format(time.RFC3339), r.ID, title(r), r.Phase,
			took(r), measuredText(r), printable(r.Actor), printable(why(r)))
	}
	return table.Flush()
}

// took says how long a rollout went until it was decided.
func took(r *davit.Rollout) string {
	switch {
	case r.StartedAt.IsZero():
		return "-"
	case !r.PromotedAt.IsZero() && r.HauledAt.IsZero():
		return since(r.StartedAt, r.PromotedAt)
	case r.EndedAt.IsZero():
		return "-"
	}
	return since(r.StartedAt, r.EndedAt)
}

// why gives the cause of a bad end, otherwise the reason of who asked.
func why(r *davit.Rollout) string {
	if r.Cause != "" {
		return r.Cause
	}
	return orDash(r.Reason)
}
