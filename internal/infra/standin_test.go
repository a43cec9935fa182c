package infra

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test's own program stand in for those that a check runs, when
// it is started by their names.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "terraform":
		os.Exit(standInTerraform(os.Args[1]))
	case "opa", "go":
		os.Exit(standInJudge(name, os.Args[1:]))
	case "bicep", "az":
		os.Exit(standInBicep(name, os.Args[len(os.Args)-1]))
	}
	os.Exit(m.Run())
}

// standIns returns a folder that has the stand-ins, and nothing else.
func standIns(t *testing.T, names ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// standInTerraform behaves as Terraform does with what these tests have in
// main.tf: the same words, on the same stream, with the same exit code.
func standInTerraform(command string) int {
	data, _ := os.ReadFile("main.tf")
	main := string(data)
	tests, _ := os.ReadFile("main.tftest.hcl")
	has := func(text string) bool { return strings.Contains(main, text) }
	switch command {
	case "version":
		version := os.Getenv("STAND_IN_VERSION")
		if version == "" {
			version = "1.11.4"
		}
		fmt.Printf("{\"terraform_version\": %q}\n", version)
	case "fmt":
		switch {
		case strings.HasSuffix(main, "{"):
			fmt.Fprintln(os.Stderr, "Error: Unclosed configuration block")
			return 2
		case has("type="):
			fmt.Println("main.tf")
			return 3
		}
	case "init":
		if has("./none") || strings.HasSuffix(main, "{") {
			fmt.Fprintln(os.Stderr, "Error: Unreadable module directory\n\nUnable to evaluate directory symlink: lstat none: no such file or directory")
			return 1
		}
	case "show":
		// What it saved has the plan behind the first two letters of an archive.
		data, _ := os.ReadFile(os.Args[len(os.Args)-1])
		plan, ok := strings.CutPrefix(string(data), "PK")
		if !ok {
			fmt.Fprintln(os.Stderr, "Error: Failed to read the given file as a state or plan file")
			return 1
		}
		fmt.Println(plan)
	case "validate":
		if has("var.none") {
			fmt.Println(`{"valid": false, "diagnostics": [{"severity": "error", "summary": "Reference to undeclared input variable", "detail": "", "range": {"filename": "main.tf", "start": {"line": 10}}}]}`)
			return 1
		}
		fmt.Println(`{"valid": true, "diagnostics": []}`)
	case "test":
		if strings.Contains(string(tests), `name = "b"`) {
			fmt.Println("main.tftest.hcl... fail\n\nFailure! 0 passed, 1 failed.")
			return 1
		}
		fmt.Println("main.tftest.hcl... pass\n\nSuccess! 1 passed, 0 failed.")
	}
	return 0
}

// standInBicep compiles a template that declares nothing unknown, and says as
// whom on the stream of warnings.
func standInBicep(name, template string) int {
	fmt.Fprintln(os.Stderr, "compiled by "+name)
	data, err := os.ReadFile(template)
	if err != nil || strings.HasPrefix(string(data), "parm ") {
		fmt.Fprintln(os.Stderr, filepath.Base(template)+"(1,1) : Error BCP007: This declaration type is not recognized.")
		return 1
	}
	fmt.Println("{}")
	return 0
}

// standInJudge finds wrong in a plan what the plan itself says, as opa says it and as
// the program judge does.
func standInJudge(name string, args []string) int {
	data, err := io.ReadAll(os.Stdin)
	var plan struct {
		Wrong []map[string]string `json:"wrong"`
	}
	if err != nil || json.Unmarshal(data, &plan) != nil {
		fmt.Fprintln(os.Stderr, "no plan")
		return 1
	}
	policies := args[len(args)-1]
	if name == "opa" {
		policies = args[3]
	}
	if _, err := os.Stat(filepath.Join(policies, "rules.rego")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	var answer any = plan.Wrong
	if name == "opa" {
		answer = map[string]any{"result": []any{map[string]any{"expressions": []any{map[string]any{"value": answer}}}}}
	}
	if json.NewEncoder(os.Stdout).Encode(answer) != nil {
		return 1
	}
	return 0
}
