package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit/internal/config"
)

// newConfigCommand returns "davit config", which checks davit.yaml without
// touching anything that runs.
func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check davit.yaml, or print its JSON Schema",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newConfigValidateCommand(), newConfigSchemaCommand())
	return cmd
}

func newConfigSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of davit.yaml, for editors",
		Example: "  davit config schema > davit.schema.json\n  # first line of davit.yaml:\n  # yaml-language-server: $schema=davit.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := cmd.OutOrStdout().Write(config.Schema()); err != nil {
				return fmt.Errorf("printing the schema: %w", err)
			}
			return nil
		},
	}
}

// configValidation is what "davit config validate" answers with --output json.
type configValidation struct {
	File         string          `json:"file"`
	Valid        bool            `json:"valid"`
	Application  string          `json:"application,omitempty"`
	Services     []string        `json:"services,omitempty"`
	Environments []string        `json:"environments,omitempty"`
	Hints        []string        `json:"hints,omitempty"`
	Problems     config.Problems `json:"problems,omitempty"`
}

func newConfigValidateCommand() *cobra.Command {
	var path, environment, version string
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check davit.yaml, for one environment or all",
		Long: "Check davit.yaml, for one environment or all. With --version the files that the version\n" +
			"needs (artifacts, declared files, certificates) have to be there too.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := validateConfig(path, environment, version)
			problems, found := errors.AsType[config.Problems](err)
			if err != nil && !found {
				return err
			}
			result.Problems = problems
			if output := cmd.Flag("output"); output != nil && output.Value.String() == "json" {
				return errors.Join(result.printJSON(cmd.OutOrStdout()), err)
			}
			if err != nil {
				return err
			}
			return result.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVarP(&path, "file", "f", "davit.yaml", "the configuration")
	cmd.Flags().StringVar(&environment, "environment", "", "check this environment only")
	cmd.Flags().StringVar(&version, "version", "", "check that the files of this version are there")
	return cmd
}

// validateConfig checks the file. A file that is wrong gives config.Problems.
func validateConfig(path, environment, version string) (configValidation, error) {
	result := configValidation{File: path}
	file, err := config.Load(path, checkVerifier())
	if err != nil {
		return result, err
	}
	environments := file.Environments
	if environment != "" {
		if err := file.Has(environment); err != nil {
			return result, err
		}
		environments = []string{environment}
	}
	if version != "" {
		if err := resolveAll(file, environments, version); err != nil {
			return result, err
		}
	}
	result.Valid, result.Application, result.Hints = true, file.Application, file.Hints
	result.Services, result.Environments = file.Services, environments
	return result, nil
}

// resolveAll resolves a version for several environments and returns the
// problems of all.
func resolveAll(file *config.File, environments []string, version string) error {
	var all config.Problems
	for _, environment := range environments {
		_, err := file.Resolve(environment, version)
		problems, found := errors.AsType[config.Problems](err)
		if err != nil && !found {
			return err
		}
		for _, p := range problems {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

func (v configValidation) print(w io.Writer) error {
	counted := func(things []string, name string) string {
		if len(things) == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", len(things), name)
	}
	text := fmt.Sprintf("%s is valid: %s, %s\n", v.File, counted(v.Services, "service"), counted(v.Environments, "environment"))
	for _, hint := range v.Hints {
		text += "hint: " + hint + "\n"
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("printing the answer: %w", err)
	}
	return nil
}

func (v configValidation) printJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("printing the answer: %w", err)
	}
	return nil
}
