// Package config reads davit.yaml: strictly, with every problem told by line
// and column and with what to write instead. The same declarations (the fields
// methods) drive the decoder, the JSON Schema and the reference page.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/davit-dev/davit"
)

//go:generate go test . -run ^TestReference$ -update

// MaxFileBytes bounds davit.yaml and each file that it declares.
const MaxFileBytes = 1 << 20

// File is a davit.yaml that was read and found valid for every environment.
type File struct {
	// Name is the path that the file was read from, as given.
	Name         string
	Application  string
	Services     []string // in the order of the file
	Environments []string // in the order of the file
	// Hints are those of all environments, each once.
	Hints []string

	source   source
	root     *node
	verifier *CheckVerifier
}

// Resolved is what davit.yaml says of one environment and version.
type Resolved struct {
	Application string              `json:"application"`
	Environment string              `json:"environment"`
	Platform    string              `json:"platform"`
	Site        davit.Site          `json:"site,omitzero"`
	Config      davit.ReleaseConfig `json:"config"`
	Policy      davit.Policy        `json:"policy"`
	// Hints are sentences about what is allowed and probably not wanted.
	Hints []string `json:"hints,omitempty"`
}

// Load reads and parses the file at path. It returns Problems for a file that
// is wrong and a *davit.Error for one that cannot be read. Names and settings of
// checks are verified where there is a verifier.
func Load(path string, verifier ...CheckVerifier) (*File, error) {
	src, err := readBounded(path)
	if err != nil {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "cannot read the configuration " + path, Err: err,
			Hint: "run davit in the folder of davit.yaml, or name the file with -f",
		}
	}
	return Parse(path, src, verifier...)
}

// Parse checks the text of a davit.yaml for every environment that it names,
// without reading any other file. name is used in problems, and its folder is
// what relative paths start from. Names and settings of checks are verified
// where there is a verifier. The error is Problems.
func Parse(name string, src []byte, verifier ...CheckVerifier) (*File, error) {
	f := &File{Name: name, source: newSource(name, src)}
	if len(verifier) > 0 {
		f.verifier = &verifier[0]
	}
	found := &collector{source: &f.source}
	f.root = parseYAML(found, src)
	if f.root != nil && f.root.kind == nothing {
		found.problem(f.root.at, "begin with application: and the name of your application", "the file is empty")
		f.root = nil
	}
	if f.root == nil {
		return nil, found.err()
	}
	outline := &collector{source: &f.source}
	doc := f.read(outline, placeholder, placeholder)
	doc.release.value.resolve(found)
	f.Application = doc.application.value
	for _, s := range doc.services.value {
		f.Services = append(f.Services, s.name)
	}
	for _, e := range doc.environments.value {
		f.Environments = append(f.Environments, e.name)
		f.check(found, e.name)
	}
	if len(f.Environments) == 0 {
		found.add(outline.problems...)
	}
	if len(f.Environments) == 0 && doc.environments.set {
		found.problem(doc.environments.at, "add the first one, such as local: {listen: [\":8080\"]}", "there is no environment")
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return f, nil
}

// placeholder stands for a version or an environment while there is none.
const placeholder = "0"

// check adds the problems and hints of an environment, apart from its files.
func (f *File) check(found *collector, environment string) {
	here := &collector{source: &f.source} // its own, to know whether this environment is sound
	resolved := f.resolve(here, environment, placeholder, false)
	found.add(here.problems...)
	if resolved == nil {
		return
	}
	for _, hint := range resolved.Hints {
		if !slices.Contains(f.Hints, hint) {
			f.Hints = append(f.Hints, hint)
		}
	}
}

var versionForm = onUse(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)

// Resolve returns what the file says of an environment, for a version: overrides
// merged, variables replaced, paths absolute, declared files read. The error is
// a *davit.Error for an unknown environment or a version that is none, and
// Problems for files that are missing.
func (f *File) Resolve(environment, version string) (*Resolved, error) {
	if err := f.Has(environment); err != nil {
		return nil, err
	}
	if !versionForm().MatchString(version) {
		return nil, &davit.Error{
			Code:    davit.CodeInvalid,
			Message: fmt.Sprintf("%q is no version", version),
			Hint:    "a version has letters, digits and . _ + -, starts with a letter or digit, and is 128 characters long at most",
		}
	}
	found := &collector{source: &f.source}
	resolved := f.resolve(found, environment, version, true)
	if err := found.err(); err != nil {
		return nil, err
	}
	return resolved, nil
}

// Has returns nil when the file has the environment, and otherwise a
// *davit.Error that says which it has.
func (f *File) Has(environment string) error {
	if slices.Contains(f.Environments, environment) {
		return nil
	}
	return &davit.Error{
		Code:    davit.CodeInvalid,
		Message: fmt.Sprintf("%s has no environment %q", f.Name, environment),
		Hint:    suggest(environment, f.Environments),
	}
}

// read decodes the file with the variables of one environment and version.
func (f *File) read(found *collector, environment, version string) *document {
	r := &reader{collector: found, variables: map[string]string{
		"application": f.root.find("application").scalarText(),
		"environment": environment,
		"version":     version,
	}}
	r.key = "davit.yaml"
	var doc item[document]
	object(&doc).read(r, f.root)
	return &doc.value
}

func (f *File) resolve(found *collector, environment, version string, disk bool) *Resolved {
	doc := f.read(found, environment, version)
	x := &resolver{
		reader: &reader{collector: found, variables: map[string]string{
			"application": doc.application.value, "environment": environment, "version": version,
		}},
		folder: f.folder(), disk: disk, verifier: f.verifier,
	}
	return doc.resolve(x, environment)
}

// folder returns the absolute folder that relative paths start from.
func (f *File) folder() string {
	absolute, err := filepath.Abs(f.Name)
	if err != nil { // there is no working directory any more: stay relative
		return filepath.Dir(f.Name)
	}
	return filepath.Dir(absolute)
}

var errTooLarge = fmt.Errorf("it is larger than %d bytes", MaxFileBytes)

// readBounded reads a regular file of MaxFileBytes at most. Its error does not
// repeat the path.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path) // before opening: opening a named pipe would wait for a writer
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer file.Close() //nolint:errcheck // nothing was written
	content, err := io.ReadAll(io.LimitReader(file, MaxFileBytes+1))
	if err != nil {
		return nil, reason(err)
	}
	if len(content) > MaxFileBytes {
		return nil, errTooLarge
	}
	return content, nil
}

// reason returns what is wrong without the operation and path around it.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
