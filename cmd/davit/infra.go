package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/infra"
)

// newInfraCommand returns "davit infra", which looks at the infrastructure that
// Davit deploys to, as it is written down.
func newInfraCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "infra",
		Short: "Check the infrastructure's files",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newInfraCheckCommand())
	return cmd
}

func newInfraCheckCommand() *cobra.Command {
	var plan string
	cmd := &cobra.Command{
		Use:   "check [FOLDER]",
		Short: "Check Terraform's files without the cloud",
		Long: `Check a root module of Terraform, infra/terraform by default, without the cloud:
formatted (terraform fmt), modules and providers come together (terraform init,
without its backend), valid (terraform validate), and its tests pass (terraform
test). It needs Terraform ` + infra.Oldest + ` or later, and asks the registry for providers that
are not there yet. Where ../bicep/main.bicep is beside the folder, it is compiled by
bicep or az bicep; without either, the report says that it was not.

A plan is judged by the policies in ../policy, which are in Rego: --plan names its
file, as terraform plan -out or terraform show -json writes it. They are evaluated by
opa, or where that is not installed by Go and the module ../validate, which takes a
minute the first time. Without --plan, the report says that they were not run.

The exit code is 1 when something is wrong, 5 when Terraform is not installed, or
when there is a plan and neither opa nor Go.`,
		Example: "  davit infra check\n  davit infra check --plan infra/terraform/staging.plan\n  davit infra check platform/terraform --output json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := "infra/terraform"
			if len(args) > 0 {
				folder = args[0]
			}
			report, err := checkInfra(cmd.Context(), folder, plan)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd.OutOrStdout(), struct {
					infra.Report
					OK bool `json:"ok"`
				}{report, report.OK()})
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), tellInfra(report))
			}
			if err != nil {
				return fmt.Errorf("printing the report: %w", err)
			}
			if !report.OK() {
				return outcome(exitFailed)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&plan, "plan", "", "`file` of a plan to be judged by the policies")
	return cmd
}

// checkInfra checks a folder, with errors for people.
func checkInfra(ctx context.Context, folder, plan string) (infra.Report, error) {
	report, err := infra.Check(ctx, folder, plan)
	switch {
	case errors.Is(err, infra.ErrNoTerraform):
		err = &davit.Error{
			Code:    davit.CodeUnavailable,
			Message: "terraform is not installed, so nothing was checked",
			Hint:    "install Terraform " + infra.Oldest + " or later, and have it in PATH",
			Err:     err,
		}
	case errors.Is(err, infra.ErrNoJudge):
		err = &davit.Error{
			Code:    davit.CodeUnavailable,
			Message: "neither opa nor Go with infra/validate is there, so the plan was not judged",
			Hint:    "install opa (https://www.openpolicyagent.org/docs) or Go, and have it in PATH",
			Err:     err,
		}
	case errors.Is(err, infra.ErrNoPlan):
		err = &davit.Error{
			Code:    davit.CodeInvalid,
			Message: "there is no plan " + plan,
			Hint:    "save one: terraform plan -out=FILE",
			Err:     err,
		}
	case errors.Is(err, fs.ErrNotExist):
		err = &davit.Error{
			Code:    davit.CodeInvalid,
			Message: "there is no Terraform in " + folder,
			Hint:    "name the folder of the root module: davit infra check FOLDER",
			Err:     err,
		}
	}
	return report, err
}

// tellInfra returns a report for people.
func tellInfra(r infra.Report) string {
	var b strings.Builder
	for _, s := range r.Steps {
		word := "ok"
		switch {
		case s.Skipped:
			word = "skipped"
		case !s.OK:
			word = "failed"
		}
		line := fmt.Sprintf("%-9s  %-7s  %s", s.Name, word, printable(s.Detail))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		for _, p := range s.Problems {
			fmt.Fprintf(&b, "    %s\n", printable(p))
		}
	}
	return b.String()
}
