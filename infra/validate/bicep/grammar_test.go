package bicep

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// grammar says what tree-sitter's grammar of Bicep does not understand in files.
// It knows the language of the end of 2024, and no files of parameters.
func grammar(t *testing.T, files ...string) string {
	t.Helper()
	folder := os.Getenv("DAVIT_BICEP_GRAMMAR")
	if folder == "" {
		t.Fatal("DAVIT_BICEP_GRAMMAR is not set: run make test-infra")
	}
	args := append([]string{filepath.Join("testdata", "grammar.mjs"), folder}, files...)
	out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// A second opinion on what this package's own parser reads.
func TestGrammar(t *testing.T) {
	var files []string
	for _, f := range infra(t).Files() {
		files = append(files, f.Path)
	}
	if said := grammar(t, files...); said != "" {
		t.Error(said)
	}
}

func TestGrammarFindsErrors(t *testing.T) {
	dir := write(t, "network.bicep", "properties: {\n    addressSpace", "properties: [\n    addressSpace")
	if said := grammar(t, filepath.Join(dir, "network.bicep")); !strings.Contains(said, "network.bicep:") || !strings.Contains(said, "is not understood") {
		t.Errorf("got %q", said)
	}
}
