package davit_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davit-dev/davit/internal/config"
)

// pages returns the Markdown files of the repository with their text.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d pages, %v", len(found), err)
	}
	return found
}

var (
	link     = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)
	proof    = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
	example  = regexp.MustCompile("(?s)```yaml\n(application:.*?)```")
)

// TestLinksLeadSomewhere follows the links between the files of the repository.
func TestLinksLeadSomewhere(t *testing.T) {
	for page, text := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), match[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, match[1])
			}
		}
	}
}

// TestGuaranteesAreTested wants every test that docs/guarantees.md names to be there.
func TestGuaranteesAreTested(t *testing.T) {
	tests := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range declared.FindAllStringSubmatch(string(text), -1) {
			tests[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	names := proof.FindAllStringSubmatch(string(text), -1)
	for _, match := range names {
		if !tests[match[1]] {
			t.Errorf("docs/guarantees.md names %s, which is not there", match[1])
		}
	}
	if len(names) == 0 {
		t.Error("docs/guarantees.md names no test")
	}
}

// TestExamplesInTheDocumentationAreValid checks every davit.yaml that the
// documentation shows whole.
func TestExamplesInTheDocumentationAreValid(t *testing.T) {
	checked := 0
	for page, text := range pages(t) {
		for _, match := range example.FindAllStringSubmatch(text, -1) {
			checked++
			if _, err := config.Parse(page, []byte(match[1])); err != nil {
				t.Errorf("an example in %s: %v", page, err)
			}
		}
	}
	if checked == 0 {
		t.Error("there is no example")
	}
}
