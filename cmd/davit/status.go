package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/engine"
)

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status [ENVIRONMENT]",
		Short: "Show how an environment is, or list all",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) == 0 {
				return a.listEnvironments(ctx)
			}
			c, application, err := a.target(ctx, args[0])
			if err != nil {
				return err
			}
			status, err := c.Status(ctx, application, args[0])
			if err != nil {
				return err
			}
			if watch && status.Rollout != nil && !status.Rollout.Phase.Ended() {
				return a.watch(ctx, c, status.Rollout)
			}
			if a.json() {
				return a.writeJSON(status)
			}
			_, err = fmt.Fprint(a.stdout, statusText(status))
			return err
		},
	}
	a.addPlaceFlags(cmd)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show the rollout under way until it ends")
	return cmd
}

// watch shows a rollout until it ends; its rollback window is part of it.
func (a *app) watch(ctx context.Context, c *client.Client, r *davit.Rollout) error {
	f := &follower{view: a.newView(), rollout: r, toEnd: true}
	if err := f.run(ctx, c); err != nil {
		if ctx.Err() != nil {
			return outcome(exitDetached)
		}
		return err
	}
	return f.view.end(f.rollout)
}

func (a *app) listEnvironments(ctx context.Context) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := c.Environments(ctx)
	if err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(list)
	}
	if len(list) == 0 {
		_, err = fmt.Fprintln(a.stdout, "Nothing was deployed yet.")
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "APPLICATION\tENVIRONMENT\tPLATFORM\tSERVES\tBEFORE\tROLLOUT")
	for _, e := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Application, e.Name, e.Platform, orNothing(e.Stable), orNothing(e.Previous), orDash(e.Rollout))
	}
	return table.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// statusText prints how an environment is for people.
func statusText(s *engine.Status) string {
	var b strings.Builder
	e := s.Environment
	fmt.Fprintf(&b, "%s/%s on %s\n", e.Application, e.Name, e.Platform)
	fmt.Fprintf(&b, "serves   %s\n", orNothing(e.Stable))
	fmt.Fprintf(&b, "traffic  %s\n", s.Split)
	if s.Rollout != nil {
		fmt.Fprintf(&b, "rollout  %s, %s\n", s.Rollout.ID, conclusion(s.Rollout))
		if s.Rollout.Measured != nil {
			fmt.Fprintf(&b, "measured %s\n", s.Rollout.Measured)
		}
		if s.Rollout.Phase.Ended() {
			fmt.Fprintf(&b, "receipt  davit receipt show %s\n", s.Rollout.ID)
		}
	}
	if s.Rollout != nil && waitText(s.Rollout) != "" {
		fmt.Fprintf(&b, "waiting  %s\n", printable(waitText(s.Rollout)))
	}
	if len(s.Instances) > 0 {
		b.WriteString("\n")
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "INSTANCE\tRELEASE\tSERVICE\tCONDITION\tADDRESS\tRESTARTS\tMEMORY\tCPU")
		for _, i := range s.Instances {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", i.ID, i.Release.Short(), i.Service, conditionText(i),
				orDash(i.Address), i.Restarts, bytesText(i.Usage.MemoryBytes), i.Usage.CPU.D().Round(time.Millisecond))
		}
		_ = table.Flush() // a builder takes everything
	}
	for _, t := range s.Troubles {
		fmt.Fprintf(&b, "\ncannot be seen: %s\n", printable(t))
	}
	return b.String()
}

func conditionText(i davit.Instance) string {
	if i.Reason == "" {
		return string(i.Condition)
	}
	return string(i.Condition) + " (" + printable(i.Reason) + ")"
}

// bytesText formats a size with a unit that suits it.
func bytesText(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	case n < 10<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d GiB", n>>30)
}
