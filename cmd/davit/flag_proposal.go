package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
)

func (a *app) flagProposalsCommand() *cobra.Command {
	var (
		ended bool
		limit int
	)
	cmd := &cobra.Command{
		Use: "proposals [ID]", Short: "Show the changes of flags that wait for approval or for their time", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				p, err := c.FlagProposal(cmd.Context(), application, args[0])
				if err != nil {
					return err
				}
				if a.json() {
					return a.writeJSON(p)
				}
				return writeProposal(a.stdout, p)
			}
			list, err := c.FlagProposals(cmd.Context(), application, ended, limit)
			if err != nil {
				return err
			}
			return a.writeProposals(list)
		},
	}
	a.addPlaceFlags(cmd)
	cmd.Flags().BoolVar(&ended, "ended", false, "those that have ended too, of the last 30 days")
	cmd.Flags().IntVarP(&limit, "limit", "n", 100, "how many at most, up to 1000")
	return cmd
}

func (a *app) writeProposals(list []davit.FlagProposal) error {
	if a.json() {
		return a.writeJSON(list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "Nothing waits.")
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PROPOSAL\tSTATE\tAUTHOR\tDUE\tEXPIRES\tWHAT\tWHY")
	for _, p := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.State, printable(p.Actor), momentText(p.Due), momentText(p.ExpiresAt),
			printable(p.Summary), printable(orDash(p.Comment)))
	}
	return table.Flush()
}

// momentText tells a time; - when it is none.
func momentText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// writeProposal shows all that an approval would be for.
func writeProposal(w io.Writer, p *davit.FlagProposal) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"proposal", p.ID}, {"state", stateText(p)}, {"author", p.Actor}, {"at", momentText(p.At)}, {"why", orDash(p.Comment)},
		{"protected", orDash(strings.Join(p.Environments, ", "))}, {"due", momentText(p.Due)}, {"expires", momentText(p.ExpiresAt)}, {"what", p.Summary},
	} {
		fmt.Fprintf(table, "%s\t%s\n", line[0], printable(line[1]))
	}
	for _, given := range p.Approvals {
		fmt.Fprintf(table, "approved\t%s\n", printable(strings.TrimSuffix(fmt.Sprintf("%s by %s: %s", momentText(given.At), given.Actor, given.Comment), ": ")))
	}
	for _, i := range p.Instructions {
		text, err := json.Marshal(i)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "instruction\t%s\n", printable(string(text)))
	}
	if p.Protection != nil {
		what := "is removed"
		if !p.Protection.Removed {
			what = approversText(p.Protection.Approval) + " within " + p.Protection.Approval.Within.String()
		}
		fmt.Fprintf(table, "protection\t%s\n", printable(p.Protection.Environment+": "+what))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, d := range p.Segments {
		writeDraft(w, "segment "+d.Segment.Key, d.Base, d.Difference)
	}
	for _, d := range p.Flags {
		writeDraft(w, "flag "+d.Flag.Key, d.Base, d.Difference)
	}
	return nil
}

func stateText(p *davit.FlagProposal) string {
	text := string(p.State)
	if p.EndedBy != "" {
		text += " at " + momentText(p.EndedAt) + " by " + p.EndedBy
	}
	if p.Why != "" {
		text += ": " + p.Why
	}
	return text
}

// writeDraft prints what a proposal would change.
func writeDraft(w io.Writer, what string, base int64, difference []davit.FlagDifference) {
	from := fmt.Sprintf("from revision %d", base)
	if base == 0 {
		from = "new"
	}
	fmt.Fprintf(w, "%s (%s):\n", printable(what), from)
	for _, d := range difference {
		fmt.Fprintf(w, "  %s: %s -> %s\n", printable(d.Path), jsonText(d.Before), jsonText(d.After))
	}
}

// writeProposed says that a change waits, and how it is approved.
func writeProposed(w io.Writer, p *davit.FlagProposal) error {
	if p.State == davit.FlagScheduled {
		_, err := fmt.Fprintf(w, "%s is scheduled for %s (%s); nothing was changed yet\n", printable(p.Summary), momentText(p.Due), p.ID)
		return err
	}
	due := ""
	if !p.Due.IsZero() {
		due = ", to be made at " + momentText(p.Due)
	}
	_, err := fmt.Fprintf(w, "%s waits for approval until %s%s; nothing was changed yet\nAnother approves it with: davit flag approve %s\n",
		printable(p.Summary), momentText(p.ExpiresAt), due, p.ID)
	return err
}

// writeNeeded says for which environments others would have to approve a change.
func writeNeeded(w io.Writer, environments []string) error {
	if len(environments) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "Others have to approve it: %s is protected.\n", strings.Join(environments, ", "))
	return err
}

func (a *app) flagApproveCommand() *cobra.Command {
	return a.flagAnswer("approve", "Approve a change of flags in a protected environment", false, (*client.Client).ApproveFlagProposal)
}

func (a *app) flagRejectCommand() *cobra.Command {
	return a.flagAnswer("reject", "Reject a change of flags, or withdraw your own", true, (*client.Client).RejectFlagProposal)
}

// flagAnswer returns a command that answers a proposal.
func (a *app) flagAnswer(use, short string, needsReason bool,
	give func(c *client.Client, ctx context.Context, application, id, comment string) (*davit.FlagProposal, error),
) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: use + " ID", Short: short, Args: cobra.ExactArgs(1),
		Example: "davit flag proposals\ndavit flag proposals 7hq2k4mzsa",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			p, err := give(c, cmd.Context(), application, args[0], reason)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(p)
			}
			text := fmt.Sprintf("%s: %s", p.ID, p.State)
			switch p.State {
			case davit.FlagProposed:
				text += ", and waits for another approval"
			case davit.FlagScheduled:
				text += " for " + momentText(p.Due)
			}
			_, err = fmt.Fprintf(a.stdout, "%s (%s)\n", text, printable(p.Summary))
			return err
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &reason, needsReason)
	return cmd
}
