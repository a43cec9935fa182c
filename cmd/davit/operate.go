package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (a *app) abortCommand() *cobra.Command {
	return a.operate("abort", "Haul the rollout under way back, or take a queued one out of the queue", "is aborted")
}

func (a *app) abandonCommand() *cobra.Command {
	return a.operate("abandon", "Give up hauling back, and leave everything as it stands", "is abandoned as it stands")
}

func (a *app) pauseCommand() *cobra.Command {
	return a.operate("pause", "Keep the rollout in its present stage", "is paused; gates and the deadline still can haul it back")
}

func (a *app) resumeCommand() *cobra.Command {
	return a.operate("resume", "Let a paused rollout go on", "goes on")
}

func (a *app) promoteCommand() *cobra.Command {
	return a.operate("promote", "Skip the remaining bake time of the present stage", "skips the bake time of its stage")
}

// operate returns a command that says one word to the rollout under way.
func (a *app) operate(kind, short, done string) *cobra.Command {
	var (
		reason, id string
		force      bool
	)
	cmd := &cobra.Command{
		Use: kind + " ENVIRONMENT", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.target(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			rollout, err := c.Command(cmd.Context(), application, args[0], api.Command{Kind: kind, Rollout: id, Force: force, Reason: reason})
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(rollout)
			}
			_, err = fmt.Fprintf(a.stdout, "%s/%s: %s %s (rollout %s)\n", application, args[0], title(rollout), done, rollout.ID)
			return err
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &reason, kind == "abort" || kind == "abandon")
	cmd.Flags().StringVar(&id, "rollout", "", "ID of the rollout that is meant (default the one under way)")
	switch kind {
	case "abort":
		addForceFlag(cmd, &force)
	case "promote":
		cmd.Flags().BoolVar(&force, "force", false, "give a blocked rollout all traffic, though it did not pass")
	}
	return cmd
}

func addForceFlag(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVar(force, "force", false, "go back past a hook that contracted data, though the old release may not live with it")
}

// addReasonFlag adds the flag that says why; what takes something away that
// serves, or was about to, must say.
func (a *app) addReasonFlag(cmd *cobra.Command, reason *string, required bool) {
	cmd.Flags().StringVar(reason, "reason", "", "why, for the audit log")
	if required {
		cmd.Use += " --reason WHY"
		_ = cmd.MarkFlagRequired("reason") // it is defined above
	}
}

// title says what a rollout is about: "deploy of v2".
func title(r *davit.Rollout) string {
	if r.Plan.Target == "" {
		return string(r.Kind)
	}
	return fmt.Sprintf("%s of %s", r.Kind, r.Plan.Target.Short())
}

func (a *app) rollbackCommand() *cobra.Command {
	var (
		reason, to string
		force      bool
		detach     bool
	)
	cmd := &cobra.Command{
		Use:   "rollback ENVIRONMENT",
		Short: "Go back to an earlier release",
		Long: `Go back to the release that served before, with its artifacts and its
configuration, and show how it goes. While a rollout is under way or watched,
going back hauls it back; afterwards it is a rollout of its own.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, application, err := a.target(ctx, args[0])
			if err != nil {
				return err
			}
			rollout, err := c.Rollback(ctx, application, args[0], api.Rollback{To: to, Force: force, Reason: reason})
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
	addForceFlag(cmd, &force)
	cmd.Flags().StringVar(&to, "to", "", "version or release ID to go back to (default the one before)")
	cmd.Flags().BoolVar(&detach, "detach", false, "print the rollout's ID and return at once")
	return cmd
}

func (a *app) downCommand() *cobra.Command {
	var (
		reason string
		detach bool
	)
	cmd := &cobra.Command{
		Use:   "down ENVIRONMENT",
		Short: "Run nothing any more",
		Long:  `Stop serving, let the requests in flight end, and stop all instances of an environment.`,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, application, err := a.target(ctx, args[0])
			if err != nil {
				return err
			}
			rollout, err := c.Down(ctx, application, args[0], api.Down{Reason: reason})
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
	cmd.Flags().BoolVar(&detach, "detach", false, "print the rollout's ID and return at once")
	return cmd
}
