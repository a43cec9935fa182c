package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/demo"
)

func (a *app) demoCommand() *cobra.Command {
	var rate float64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch deployments of an example under live traffic",
		Long: `Build an example application, deploy it as a user would, and measure what its
users notice: a blue-green, a canary and a rolling deployment, a release that
never becomes ready, and one that starts failing under traffic.

The demo needs a Go toolchain, and nothing else: it brings the source along. It
runs in a temporary folder with a server of its own, takes about half a minute,
and leaves nothing behind. It fails if a request was lost, or a bad release was
not hauled back.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding the program to demonstrate: %w", err)
			}
			options := demo.Options{Davit: self, Rate: rate, Progress: a.stdout}
			if a.json() {
				options.Progress = a.stderr
			}
			report, err := demo.Run(cmd.Context(), options)
			if err != nil {
				return err
			}
			if a.json() {
				err = a.writeJSON(report)
			} else {
				err = report.WriteText(a.stdout)
			}
			if err == nil && !report.Passed() {
				return outcome(exitFailed)
			}
			return err
		},
	}
	cmd.Flags().Float64Var(&rate, "rate", 500, "requests a second")
	return cmd
}
