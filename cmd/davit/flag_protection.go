package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (a *app) flagProtectionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "protection", Short: "Have others approve changes of flags in an environment",
		Long: `In a protected environment what flags serve changes only when others than who asks
approve it (davit flag approve). To turn a flag off needs nobody, is in effect at
once, and stands in the audit log as the kill switch that it is.

Anybody may protect an environment. To change or to remove its protection takes an
approval as it says itself. Segments are for all environments: as soon as one is
protected, changes of segments, but for new ones, need its approval.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.protectionListCommand(), a.protectionSetCommand(), a.protectionRemoveCommand())
	return cmd
}

func (a *app) protectionListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the protected environments, and who may approve", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			list, err := c.FlagProtections(cmd.Context(), application)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(list)
			}
			return writeProtections(a.stdout, list)
		},
	}
	a.addPlaceFlags(cmd)
	return cmd
}

func writeProtections(w io.Writer, list []davit.FlagProtection) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "No environment is protected.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ENVIRONMENT\tAPPROVED BY\tWITHIN\tSINCE\tPROTECTED BY")
	for _, p := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", p.Environment, printable(approversText(p.Approval)), p.Approval.Within,
			p.At.UTC().Format(time.RFC3339), printable(p.Actor))
	}
	return table.Flush()
}

// approversText tells who has to approve: "2 of user anna, token ci".
func approversText(a davit.ApprovalParams) string {
	names := make([]string, 0, len(a.By))
	for _, by := range a.By {
		names = append(names, string(by))
	}
	who := strings.Join(names, ", ")
	if who == "" {
		who = "anybody else"
	}
	return fmt.Sprintf("%d of %s", a.Count, who)
}

func (a *app) protectionSetCommand() *cobra.Command {
	var (
		by     []string
		p      api.FlagProtecting
		within time.Duration
	)
	cmd := &cobra.Command{
		Use: "set ENVIRONMENT", Short: "Protect an environment, or say anew who may approve", Args: cobra.ExactArgs(1),
		Example: "davit flag protection set production\n" +
			`davit flag protection set production --by "user anna" --by "token release-*" --count 2 --within 8h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range by {
				p.By = append(p.By, davit.Approver(name))
			}
			p.Within = davit.Duration(within)
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.ProtectFlags(cmd.Context(), application, args[0], p)
			if err != nil {
				return err
			}
			return a.writeProtected(out, "is protected: changes of flags there take the approval of "+approversText(out.Protection.Approval))
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &p.Comment, false)
	flags := cmd.Flags()
	flags.StringArrayVar(&by, "by", nil, `who may approve: "user anna", "uid 1000", "token ci" or "token release-*" (default anybody whom the server knows); may be repeated`)
	flags.IntVar(&p.Count, "count", 1, "how many others than who asks have to approve")
	flags.DurationVar(&within, "within", api.ProtectionWithin, "how long a change waits for them")
	return cmd
}

func (a *app) protectionRemoveCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "remove ENVIRONMENT", Short: "Let flags change without approval, when that is approved", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.UnprotectFlags(cmd.Context(), application, args[0], reason)
			if err != nil {
				return err
			}
			return a.writeProtected(out, "is not protected any more")
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &reason, true)
	return cmd
}

func (a *app) writeProtected(out *api.FlagProtected, what string) error {
	if a.json() {
		return a.writeJSON(out)
	}
	if out.Proposal != nil {
		return writeProposed(a.stdout, out.Proposal)
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s\n", out.Protection.Environment, printable(what))
	return err
}
