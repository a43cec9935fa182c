package main

import (
	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/api"
)

func (a *app) disownCommand() *cobra.Command {
	var (
		reason string
		detach bool
	)
	cmd := &cobra.Command{
		Use:   "disown ENVIRONMENT",
		Short: "Leave an application running on the cluster without Davit",
		Long: `Leave what serves in an environment on a cluster running as a plain Deployment,
Service and HTTPRoute, without losing a request: the same pods run beside Davit's, take
over at the Gateway, and Davit's are taken down. The environment then runs nothing, as
far as Davit knows, and davit adopt or other tools can have the plain objects.`,
		Example: `  davit disown production --reason "moves to another team"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, application, err := a.target(ctx, args[0])
			if err != nil {
				return err
			}
			rollout, err := c.Disown(ctx, application, args[0], api.Down{Reason: reason})
			if err != nil {
				return err
			}
			if detach {
				return a.detached(rollout, nil)
			}
			return a.follow(ctx, c, rollout)
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &reason, true)
	cmd.Flags().BoolVar(&detach, "detach", false, "print the rollout's ID and return when the plain objects serve")
	return cmd
}
