package release

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/conventional"
	"github.com/davit-dev/davit/internal/release/git"
)

// past is a commit on the walk through all of history. A commit belongs to the
// lowest release that holds it, so every commit hands the lowest it knows of
// down to its parents.
type past struct {
	release int // index into the releases, lowest version first; their number when it is unreleased
	parents []*past
	hash    string
	came    bool
	reading reading
}

// lower hands a release down to commits and all that they reach.
func lower(release int, stack []*past) {
	for len(stack) > 0 {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if p.release <= release {
			continue
		}
		p.release = release
		if p.came {
			stack = append(stack, p.parents...)
		}
	}
}

// OnePackage returns the package that only names; it may be empty where there
// is one package alone.
func OnePackage(c *davit.Releasing, only []string) (davit.Package, error) {
	for _, name := range only {
		if !slices.ContainsFunc(c.Packages, func(p davit.Package) bool { return p.Name == name }) {
			return davit.Package{}, unknownPackage(c, name)
		}
	}
	for _, p := range c.Packages {
		if len(only) == 1 && p.Name == only[0] || len(only) == 0 && len(c.Packages) == 1 {
			return p, nil
		}
	}
	return davit.Package{}, &davit.Error{Code: davit.CodeInvalid, Message: "the repository has several packages", Hint: "name one with --package: " + packageNames(c)}
}

// unknownPackage refuses a package that the configuration does not name.
func unknownPackage(c *davit.Releasing, name string) error {
	e := &davit.Error{Code: davit.CodeNotFound, Message: fmt.Sprintf("there is no package %q", name), Hint: "release.packages in davit.yaml names none"}
	if known := packageNames(c); known != "" {
		e.Hint = "release.packages in davit.yaml names " + known
	}
	return e
}

func packageNames(c *davit.Releasing) string {
	var names []string
	for _, p := range c.Packages {
		if p.Name != "" {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}

// WriteWhole writes the changelog of a package's whole history, from one walk
// through it. Pre-releases are told with the release that they led to.
func (r *Runner) WriteWhole(ctx context.Context, w io.Writer, p davit.Package) error {
	if err := complete(ctx, r.Repo, r.Config); err != nil {
		return err
	}
	r.teller = teller{r.Config.Types, r.Links}
	template, err := loadTemplate(r.Repo.Root, r.Config.Changelog)
	if err != nil {
		return err
	}
	overrides, err := LoadOverrides(filepath.Join(r.Repo.Root, filepath.FromSlash(r.Config.Messages)))
	if err != nil {
		return err
	}
	groups, releases, err := r.group(ctx, p, overrides)
	if err != nil {
		return err
	}
	header, err := template.Begin()
	if err != nil {
		return wrongTemplate(err)
	}
	if _, err := io.WriteString(w, header); err != nil {
		return fmt.Errorf("writing the changelog: %w", err)
	}
	var told []int // groups, newest first
	for i := len(groups) - 1; i >= 0; i-- {
		if len(groups[i].readings) > 0 {
			told = append(told, i)
		}
	}
	for from := 0; from < len(told); from += renderedAtOnce {
		part := told[from:min(from+renderedAtOnce, len(told))]
		texts := make([]string, len(part))
		err := inParallel(len(part), func(k int) (err error) {
			previous := ""
			if next := from + k + 1; next < len(told) {
				previous = releases[told[next]].name
			}
			texts[k], err = r.tell(template, groups[part[k]], releases[part[k]:min(part[k]+1, len(releases))], previous)
			return err
		})
		if err != nil {
			return wrongTemplate(err)
		}
		for k, i := range part {
			groups[i] = group{} // told, so its memory can go
			if _, err := io.WriteString(w, texts[k]); err != nil {
				return fmt.Errorf("writing the changelog: %w", err)
			}
		}
	}
	return nil
}

// renderedAtOnce bounds how much of a changelog is in memory before it is
// written.
const renderedAtOnce = 256

// tell returns the section of a group's release, which is none for what is not
// released.
func (r *Runner) tell(template *changelog.Template, g group, of []tag, previous string) (string, error) {
	s := r.teller.section(conclude(g.readings, r.Config.Types).changes)
	if len(of) == 0 {
		if len(s.Groups)+len(s.Breaking) == 0 {
			return "", nil
		}
		s.Version = "Unreleased"
	} else {
		s.Version, s.Tag, s.PreviousTag, s.Date = of[0].version.String(), of[0].name, previous, g.date.Format(time.DateOnly)
		s.CompareURL, s.Inline = r.Links.Compare(s.PreviousTag, s.Tag), true
	}
	text, err := template.Render(s)
	return "\n" + text, err
}

// inParallel calls do with every number below n, on all processors, and returns
// one of the errors.
func inParallel(n int, do func(int) error) error {
	var group errgroup.Group
	workers := min(n, runtime.GOMAXPROCS(0))
	for first := range workers {
		group.Go(func() error {
			for i := first; i < n; i += workers {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// ReplaceChangelog replaces a package's changelog, once the new one is whole.
func (r *Runner) ReplaceChangelog(ctx context.Context, p davit.Package) error {
	var text bytes.Buffer
	if err := r.WriteWhole(ctx, &text, p); err != nil {
		return err
	}
	return writeFile(filepath.Join(r.Repo.Root, filepath.FromSlash(p.Changelog)), text.Bytes())
}

// group is the commits of a release, newest first.
type group struct {
	readings []reading
	date     time.Time // of the release's commit
}

// group returns all commits by the release that they belong to; the last group
// is not released.
func (r *Runner) group(ctx context.Context, p davit.Package, overrides Overrides) ([]group, []tag, error) {
	tags, err := r.Repo.Tags(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("listing the tags: %w", err)
	}
	var releases []tag // lowest first
	index := map[string]int{}
	all := versionTags(tags, p.TagPrefix, r.Config.IgnoreTags)
	sortTags(all)
	for i := len(all) - 1; i >= 0; i-- {
		if t := all[i]; t.version.Pre == "" {
			if _, ok := index[t.commit]; !ok {
				index[t.commit] = len(releases)
			}
			releases = append(releases, t)
		}
	}
	groups := make([]group, len(releases)+1)
	order, err := r.walkPast(ctx, index, groups, overrides)
	if err != nil {
		return nil, nil, err
	}
	touching, err := r.touching(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range order {
		if touching == nil || touching[n.hash] {
			groups[n.release].readings = append(groups[n.release].readings, n.reading)
		}
		*n = past{}
	}
	return groups, releases, nil
}

// touching returns the commits that touch a package; nil when all do.
func (r *Runner) touching(ctx context.Context, p davit.Package) (map[string]bool, error) {
	if p.Path == "" {
		return nil, nil
	}
	touching := map[string]bool{}
	for c, err := range r.Repo.Log(ctx, git.Range{Paths: []string{p.Path}}) {
		if err != nil {
			return nil, err
		}
		touching[c.Hash] = true
	}
	return touching, nil
}

// walkPast reads all of history, newest first, gives every commit its release,
// and notes the releases' dates. What is kept of a commit that no changelog
// tells of is its place in the history.
func (r *Runner) walkPast(ctx context.Context, index map[string]int, groups []group, overrides Overrides) ([]*past, error) {
	nodes := map[string]*past{}
	node := func(hash string) *past {
		n := nodes[hash]
		if n == nil {
			hash = strings.Clone(hash) // it would hold on to the whole record
			n = &past{release: len(groups) - 1, hash: hash}
			nodes[hash] = n
		}
		return n
	}
	var order []*past
	for c, err := range r.Repo.Log(ctx, git.Range{}) {
		if err != nil {
			return nil, notBegun(err)
		}
		n := node(c.Hash)
		if i, ok := index[c.Hash]; ok {
			n.release = min(n.release, i)
			groups[i].date = c.Time
		}
		n.came = true
		for i, parent := range c.Parents {
			n.parents = append(n.parents, node(parent))
			c.Parents[i] = n.parents[i].hash
		}
		c.Hash = n.hash
		lower(n.release, n.parents)
		n.reading = read(c, overrides)
		if _, tagged := index[c.Hash]; !tagged {
			n.reading.promises = nil // anybody can write a trailer
		}
		if !r.tells(n.reading) {
			n.reading = reading{hash: c.Hash, parents: c.Parents}
		}
		order = append(order, n)
	}
	return order, nil
}

// tells reports whether a changelog has something to tell of a commit, or of
// others because of it.
func (r *Runner) tells(one reading) bool {
	return len(one.reverts) > 0 || len(one.promises) == 0 && slices.ContainsFunc(one.found, func(c conventional.Commit) bool {
		return c.Breaking() || r.Config.Types[c.Type].Heading != ""
	})
}
