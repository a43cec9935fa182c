package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
)

func (a *app) flagScheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "schedule", Short: "Show and cancel changes that are scheduled",
		Long: `A change is scheduled by --at of the command that makes it. It is made at that time,
in the name of who scheduled it, to the flag as it is then. One that cannot be made
any more is recorded as failed; one that no server could make within an hour after
its time, as missed. Where the environment is protected it has to be approved
before its time.`,
		Example: "davit flag on checkout-v2 --at 2026-12-01T09:00:00Z\ndavit flag off checkout-v2 --at 8h",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cancel := a.flagAnswer("cancel", "Cancel a scheduled change", true, (*client.Client).RejectFlagProposal)
	cancel.Example = "davit flag schedule list"
	cmd.AddCommand(a.scheduleListCommand(), cancel)
	return cmd
}

func (a *app) scheduleListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the changes that are scheduled, the next one first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			list, err := c.FlagProposals(cmd.Context(), application, false, davit.FlagProposalsMost)
			if err != nil {
				return err
			}
			list = slices.DeleteFunc(list, func(p davit.FlagProposal) bool { return p.Due.IsZero() })
			slices.SortStableFunc(list, func(a, b davit.FlagProposal) int { return a.Due.Compare(b.Due) })
			return a.writeProposals(list)
		},
	}
	a.addPlaceFlags(cmd)
	return cmd
}

// addAtFlag adds the flag that schedules a change.
func addAtFlag(cmd *cobra.Command, e *flagEdit) {
	cmd.Flags().StringVar(&e.at, "at", "", "make the change later: 2h, or a time such as 2026-12-01T09:00:00Z")
}

// atTime reads a time (RFC 3339), or how long it is until then: "2h", "in 2h".
func atTime(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(strings.TrimPrefix(text, "in ")); err == nil {
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usageError(fmt.Errorf("--at: %q is neither a time such as %s nor a duration such as 2h", text, now.Add(time.Hour).UTC().Format(time.RFC3339)))
	}
	return at, nil
}
