package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
)

const helloYAML = `application: hello
services:
  web:
    command: ./hello
    artifact: build/${version}/hello
    probes: {readiness: {http: /healthz}}
environments:
  local:
    listen: [":8080"]
    gates: [{errors: {max: 1%}}]
  remote:
    listen: [":8080"]
`

// runConfig runs "davit config" with arguments, beside a davit.yaml.
func runConfig(t *testing.T, yaml string, args ...string) (string, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("davit.yaml", []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := &cobra.Command{Use: "davit", SilenceErrors: true, SilenceUsage: true}
	cmd.PersistentFlags().StringP("output", "o", "text", "")
	cmd.AddCommand(newConfigCommand())
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs(append([]string{"config"}, args...))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestConfigValidate(t *testing.T) {
	out, err := runConfig(t, helloYAML, "validate")
	if err != nil {
		t.Fatal(err)
	}
	want := "davit.yaml is valid: 1 service, 2 environments\nhint: environment remote has no gates"
	if !strings.HasPrefix(out, want) {
		t.Errorf("output is\n%s\nwant\n%s…", out, want)
	}
}

func TestConfigValidateWrong(t *testing.T) {
	wrong := strings.Replace(helloYAML, "artifact", "artefact", 1)
	out, err := runConfig(t, wrong, "validate")
	if davit.ErrorCode(err) != davit.CodeInvalid || out != "" {
		t.Errorf("validate = %q, %v", out, err)
	}
	if !strings.Contains(err.Error(), "davit.yaml:5:5: a service has no key \"artefact\"") || !strings.Contains(err.Error(), `did you mean "artifact"?`) {
		t.Errorf("the error is\n%v", err)
	}

	out, err = runConfig(t, wrong, "validate", "-o", "json")
	if davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("the error is %v", err)
	}
	var got struct {
		Valid    bool
		Problems []config.Problem
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Valid || len(got.Problems) != 1 || got.Problems[0].Line != 5 || got.Problems[0].Column != 5 {
		t.Errorf("output is\n%s", out)
	}
}

func TestConfigValidateVersion(t *testing.T) {
	_, err := runConfig(t, helloYAML, "validate", "--version", "v1")
	problems, ok := errors.AsType[config.Problems](err)
	if !ok || len(problems) != 1 || problems[0].Line != 5 {
		t.Fatalf("validate without the artifact: %v", err)
	}
	if !strings.Contains(problems[0].Message, filepath.Join("build", "v1", "hello")) {
		t.Errorf("the message does not name the file: %s", problems[0].Message)
	}
}

func TestConfigValidateRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--environment loca", `has no environment "loca"`},
		{"-f other.yaml", "cannot read the configuration other.yaml"},
		{"--version a/b", "is no version"},
	} {
		_, err := runConfig(t, helloYAML, append([]string{"validate"}, strings.Fields(c.args)...)...)
		if davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("validate %s: %v, want %q", c.args, err, c.want)
		}
	}
}

func TestConfigSchema(t *testing.T) {
	out, err := runConfig(t, helloYAML, "schema")
	if err != nil {
		t.Fatal(err)
	}
	if out != string(config.Schema()) {
		t.Error("schema prints something else than the schema")
	}
}
