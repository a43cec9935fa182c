package davit_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestRooms holds the packages to the layout: the domain imports the standard
// library alone; adapters import the domain and never each other; cmd wires.
func TestRooms(t *testing.T) {
	const module = "github.com/davit-dev/davit"
	// What an adapter may import of the module beside the domain.
	more := map[string][]string{
		"internal/analysis":   {"internal/prometheus"}, // how a Prometheus server is asked
		"internal/kubernetes": {"internal/prometheus"},
		"internal/client":     {"internal/api", "internal/engine"}, // the API's words, and what it asks of the engine
		"internal/server":     {"internal/api", "internal/engine"},
		"internal/report":     {"internal/receipt", "internal/plot"}, // what it draws, and with what
		"internal/demo":       {"internal/load", "examples"},
	}
	seen := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		room := path.Dir(filepath.ToSlash(file))
		if d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || room != "." && !strings.HasPrefix(room, "internal/") {
			return nil
		}
		seen++
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			own, inModule := strings.CutPrefix(imported+"/", module+"/")
			own = strings.TrimSuffix(own, "/")
			standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
			switch {
			case room == "." && !standard:
				t.Errorf("%s imports %s: the domain imports the standard library alone", file, imported)
			case inModule && own != "" && room != own && !slices.Contains(more[adapter(room)], own) && adapter(room) != adapter(own):
				t.Errorf("%s imports %s: adapters know the domain, never each other", file, imported)
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Fatalf("%d files, %v", seen, err)
	}
}

// adapter returns the folder below internal that a package belongs to.
func adapter(room string) string {
	parts := strings.SplitN(room, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}
