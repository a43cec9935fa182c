package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/versionfile"
)

// files are the contents that a release gives to files, and the notes of every
// package's release by tag.
type files struct {
	before map[string][]byte // as HEAD has them; nil for a new file
	after  map[string][]byte
	notes  map[string]string
}

// compute returns what the releases write, on top of what HEAD has.
func (r *Runner) compute(ctx context.Context, plan *Plan, date string) (*files, error) {
	f := &files{map[string][]byte{}, map[string][]byte{}, map[string]string{}}
	template, err := loadTemplate(r.Repo.Root, r.Config.Changelog)
	if err != nil {
		return nil, err
	}
	header, err := template.Begin()
	if err != nil {
		return nil, wrongTemplate(err)
	}
	for _, p := range plan.Releases() {
		if err := r.computeVersions(ctx, f, plan, p); err != nil {
			return nil, err
		}
		section := r.teller.release(p, date)
		existing, err := f.read(ctx, r, plan.Head, p.Changelog)
		if err != nil {
			return nil, err
		}
		section.Inline = !changelog.UsesReferences(string(existing))
		text, err := template.Render(section)
		if err != nil {
			return nil, wrongTemplate(err)
		}
		inserted := changelog.Insert(string(existing), header, text, section)
		notes, ok := changelog.Notes(inserted, section.Version)
		if !ok { // a template of the user's may have any heading
			notes = text
		}
		f.notes[p.Tag()] = notes
		if !r.Config.Changelog.Disabled {
			f.after[p.Changelog] = []byte(inserted)
		}
	}
	for name, content := range f.after {
		if bytes.Equal(content, f.before[name]) && f.before[name] != nil {
			delete(f.after, name)
		}
	}
	return f, nil
}

// read returns a file as it will be so far.
func (f *files) read(ctx context.Context, r *Runner, commit, name string) ([]byte, error) {
	if content, ok := f.after[name]; ok {
		return content, nil
	}
	content, err := r.Repo.Show(ctx, commit, name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	f.before[name] = content
	return content, nil
}

// computeVersions replaces the version in a package's version files.
func (r *Runner) computeVersions(ctx context.Context, f *files, plan *Plan, p *PackagePlan) error {
	chosen := p.Files
	if chosen == nil {
		var err error
		if chosen, err = r.detect(ctx, f, plan, p); err != nil {
			return err
		}
	}
	crates, err := r.crates(ctx, f, plan.Head, p, chosen)
	if err != nil {
		return err
	}
	for _, file := range chosen {
		file.Path = path.Join(p.Path, file.Path)
		content, err := f.read(ctx, r, plan.Head, file.Path)
		if err != nil {
			return err
		}
		if content == nil && p.Files == nil { // there, but nobody committed it
			continue
		}
		if content == nil {
			return &davit.Error{Code: davit.CodeInvalid, Message: file.Path + " is named as a version file and is not committed", Hint: "commit it, or take it out of release.files"}
		}
		spans, err := versionfile.Locate(content, file)
		if errors.Is(err, versionfile.ErrNone) && p.Files == nil {
			continue
		}
		if err != nil {
			return &davit.Error{Code: davit.CodeInvalid, Message: "cannot update a version file", Hint: "name another kind or pattern under release.files", Err: err}
		}
		spans, err = p.own(file.Path, spans, crates, r.Options.As != nil)
		if err != nil {
			return err
		}
		f.after[file.Path] = versionfile.Replace(content, spans, p.Next.String())
	}
	return nil
}

// detect finds a package's version files by their names and by the marker.
func (r *Runner) detect(ctx context.Context, f *files, plan *Plan, p *PackagePlan) ([]davit.VersionFile, error) {
	files, err := versionfile.Detect(os.DirFS(filepath.Join(r.Repo.Root, filepath.FromSlash(p.Path))))
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "cannot read a version file", Hint: "repair it, or list the files to update under release.files", Err: err}
	}
	if lock, err := r.workspaceLock(ctx, f, plan.Head, p, files); err != nil {
		return nil, err
	} else if lock != "" {
		files = append(files, davit.VersionFile{Path: lock})
	}
	marked, err := r.Repo.Containing(ctx, plan.Head, versionfile.Marker, p.Path)
	if err != nil {
		return nil, fmt.Errorf("looking for version files: %w", err)
	}
	for _, name := range marked {
		if inner := plan.packageAt(name); inner == p {
			rest := strings.TrimPrefix(strings.TrimPrefix(name, p.Path), "/")
			files = append(files, davit.VersionFile{Path: rest, Kind: "marker"})
		}
	}
	return files, nil
}

// packageAt returns the innermost package that a file is in; nil without one.
func (p *Plan) packageAt(name string) *PackagePlan {
	var found *PackagePlan
	for _, one := range p.Packages {
		inside := one.Path == "" || strings.HasPrefix(name, one.Path+"/")
		if inside && (found == nil || len(one.Path) > len(found.Path)) {
			found = one
		}
	}
	return found
}

// own returns the versions that are the package's, and refuses others: the
// present one must be that of the last release. A Cargo.lock holds the workspace's
// other packages too, which are told by their names or else by their versions.
func (p *PackagePlan) own(name string, spans []versionfile.Span, crates []string, named bool) ([]versionfile.Span, error) {
	var found []versionfile.Span
	lock := path.Base(name) == cargoLock
	for _, s := range spans {
		switch {
		case lock && crates != nil && !slices.Contains(crates, s.Name):
		case p.accepts(s.Version, named):
			found = append(found, s)
		case lock && crates == nil:
		default:
			has := "there is no release yet"
			if p.BaseTag != "" {
				has = "the last release is " + p.present()
			}
			return nil, &davit.Error{
				Code: davit.CodeConflict, Message: fmt.Sprintf("%s says %s, but %s", name, s.Version, has),
				Hint: "set it to the last release's version, or tag the release it speaks of; for a first release name the version with --as",
			}
		}
	}
	return found, nil
}

// present returns the version that files should have: that of the last
// release, a pre-release too.
func (p *PackagePlan) present() string { return strings.TrimPrefix(p.BaseTag, p.TagPrefix) }

// accepts reports whether a file may have a version before the release.
func (p *PackagePlan) accepts(version string, named bool) bool {
	// A branch that takes over another's pre-releases has the version of their last.
	if slices.ContainsFunc(p.tags, func(t tag) bool { return t.version.String() == version && p.holds(t) }) {
		return true
	}
	if p.Base == nil && p.BaseTag == "" {
		v, err := ParseVersion(version)
		return err == nil && (v.Core() == Version{} || v == *p.Next || named)
	}
	return version == p.present() || version == p.Next.String() || p.Base != nil && version == p.Base.String()
}

// check compares the working tree with HEAD and with what is to be written. It
// returns an error when anything else is in the way.
func (f *files) check(root string, dirty []string) error {
	var foreign []string
	for _, name := range dirty {
		if _, ok := f.after[name]; !ok {
			foreign = append(foreign, name)
		}
	}
	for name, planned := range f.after {
		present, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		if !bytes.Equal(present, f.before[name]) && !bytes.Equal(present, planned) && !equalLines(present, f.before[name]) {
			foreign = append(foreign, name)
		}
	}
	if len(foreign) == 0 {
		return nil
	}
	return &davit.Error{
		Code: davit.CodeRefused, Message: "the working tree has changes that are not committed: " + strings.Join(foreign, ", "),
		Hint: "commit or stash them: git stash push; then release again",
	}
}

// equalLines reports whether both are the same but for their line ends, which
// git may convert on checkout.
func equalLines(a, b []byte) bool {
	return bytes.Equal(bytes.ReplaceAll(a, []byte("\r\n"), []byte("\n")), bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
}

// writeFile replaces a file in one step, so that a crash leaves the old one or
// the new one.
func writeFile(name string, content []byte) error {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a folder of the repository
		return fmt.Errorf("writing %s: %w", name, err)
	}
	draft := filepath.Join(filepath.Dir(name), ".davit-new-"+filepath.Base(name)) // what a crash leaves is taken up again
	temporary, err := os.OpenFile(draft, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(draft, name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, errors.Join(err, os.Remove(draft)))
	}
	return nil
}
