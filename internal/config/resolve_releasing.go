package config

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// LoadReleasing reads the key release of the file at path, which need not
// describe an application; one that does not exist gives the defaults. It
// returns Problems for a file that is wrong and a *davit.Error for one that
// cannot be read.
func LoadReleasing(path string) (*davit.Releasing, error) {
	src, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ParseReleasing(path, nil)
	}
	if err != nil {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: "cannot read the configuration " + path, Err: err,
			Hint: "name another one with -f",
		}
	}
	return ParseReleasing(path, src)
}

// ParseReleasing reads the key release of the text of a davit.yaml. What the
// other keys hold is left to Parse. The error is Problems.
func ParseReleasing(name string, src []byte) (*davit.Releasing, error) {
	source := newSource(name, src)
	found := &collector{source: &source}
	root := parseYAML(found, src)
	if root == nil {
		return nil, found.err()
	}
	if root.kind == nothing {
		root = &node{at: root.at, kind: mapping}
	}
	r := &reader{collector: found, key: "davit.yaml"}
	var d document
	r.defaults(&d.release.value)
	r.object(&releaseOnly{&d}, root)
	result := d.release.value.resolve(found)
	result.Application = d.application.value
	return result, found.err()
}

// releaseOnly is a document of which only the application's name and the key
// release are read.
type releaseOnly struct{ *document }

func (d *releaseOnly) fields() []field {
	fields := d.document.fields()
	for i := range fields {
		fields[i].required = false
		if fields[i].key != releaseKey && fields[i].key != applicationKey {
			fields[i].into = later(new(item[*node]), fields[i].into)
		}
	}
	return fields
}

// resolve returns the section as the release commands know it, and finds what
// no single value can tell.
func (s *releasing) resolve(found *collector) *davit.Releasing {
	c := s.changelog.value
	result := &davit.Releasing{
		TagPrefix: s.tagPrefix.value, First: s.first.value, InitialDevelopment: s.initialDevelopment.value,
		Mode: s.mode.value, Remote: s.remote.value, IgnoreTags: values(s.ignoreTags), Messages: s.messages.value,
		CommitMessage: s.commitMessage.value, FloatingTags: s.floatingTags.value, Together: s.together.value,
		Changelog: davit.Changelog{File: c.file.value, Template: c.template.value, Disabled: c.disabled.value},
		Forge: davit.Forge{
			Kind: s.forge.value.kind.value, API: s.forge.value.api.value,
			Repository: s.forge.value.repository.value, Assets: values(s.forge.value.assets),
		},
		Types: davit.DefaultCommitTypes(),
	}
	for _, b := range s.branches.value {
		if b.value.channel.set && b.value.within.set {
			found.problem(b.value.within.at, "keep one of them", "a release branch has a channel or a range")
		}
		result.Branches = append(result.Branches, davit.ReleaseBranch{Name: b.value.name.value, Channel: b.value.channel.value, Range: b.value.within.value})
	}
	for _, t := range s.types.value {
		name := strings.ToLower(t.name)
		merged := result.Types[name]
		if t.value.bump.set {
			merged.Bump = t.value.bump.value
		}
		if t.value.heading.set {
			merged.Heading = t.value.heading.value
		}
		result.Types[name] = merged
	}
	result.Packages = s.resolvePackages(found)
	return result
}

// resolvePackages returns the packages; without any the repository is one.
func (s *releasing) resolvePackages(found *collector) []davit.Package {
	file := s.changelog.value.file.value
	if len(s.packages.value) == 0 {
		return []davit.Package{{TagPrefix: s.tagPrefix.value, Changelog: file, Files: versionFiles(s.files)}}
	}
	if s.files.set {
		found.problem(s.files.at, "move them to their packages", "the files belong to no package")
	}
	var packages []davit.Package
	names, prefixes := map[string]bool{}, map[string]bool{}
	for _, i := range s.packages.value {
		p := i.value
		one := davit.Package{
			Name: p.name.value, Path: p.path.value, TagPrefix: p.name.value + "/" + s.tagPrefix.value,
			Files: versionFiles(p.files), DependsOn: values(p.dependsOn),
		}
		if one.Path == "." {
			one.Path = ""
		}
		if p.tagPrefix.set {
			one.TagPrefix = p.tagPrefix.value
		}
		one.Changelog = path.Join(one.Path, file)
		if p.changelog.set {
			one.Changelog = p.changelog.value
		}
		switch {
		case !p.name.set:
		case names[one.Name]:
			found.problem(p.name.at, "give every package a name of its own", "there is another package %s", clip(one.Name))
		case prefixes[one.TagPrefix]:
			found.problem(i.at, "give every package a tagPrefix of its own", "another package has the tags %s too", clip(one.TagPrefix))
		}
		names[one.Name], prefixes[one.TagPrefix] = true, true
		packages = append(packages, one)
	}
	s.checkDependencies(found, packages)
	return packages
}

// checkDependencies finds dependencies on what is no other package.
func (s *releasing) checkDependencies(found *collector, packages []davit.Package) {
	for i, p := range s.packages.value {
		var others []string
		for j, o := range packages {
			if i != j && o.Name != "" && !slices.Contains(others, o.Name) {
				others = append(others, o.Name)
			}
		}
		for _, d := range p.value.dependsOn.value {
			if d.set && !slices.Contains(others, d.value) {
				found.problem(d.at, suggest(d.value, others), "a package depends on %q, which is no other package", clip(d.value))
			}
		}
	}
}

// versionFiles returns the files that are named; nil when the key was left out.
func versionFiles(s sequence[versionFile]) []davit.VersionFile {
	if !s.set {
		return nil
	}
	files := []davit.VersionFile{}
	for _, f := range s.value {
		files = append(files, davit.VersionFile{
			Path: f.value.path.value, Kind: f.value.kind.value, Pattern: f.value.pattern.value, Variable: f.value.variable.value,
		})
	}
	return files
}

// values returns the items of a list.
func values[T any](s sequence[T]) []T {
	var values []T
	for _, i := range s.value {
		values = append(values, i.value)
	}
	return values
}
