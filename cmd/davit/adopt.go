package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/api"
)

func (a *app) adoptCommand() *cobra.Command {
	var (
		reason string
		yes    bool
	)
	cmd := &cobra.Command{
		Use:   "adopt ENVIRONMENT VERSION",
		Short: "Take over an application that runs on the cluster already",
		Long: `Take over an application that runs on a cluster as a plain Deployment, Service and
HTTPRoute, without losing a request: the same pods run beside those that serve, as the
release VERSION, take over at the Gateway, and the plain Deployment and HTTPRoute are
deleted. The next davit deploy is a rollout from that release.

Without --yes it only shows what it would do. What cannot be taken over as it is, is
refused, and nothing is changed. An interrupted one goes on by itself; running it again
waits for its end.`,
		Example: `  davit adopt production v1
  davit adopt production v1 --yes --reason "from now on by Davit"`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			resolved, err := a.resolve(args[0], args[1])
			if err != nil {
				return err
			}
			c, err := a.connect(ctx)
			if err != nil {
				return err
			}
			adoption := api.Adoption{Deployment: deployment(resolved, args[1]), Plan: true}
			adoption.Reason = reason
			adopted, err := c.Adopt(ctx, resolved.Application, resolved.Environment, adoption)
			if err != nil {
				return err
			}
			if !a.json() {
				writeAdoption(a.stdout, adopted)
				a.notes(adopted.Notes)
			}
			if yes {
				adoption.Plan = false
				if adopted, err = c.Adopt(ctx, resolved.Application, resolved.Environment, adoption); err != nil {
					return err
				}
			}
			switch {
			case a.json():
				return a.writeJSON(adopted)
			case yes:
				_, err = fmt.Fprintf(a.stdout, "%s serves in %s\n", adopted.Release.Short(), resolved.Environment)
			case len(adopted.Steps) > 0:
				a.notes([]string{"nothing was changed: add --yes to do it"})
			}
			return err
		},
	}
	a.addConfigFlag(cmd)
	a.addReasonFlag(cmd, &reason, false)
	cmd.Flags().BoolVar(&yes, "yes", false, "do it, instead of only showing what would be done")
	return cmd
}

// writeAdoption writes what adopting does.
func writeAdoption(w io.Writer, adopted *api.Adopted) {
	if len(adopted.Steps) == 0 {
		fmt.Fprintln(w, "Nothing is left to be taken over")
	}
	for i, step := range adopted.Steps {
		fmt.Fprintf(w, "%d. %s\n", i+1, step)
	}
}
