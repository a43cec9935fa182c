package arm

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// values are what a string of this type may be, or nothing where it may be
// anything. The models have them as constants, which only their source lists.
func values(t reflect.Type) ([]string, error) {
	if t.PkgPath() == "" {
		return nil, nil
	}
	constants.Lock()
	defer constants.Unlock()
	all, ok := constants.of[t.PkgPath()]
	if !ok {
		var err error
		if all, err = readConstants(t.PkgPath()); err != nil {
			return nil, fmt.Errorf("reading the values of %s: %w", t, err)
		}
		constants.of[t.PkgPath()] = all
	}
	if len(all[t.Name()]) == 0 {
		return nil, fmt.Errorf("%s has no values", t)
	}
	return all[t.Name()], nil
}

// constants are those of packages that were read, by the name of their type.
var constants = struct {
	sync.Mutex
	of map[string]map[string][]string
}{of: map[string]map[string][]string{}}

func readConstants(path string) (map[string][]string, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	pkg, err := build.Default.Import(path, here, build.FindOnly)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pkg.Dir, "constants.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			spec := s.(*ast.ValueSpec)
			typ, ok := spec.Type.(*ast.Ident)
			if !ok || len(spec.Values) != 1 {
				continue
			}
			text, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || !strings.HasPrefix(text.Value, `"`) {
				continue
			}
			value, err := strconv.Unquote(text.Value)
			if err != nil {
				return nil, err
			}
			all[typ.Name] = append(all[typ.Name], value)
		}
	}
	return all, nil
}
