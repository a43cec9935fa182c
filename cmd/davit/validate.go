package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/azure"
	"github.com/davit-dev/davit/internal/config"
	"github.com/davit-dev/davit/internal/validation"
)

// validateOptions are the flags of davit validate.
type validateOptions struct {
	environment, url, version   string
	checks, categories, without []string
	list, candidate, evidence   bool
	output                      string
}

// The forms of davit validate's report.
const (
	outputText   = "text"
	outputJSON   = "json"
	outputJUnit  = "junit"
	outputGitHub = "github"
)

func (a *app) validateCommand() *cobra.Command {
	var o validateOptions
	cmd := &cobra.Command{
		Use:   "validate [ENVIRONMENT]",
		Short: "Check that what runs is what it should be",
		Long: `Run the validation suite against an environment (its front door, its instances,
and stable beside the candidate) or against any URL. It changes nothing.

With --url the application is asked there and nowhere else; the name of an
environment then stands for its settings in davit.yaml.

The exit code is 1 when a required check failed or could not be told.`,
		Example: "  davit validate staging\n  davit validate --url https://shop.example.org --output junit > report.xml\n  davit validate --list",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.environment = args[0]
			}
			return a.validate(cmd.Context(), o)
		},
	}
	a.addPlaceFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.url, "url", "", "validate this URL")
	flags.StringVar(&o.version, "version", "", "version that should answer (default that of the environment)")
	flags.BoolVar(&o.candidate, "candidate", false, "validate the candidate of the rollout under way, not what serves")
	flags.StringSliceVar(&o.checks, "checks", nil, "run these checks only, by ID")
	flags.StringSliceVar(&o.categories, "category", nil, "run the checks of these categories only")
	flags.StringSliceVar(&o.without, "without", nil, "leave out these checks, by ID or category")
	flags.BoolVar(&o.list, "list", false, "print all checks and what they prove")
	flags.BoolVar(&o.evidence, "evidence", false, "print the evidence of what passed too")
	flags.StringVarP(&o.output, "output", "o", outputText, "text, json, junit or github")
	return cmd
}

func (a *app) validate(ctx context.Context, o validateOptions) error {
	if !slices.Contains([]string{outputText, "table", outputJSON, outputJUnit, outputGitHub}, o.output) {
		return &davit.Error{Code: davit.CodeInvalid, Message: "there is no output " + o.output, Hint: "use --output text, json, junit or github"}
	}
	if o.list {
		return a.listChecks(o.output == outputJSON)
	}
	here := newClusters("", azure.New(azure.Environment(os.Getenv), nil, time.Now), slog.New(slog.DiscardHandler))
	defer here.Close() //nolint:errcheck // nothing was changed
	target, gates, err := a.validationTarget(ctx, o, here)
	if err != nil {
		return err
	}
	params, err := o.params(gates)
	if err != nil {
		return err
	}
	suite, err := validation.New(params)
	if err != nil {
		return err
	}
	if err := validation.Reach(ctx, target); err != nil {
		return err
	}
	report, err := suite.Run(ctx, target)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := a.writeReport(report, o); err != nil {
		return err
	}
	if report.Verdict() != davit.Pass {
		return outcome(exitFailed)
	}
	return nil
}

// params returns the parameters of the environment's first validation gate,
// with what the flags choose in place of its own choice.
func (o validateOptions) params(gates []davit.Gate) (davit.ValidationParams, error) {
	var p davit.ValidationParams
	for _, g := range gates {
		if g.Kind == davit.GateValidation {
			if err := decodeParams(g, &p); err != nil {
				return p, err
			}
			break
		}
	}
	if chosen := slices.Concat(o.checks, o.categories); len(chosen) > 0 {
		p.Checks, p.Without = chosen, nil
	}
	p.Without = append(p.Without, o.without...)
	return p, nil
}

// checkVerifier verifies the checks that a davit.yaml names.
func checkVerifier() config.CheckVerifier {
	return config.CheckVerifier{Name: validation.VerifyName, Settings: validation.Verify}
}

func (a *app) writeReport(r *validation.Report, o validateOptions) error {
	switch o.output {
	case outputJSON:
		return a.writeJSON(r)
	case outputJUnit:
		return r.WriteJUnit(a.stdout)
	case outputGitHub:
		return a.writeGitHub(r)
	}
	return r.WriteText(a.stdout, o.evidence)
}

// writeGitHub writes annotations, and the summary of the job where GitHub's
// runner has a place for it.
func (a *app) writeGitHub(r *validation.Report) (err error) {
	if err := r.WriteAnnotations(a.stdout); err != nil {
		return err
	}
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	summary, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the job's summary: %w", err)
	}
	defer func() {
		if closeErr := summary.Close(); err == nil {
			err = closeErr
		}
	}()
	return r.WriteMarkdown(summary)
}

func (a *app) listChecks(asJSON bool) error {
	if asJSON {
		return a.writeJSON(validation.List())
	}
	var b strings.Builder
	category := validation.Category("")
	for _, c := range validation.List().Checks {
		if c.Category != category {
			category = c.Category
			fmt.Fprintf(&b, "\n%s\n", category)
		}
		fmt.Fprintf(&b, "  %-28s %-9s %s\n", c.ID, c.Severity, c.Proves)
	}
	_, err := fmt.Fprint(a.stdout, strings.TrimPrefix(b.String(), "\n"))
	return err
}
