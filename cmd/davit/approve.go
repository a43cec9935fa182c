package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/client"
)

func (a *app) approveCommand() *cobra.Command {
	return a.answer("approve", "Approve what a rollout waits for", "is approved by you")
}

func (a *app) rejectCommand() *cobra.Command {
	return a.answer("reject", "Reject what a rollout waits for, and haul it back", "is rejected and hauled back")
}

// answer returns a command that answers a rollout that waits for people. What
// it waited for when this looked is what the answer is for.
func (a *app) answer(kind, short, done string) *cobra.Command {
	var reason, id string
	cmd := &cobra.Command{
		Use: kind + " [ENVIRONMENT]", Short: short, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, r, err := a.waiting(ctx, args, id)
			if err != nil {
				return err
			}
			r, err = c.Command(ctx, r.Application, r.Environment, api.Command{Kind: kind, Rollout: r.ID, Stage: &r.Stage, Reason: reason})
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(r)
			}
			_, err = fmt.Fprintf(a.stdout, "%s/%s: %s %s: %s (rollout %s)\n", r.Application, r.Environment, title(r), done, r.Plan.Stages[r.Stage].Name, r.ID)
			return err
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &reason, kind == "reject")
	cmd.Flags().StringVar(&id, "rollout", "", "ID of the rollout that is meant (default the one under way)")
	return cmd
}

// waiting returns the rollout that is named, or the one under way in the
// environment that is.
func (a *app) waiting(ctx context.Context, args []string, id string) (*client.Client, *davit.Rollout, error) {
	if len(args) == 0 {
		if id == "" {
			return nil, nil, usageError(fmt.Errorf("name the environment, or the rollout with --rollout"))
		}
		c, err := a.client()
		if err != nil {
			return nil, nil, err
		}
		r, err := c.Rollout(ctx, id)
		return c, r, err
	}
	c, application, err := a.target(ctx, args[0])
	if err != nil {
		return nil, nil, err
	}
	status, err := c.Status(ctx, application, args[0])
	if err != nil {
		return nil, nil, err
	}
	r := status.Rollout
	if r == nil || id != "" && r.ID != id {
		return nil, nil, &davit.Error{
			Code: davit.CodeConflict, Message: strings.TrimSpace(fmt.Sprintf("%s/%s has no rollout %s under way", application, args[0], id)),
			Hint: "davit status " + args[0] + " shows what runs",
		}
	}
	return c, r, nil
}

// waitText says what a rollout waits for that somebody has to do; "" when it
// waits for nobody.
func waitText(r *davit.Rollout) string {
	if r.Phase != davit.Running || !r.Plan.Stages[r.Stage].OffClock() {
		return ""
	}
	for _, g := range r.Plan.Stages[r.Stage].Gates {
		if !g.OffClock {
			continue
		}
		for _, v := range r.Verdicts {
			if v.Gate == g.Name {
				return r.Plan.Stages[r.Stage].Name + ": " + v.Reason
			}
		}
	}
	return ""
}
