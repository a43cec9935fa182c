package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (a *app) flagRampCommand() *cobra.Command {
	var (
		r              davit.FlagRamp
		steps          []string
		bake, patience time.Duration
		maxErrors      string
		detach         bool
		gates          rampGates
	)
	cmd := &cobra.Command{
		Use: "ramp KEY", Short: "Serve a variant to a growing share of the users, for as long as it does no harm", Args: cobra.ExactArgs(1),
		Long: `Serve a variant to a growing share of the users. A ramp is a rollout like any
other, of the environment ENVIRONMENT:KEY: davit status, pause, resume, promote
and abort take that name.

Each step is judged for its bake time by the outcomes of the variant: what
applications report (davit flag outcome, or the API), or what a Prometheus has
counted. When one fails too often, or more often than what the others get, the
flag is turned off (--on-harm origin: it serves what it served before). One that
nothing is known of, or that is aborted, is hauled back to what the flag served
before. --notify URL is told of both, and why. Whoever turns the flag off meanwhile, or changes what
it serves, ends the ramp, and the flag stays as they left it.

Ctrl-C ends the command, not the ramp.`,
		Example: "davit flag ramp checkout-v2 -e production --steps 5,25,50,100 --bake 10m\n" +
			"davit flag ramp colour -e production --to red --from blue --max-errors 2% --notify https://example.org/ramps",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx := cmd.Context()
			r.Bake, r.Patience = davit.Duration(bake), davit.Duration(patience)
			if err := gates.into(a, &r); err != nil {
				return err
			}
			if r.Steps, err = rampSteps(steps); err != nil {
				return usageError(err)
			}
			if r.MaxErrors, err = share(maxErrors); err != nil {
				return usageError(fmt.Errorf("--max-errors: %w", err))
			}
			c, application, err := a.flagTarget(ctx)
			if err != nil {
				return err
			}
			proposal, err := c.RampFlag(ctx, application, args[0], r)
			if err != nil {
				return err
			}
			if detach {
				return a.detached(proposal.Rollout, proposal.Notes)
			}
			return a.follow(ctx, c, proposal.Rollout)
		},
	}
	a.addPlaceFlags(cmd)
	a.addReasonFlag(cmd, &r.Reason, false)
	addEnvironmentFlag(cmd, &r.Environment)
	flags := cmd.Flags()
	flags.StringSliceVar(&steps, "steps", []string{"5", "25", "50", "100"}, "percentages of the users, ascending up to 100")
	flags.DurationVar(&bake, "bake", 5*time.Minute, "how long each step is judged")
	flags.DurationVar(&patience, "patience", 5*time.Minute, "how long a step waits for outcomes after its bake")
	flags.StringVar(&r.To, "to", "", "variant that is ramped up (default the one of a boolean flag that is true)")
	flags.StringVar(&r.From, "from", "", "variant for the others (default what everybody gets now)")
	flags.StringVar(&r.By, "by", "", "attribute that users are told apart by (default the targeting key)")
	flags.StringVar(&maxErrors, "max-errors", "1%", "share of failures that hauls back at once")
	flags.Int64Var(&r.MinRequests, "min-requests", 100, "how many outcomes of the variant each step takes at least")
	flags.StringVar(&r.Source.Prometheus, "prometheus", "", "URL of a Prometheus that counts the outcomes, in place of reports")
	flags.StringVar(&r.Source.Requests, "requests", "", "PromQL for the requests that {{version}}, a variant, was served in")
	flags.StringVar(&r.Source.Errors, "errors", "", "PromQL for those of them that failed")
	gates.addTo(flags, &r)
	flags.BoolVar(&detach, "detach", false, "print the rollout's ID and return at once")
	return cmd
}

// rampSteps returns percentages as thousandths.
func rampSteps(texts []string) ([]int, error) {
	steps := make([]int, 0, len(texts))
	for _, text := range texts {
		fraction, err := share(strings.TrimSuffix(text, "%") + "%")
		if err != nil {
			return nil, fmt.Errorf("--steps: %w", err)
		}
		step := math.Round(fraction * davit.Whole)
		if math.Abs(step-fraction*davit.Whole) > 1e-9 {
			return nil, fmt.Errorf("--steps: %s%% is finer than 0.1%%", text)
		}
		steps = append(steps, int(step))
	}
	return steps, nil
}

// share returns a percentage as a fraction, 0 to 1.
func share(text string) (float64, error) {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !strings.HasSuffix(text, "%") || !(percent >= 0 && percent <= 100) {
		return 0, fmt.Errorf("%q is no percentage, such as 1%%", text)
	}
	return percent / 100, nil
}

func (a *app) flagOutcomeCommand() *cobra.Command {
	var (
		environment string
		tally       davit.FlagTally
	)
	cmd := &cobra.Command{
		Use: "outcome KEY", Short: "Report how requests went that a variant was served in", Args: cobra.ExactArgs(1),
		Long: `Report how requests went that a variant of a flag was served in. Ramps of the
flag are judged by that. Applications report to the API themselves, with a server
key: POST /v1/flags/APPLICATION/KEY/outcomes.`,
		Example: "davit flag outcome checkout-v2 --variant on --requests 120 --failures 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, application, err := a.flagTarget(cmd.Context())
			if err != nil {
				return err
			}
			return c.ReportFlagOutcomes(cmd.Context(), application, args[0], api.FlagOutcomes{Environment: environment, Outcomes: []davit.FlagTally{tally}})
		},
	}
	a.addPlaceFlags(cmd)
	addEnvironmentFlag(cmd, &environment)
	cmd.Flags().StringVar(&tally.Variant, "variant", "", "variant that was served")
	cmd.Flags().Int64Var(&tally.Requests, "requests", 0, "how many requests it was served in, since the last report")
	cmd.Flags().Int64Var(&tally.Failures, "failures", 0, "how many of them failed")
	return cmd
}
