package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit/internal/config"
)

// Whatever the file holds, Parse returns, and every problem has a place in it.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/wrong/*.yaml"} {
		for _, path := range seeds(f, pattern) {
			src, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte("\uFEFFapplication: shop\n"))
	f.Add([]byte("application: \xff\x00\n? \n: - {&a *a: !b}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := config.Parse("davit.yaml", src)
		if err == nil {
			if len(file.Environments) == 0 || len(file.Services) == 0 {
				t.Errorf("a file without services or environments is valid")
			}
			return
		}
		problems, ok := errors.AsType[config.Problems](err)
		if !ok || len(problems) == 0 || len(problems) > 20 {
			t.Fatalf("Parse: %v, want 1 to 20 Problems", err)
		}
		inside(t, src, problems)
	})
}

func seeds(f *testing.F, pattern string) []string {
	f.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		f.Fatal(err)
	}
	return found
}

// A file cut off anywhere, or with one line gone, is refused in good order or
// still means something; it is never taken half.
func TestDamagedFiles(t *testing.T) {
	whole, err := os.ReadFile("testdata/good/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	rapid.Check(t, func(t *rapid.T) {
		gone := rapid.IntRange(0, len(lines)-1).Draw(t, "gone")
		damaged := strings.Join(lines[:gone], "") + strings.Join(lines[gone+1:], "")
		damaged = damaged[:rapid.IntRange(0, len(damaged)).Draw(t, "length")]
		if _, err := config.Parse("davit.yaml", []byte(damaged)); err != nil {
			if _, ok := errors.AsType[config.Problems](err); !ok {
				t.Fatalf("Parse: %v, want Problems", err)
			}
		}
	})
}
