package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
)

// flagCommand returns "davit flag".
func (a *app) flagCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "flag",
		Short: "Turn features on and off, for some users or for all",
		Long: `A feature flag is a switch that an application asks for while it runs. Any
OpenFeature SDK reads the flags of a server over OFREP, with an access key
(davit flag key create).

Who gets what is said for each environment. It is looked at in this order: a flag
that is off serves its off variant; users who are named (davit flag target) get
theirs; then the rules; then the default, a variant or a split by percentage.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.flagListCommand(), a.flagShowCommand(), a.flagCreateCommand(), a.flagDeleteCommand(),
		a.flagOnCommand(), a.flagOffCommand(), a.flagSetCommand(), a.flagTargetCommand(), a.flagSplitCommand(),
		a.flagRampCommand(), a.flagOutcomeCommand(), a.flagEvalCommand(), a.flagHistoryCommand(), a.flagRevertCommand(),
		a.flagImportCommand(), a.flagSegmentCommand(), a.flagExportCommand(), a.flagKeyCommand(), a.flagEdgeCommand(), a.flagStaleCommand(), a.flagRefsCommand(),
		a.flagProtectionCommand(), a.flagProposalsCommand(), a.flagApproveCommand(), a.flagRejectCommand(), a.flagScheduleCommand(),
	)
	return cmd
}

// flagTarget returns the client and the application whose flags are meant: the one
// that is named, or that of davit.yaml here.
func (a *app) flagTarget(ctx context.Context) (*client.Client, string, error) {
	application := a.application
	if application == "" {
		var err error
		if application, err = a.applicationInFile(); err != nil {
			return nil, "", err
		}
	}
	if application == "" {
		return nil, "", usageError(fmt.Errorf("name the application with --application, or run davit in the folder of its davit.yaml"))
	}
	c, err := a.connect(ctx)
	return c, application, err
}

// addEnvironmentFlag adds the flag that says in which environment.
func addEnvironmentFlag(cmd *cobra.Command, environment *string) {
	cmd.Flags().StringVarP(environment, "environment", "e", "production", "environment that is meant")
}

func (a *app) flagListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the flags of an application", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			records, err := allFlags(cmd.Context(), c, application)
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(records)
			}
			return writeFlags(a.stdout, records)
		},
	}
	a.addPlaceFlags(cmd)
	return cmd
}

// flagPage is how many flags are asked for at once.
const flagPage = 1000

func allFlags(ctx context.Context, c *client.Client, application string) ([]davit.FlagRecord, error) {
	records := []davit.FlagRecord{}
	for after := ""; ; {
		list, err := c.Flags(ctx, application, after, flagPage)
		if err != nil {
			return nil, err
		}
		records = append(records, list.Flags...)
		if after = list.Next; after == "" {
			return records, nil
		}
	}
}

func writeFlags(w io.Writer, records []davit.FlagRecord) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(w, "No flag yet.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FLAG\tTYPE\tENVIRONMENTS\tREVISION\tOWNER\tDESCRIPTION")
	for _, r := range records {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", printable(r.Flag.Key), r.Flag.Type, environmentsText(r.Flag), r.Revision,
			printable(orDash(r.Flag.Owner)), printable(orDash(r.Flag.Description)))
	}
	return table.Flush()
}

// environmentsText tells in a line what a flag serves where.
func environmentsText(f davit.Flag) string {
	var parts []string
	for _, name := range environmentNames(f) {
		parts = append(parts, name+": "+printable(settingsText(f.Environments[name])))
	}
	return orDash(strings.Join(parts, ", "))
}

func environmentNames(f davit.Flag) []string {
	names := make([]string, 0, len(f.Environments))
	for name := range f.Environments {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// settingsText tells what those get whom no target and no rule names.
func settingsText(s davit.FlagSettings) string {
	if !s.Enabled {
		return "off"
	}
	return "on, " + serveText(s.Default)
}

func serveText(s davit.FlagServe) string {
	switch {
	case s.Split != nil:
		return splitText(*s.Split)
	case s.Variant != "":
		return s.Variant
	default:
		return "the application's default"
	}
}

// splitText tells the shares by variant: "on 5 %, off 95 %".
func splitText(s davit.FlagSplit) string {
	weights := map[string]int{}
	var order []string
	for _, share := range s.Shares {
		if _, seen := weights[share.Variant]; !seen {
			order = append(order, share.Variant)
		}
		weights[share.Variant] += share.Weight
	}
	parts := make([]string, 0, len(order))
	for _, variant := range order {
		percent := strconv.FormatFloat(float64(weights[variant])*100/float64(max(s.Total(), 1)), 'f', -1, 64)
		parts = append(parts, variant+" "+percent+" %")
	}
	return strings.Join(parts, ", ")
}
