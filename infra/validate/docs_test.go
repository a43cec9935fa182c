package validate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shell finds the commands of a page: those that are marked as offline, and those
// that need Azure.
var shell = regexp.MustCompile("(?s)```sh( offline)?\n(.*?)```")

// The page's commands are run where they can be, one after the other in a copy of
// the repository's folders, and are sound shell where they cannot.
func TestCommandsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	var offline, online strings.Builder
	for _, block := range shell.FindAllStringSubmatch(read(t, filepath.Join(infra, "..", "docs", "infrastructure.md")), -1) {
		if block[1] != "" {
			offline.WriteString(block[2])
		} else {
			online.WriteString(block[2])
		}
	}
	if offline.Len() == 0 || online.Len() == 0 {
		t.Fatal("the page has no commands")
	}
	if out, err := bash(t, infra, nil, "-n", "-c", online.String()); err != nil {
		t.Errorf("bash: %v\n%s", err, out)
	}

	dir := t.TempDir()
	for _, folder := range []string{"infra/terraform", "infra/alerts", "infra/policy", "infra/kubernetes", "deploy/kubernetes"} {
		if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(infra, "..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	from, err := initialized()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"DAVIT_CLIENT_ID": "client", "DEPLOY_PRINCIPAL_ID": "principal", "TENANT_ID": "tenant", "VAULT": "kv", "REGISTRY": "cr.azurecr.io",
	}
	environment := []string{"TF_CLI_CONFIG_FILE=" + filepath.Join(string(from), "terraformrc")}
	for name, value := range values {
		environment = append(environment, name+"="+value)
	}
	out, err := bash(t, dir, environment, "-euxc", "davit() { "+tools.davit+" \"$@\"; }\n"+offline.String())
	if err != nil || !strings.Contains(out, "valid      ok") || !strings.Contains(out, "Success!") || !strings.Contains(out, "no plan was given (--plan)") {
		t.Errorf("%v\n%s", err, out)
	}

	schemas := writeSchemas(t)
	for _, name := range []string{"gateway", "davit"} {
		built := build(t, filepath.Join(dir, "infra", "kubernetes", name))
		for word := range values {
			if strings.Contains(built, word) {
				t.Errorf("%s: %s is not filled in", name, word)
			}
		}
		if problems := conform(t, schemas, built); len(problems) > 0 {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

func bash(t *testing.T, dir string, environment []string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "bash", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), tools.azure.environment()...), environment...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
