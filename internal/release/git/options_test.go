package git_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// oldest is the git that everything has to work with.
const oldest = "2.30"

var (
	subcommand  = regexp.MustCompile(`^[a-z]+(?:-[a-z]+)*$`)
	option      = regexp.MustCompile(`^(--?[A-Za-z0-9][A-Za-z0-9-]*)(?:=|$)`)
	placeholder = regexp.MustCompile(`%(?:\([a-z]+\)|[ac][A-Za-z]|[A-Zn])`)
)

// TestOptionsAreOfOldGit reads what the code asks of git, and checks that the
// oldest supported one has it: git's own tests are with the newest.
func TestOptionsAreOfOldGit(t *testing.T) {
	listed := listedOptions(t)
	used := map[string]bool{}
	for _, dir := range []string{".", "..", "../../../cmd/davit"} {
		for _, asked := range askedOfGit(t, dir) {
			if !slices.ContainsFunc(asked.subcommands, func(s string) bool {
				key := strings.TrimSpace(s + " " + asked.option)
				_, ok := listed[key]
				used[key] = true
				return ok
			}) {
				t.Errorf("%s: git %s %s is not in testdata/options.txt", asked.place, strings.Join(asked.subcommands, " or "), asked.option)
			}
		}
	}
	for key, version := range listed {
		if newer(version, oldest) {
			t.Errorf("git %s is of git %s, and has to work with %s", key, version, oldest)
		}
		if !used[key] {
			t.Errorf("testdata/options.txt lists %s, which nothing asks for", key)
		}
	}
}

func TestNewerVersions(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"2.31", "2.30", true}, {"2.30", "2.30", false}, {"2.4", "2.30", false}, {"2.30.1", "2.30", true}, {"1.8.5", "2.30", false}, {"3", "2.30", true}} {
		if got := newer(tt.a, tt.b); got != tt.want {
			t.Errorf("%s is newer than %s: %v", tt.a, tt.b, got)
		}
	}
}

// newer compares versions by their numbers.
func newer(a, b string) bool {
	numbers := func(version string) (all []int) {
		for part := range strings.SplitSeq(version, ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				n = 1 << 30 // no version: newer than all
			}
			all = append(all, n)
		}
		return all
	}
	return slices.Compare(numbers(a), numbers(b)) > 0
}

func listedOptions(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile("testdata/options.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			listed[line[:at]] = line[at+1:]
		}
	}
	return listed
}

// asked is an option in the code, of one of the subcommands of its function.
type asked struct {
	subcommands []string
	option      string // "" is the subcommand alone
	place       string
}

// askedOfGit returns what the functions in a folder ask of git.
func askedOfGit(t *testing.T, dir string) []asked {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	r := optionReader{files: token.NewFileSet(), shared: map[string]string{}}
	var declared []ast.Decl
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(r.files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name.Name != "main" || slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return strings.HasSuffix(s.Path.Value, `/release/git"`) }) {
			declared = append(declared, file.Decls...)
		}
	}
	for _, d := range declared {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
			r.share(d)
			r.read(d)
		}
	}
	for _, d := range declared {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && (dir == "." || runsGit(f)) {
			r.read(f.Body)
		}
	}
	return r.found
}

type optionReader struct {
	files  *token.FileSet
	shared map[string]string // the subcommands of arguments that functions share, by name
	found  []asked
}

// share notes the lists of arguments outside functions.
func (r *optionReader) share(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, value := range v.Values {
			if name := owns(value); name != "" {
				r.shared[v.Names[i].Name] = name
			}
		}
	}
}

// read finds the options in a function. One that is in a call or a list with a
// subcommand is that one's; another is of any subcommand in the function, and
// none's where there is none.
func (r *optionReader) read(function ast.Node) {
	type loose struct {
		text  string
		place string
	}
	var all []string
	var others []loose
	var around []ast.Node
	ast.Inspect(function, func(n ast.Node) bool {
		if n == nil {
			around = around[:len(around)-1]
			return true
		}
		around = append(around, n)
		place := r.files.Position(n.Pos()).String()
		if i, ok := n.(*ast.Ident); ok && r.shared[i.Name] != "" {
			all = append(all, r.shared[i.Name])
		}
		if name := owns(n); name != "" {
			all = append(all, name)
			if name != "git" {
				r.found = append(r.found, asked{[]string{name}, "", place})
			}
		}
		text := literal(n)
		if !option.MatchString(text) {
			return true
		}
		for _, n := range slices.Backward(around) {
			if name := owns(n); name != "" {
				r.take([]string{name}, text, place)
				return true
			}
		}
		others = append(others, loose{text, place})
		return true
	})
	for _, o := range others {
		if len(all) > 0 {
			r.take(all, o.text, o.place)
		}
	}
}

// take notes an option, and the placeholders of one that is a format.
func (r *optionReader) take(subcommands []string, text, place string) {
	name := option.FindStringSubmatch(text)[1]
	r.found = append(r.found, asked{subcommands, name, place})
	if name == "--format" {
		for _, p := range placeholder.FindAllString(text, -1) {
			r.found = append(r.found, asked{subcommands, p, place})
		}
	}
}

// owns returns the subcommand of a call that runs git, or of a list of
// arguments; "git" for a list of git's own options, and "" for anything else.
func owns(n ast.Node) string {
	var in []ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		if !isRun(n) {
			return ""
		}
		in = n.Args
	case *ast.CompositeLit:
		if list, ok := n.Type.(*ast.ArrayType); !ok || fmt.Sprint(list.Elt) != "string" {
			return ""
		}
		in = n.Elts[:min(1, len(n.Elts))]
	}
	for _, e := range in {
		switch text := literal(e); {
		case subcommand.MatchString(text):
			return text
		case option.MatchString(text):
			return "git"
		}
	}
	return ""
}

// isRun reports whether a call is of a method that runs git.
func isRun(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := call.Fun.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"Run", "RunInput", "stream", "startLog"}, s.Sel.Name)
}

func runsGit(f *ast.FuncDecl) (runs bool) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		runs = runs || isRun(n)
		return !runs
	})
	return runs
}

// literal returns the string that a node is.
func literal(n ast.Node) string {
	if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
		if text, err := strconv.Unquote(l.Value); err == nil {
			return text
		}
	}
	return ""
}
