package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/engine"
)

func (a *app) deployCommand() *cobra.Command {
	var (
		reason        string
		queue, detach bool
		override      bool
	)
	cmd := &cobra.Command{
		Use:   "deploy ENVIRONMENT [VERSION]",
		Short: "Roll out a release",
		Long: `Roll out a version of the application in davit.yaml to one of its environments,
and show how it goes. The command returns when the release is promoted (the
server watches it further for the rollback window), hauled back, or failed.

Without a version the latest release of davit release is offered, by its tag in
git; where nobody can be asked, the command says what it would be and ends.

Ctrl-C ends the command, not the rollout. When no server runs on this machine
and none is named, one is started.`,
		Example: `  davit deploy staging v2
  davit deploy production v2 --reason "new checkout" --detach`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			version := strings.Join(args[1:], "")
			if version == "" {
				var err error
				if version, err = a.offered(ctx, args[0]); err != nil {
					return err
				}
			}
			resolved, err := a.resolve(args[0], version)
			if err != nil {
				return err
			}
			c, err := a.connect(ctx)
			if err != nil {
				return err
			}
			request := deployment(resolved, version)
			request.Reason, request.Queue, request.OverrideFreeze = reason, queue, override
			proposal, err := c.Deploy(ctx, resolved.Application, resolved.Environment, request)
			if err != nil {
				return err
			}
			if detach {
				return a.detached(proposal.Rollout, proposal.Notes)
			}
			a.notes(append(resolved.Hints, proposal.Notes...))
			return a.follow(ctx, c, proposal.Rollout)
		},
	}
	a.addConfigFlag(cmd)
	a.addReasonFlag(cmd, &reason, false)
	cmd.Flags().BoolVar(&queue, "queue", false, "wait for a rollout under way, or for the end of a freeze, instead of being refused")
	cmd.Flags().BoolVar(&override, "override-freeze", false, "deploy though the environment is frozen; needs --reason")
	cmd.Flags().BoolVar(&detach, "detach", false, "print the rollout's ID and return at once")
	return cmd
}

func (a *app) addConfigFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.file, "file", "f", "", "the application's configuration (default davit.yaml)")
}

// resolve reads the configuration for an environment and version.
func (a *app) resolve(environment, version string) (*config.Resolved, error) {
	f, err := config.Load(cmp.Or(a.file, defaultFile), checkVerifier())
	if err != nil {
		return nil, err
	}
	return f.Resolve(environment, version)
}

func deployment(r *config.Resolved, version string) api.Deployment {
	return api.Deployment{Platform: r.Platform, Site: r.Site, Version: version, Config: r.Config, Policy: r.Policy}
}

// notes writes things to know beside what a command prints.
func (a *app) notes(notes []string) {
	for _, note := range notes {
		fmt.Fprintln(a.stderr, "note: ", note)
	}
}

// detached prints the rollout that goes on without the command.
func (a *app) detached(r *davit.Rollout, notes []string) error {
	a.notes(notes)
	if a.json() {
		return a.writeJSON(r)
	}
	_, err := fmt.Fprintln(a.stdout, r.ID)
	return err
}

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan ENVIRONMENT VERSION",
		Short: "Show what a deployment would do",
		Long: `Show the stages that a deployment would go through: what each runs and routes,
its gates, and the longest time that it can take. Nothing is changed.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			proposal, hints, err := a.propose(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(proposal)
			}
			_, err = fmt.Fprint(a.stdout, planText(proposal))
			a.notes(append(hints, proposal.Notes...))
			return err
		},
	}
	a.addConfigFlag(cmd)
	return cmd
}

func (a *app) propose(ctx context.Context, environment, version string) (*engine.Proposal, []string, error) {
	resolved, err := a.resolve(environment, version)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	proposal, err := c.Plan(ctx, resolved.Application, resolved.Environment, deployment(resolved, version))
	return proposal, resolved.Hints, err
}
