package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
)

var update = flag.Bool("update", false, "write golden files and generated pages")

// golden compares got with the file, or writes it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is stale, refresh it with: go test ./internal/config -update\n%s", path, diff)
	}
}

// files returns the files of a pattern, at least one.
func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	return found
}

func TestWrong(t *testing.T) {
	for _, path := range files(t, "testdata/wrong/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := config.Load(path)
			problems, ok := errors.AsType[config.Problems](err)
			if !ok {
				t.Fatalf("Load: %v, want Problems", err)
			}
			if code := davit.ErrorCode(err); code != davit.CodeInvalid {
				t.Errorf("the error's code is %s", code)
			}
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			inside(t, src, problems)
			for _, p := range problems {
				if strings.Contains(p.String(), "hunter") || strings.Contains(p.String(), "123456") {
					t.Errorf("the problem shows a secret:\n%s", p)
				}
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", []byte(problems.Error()+"\n"))
		})
	}
}

// inside checks that every problem has a place in src.
func inside(t *testing.T, src []byte, problems config.Problems) {
	t.Helper()
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(string(src), "\uFFFD"))
	lines := strings.Split(text, "\n")
	for _, p := range problems {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len([]rune(lines[p.Line-1]))+1 {
			t.Errorf("%d:%d is not inside the file: %s", p.Line, p.Column, p.Message)
		}
		if p.Message == "" {
			t.Errorf("the problem at %d:%d has no message", p.Line, p.Column)
		}
	}
}

func TestGood(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := config.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			here, err := filepath.Abs(filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			for _, environment := range f.Environments {
				resolved, err := f.Resolve(environment, "v2")
				if err != nil {
					t.Fatal(err)
				}
				encoded, err := json.MarshalIndent(resolved, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				encoded = bytes.ReplaceAll(encoded, []byte(here), []byte("/here"))
				golden(t, strings.TrimSuffix(path, ".yaml")+"."+environment+".json", append(encoded, '\n'))
			}
		})
	}
}
