package validation

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write golden files and generated documents anew")

func TestReference(t *testing.T) {
	const path = "../../docs/reference/checks.md"
	if *update {
		if err := os.WriteFile(path, Reference(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Reference()) {
		t.Errorf("%s is stale: go test ./internal/validation -run Reference -update writes it", path)
	}
}

func TestEveryCheckIsDescribed(t *testing.T) {
	id := regexp.MustCompile(`^[a-z]+(\.[a-z0-9-]+)+$`)
	seen := map[string]bool{}
	last := Category("")
	done := map[Category]bool{}
	for _, c := range Checks() {
		if seen[c.ID] || !id.MatchString(c.ID) || c.Proves == "" || c.Hint == "" || c.Severity == "" || c.Timeout <= 0 {
			t.Errorf("check %q is twice there, or not described: %+v", c.ID, c)
		}
		seen[c.ID] = true
		if c.Category != last && done[c.Category] {
			t.Errorf("%s stands apart from the others of %s", c.ID, c.Category)
		}
		last = c.Category
		done[last] = true
	}
}
