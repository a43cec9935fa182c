package release

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/davit-dev/davit/internal/release/git"
)

// tag is a tag that is a version.
type tag struct {
	name    string
	commit  string
	version Version
}

// versionTags returns the tags with the prefix whose rest is a version, in no
// order: most runs need the highest alone.
func versionTags(tags map[string]string, prefix string, ignore []string) []tag {
	found := make([]tag, 0, len(tags))
	for name, commit := range tags {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || ignored(name, ignore) {
			continue
		}
		if v, err := ParseVersion(rest); err == nil {
			found = append(found, tag{name, commit, v})
		}
	}
	return found
}

// sortTags sorts tags, the highest version first.
func sortTags(tags []tag) {
	slices.SortFunc(tags, func(a, b tag) int { return b.version.Compare(a.version) })
}

// highestTag returns the highest tag that is eligible; nil without one.
func highestTag(tags []tag, eligible func(Version) bool) *tag {
	var highest *tag
	for i := range tags {
		t := &tags[i]
		if (highest == nil || t.version.Compare(highest.version) > 0) && eligible(t.version) {
			highest = t
		}
	}
	return highest
}

func ignored(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// walk is a walk through history from HEAD that ends as soon as every way on
// leads into the best release found. Commits may come before all of their
// children, as clocks are wrong, so what is released is painted.
type walk struct {
	nodes map[string]*node
	order []*node // as they came
	base  *node
	open  int // commits that are known, have not come and are not released
}

type node struct {
	reading  reading
	parents  []*node
	came     bool
	released bool
}

func newWalk() *walk { return &walk{nodes: map[string]*node{}} }

// add takes the next commit.
func (w *walk) add(c reading) *node {
	n := w.node(c.hash)
	if !n.released {
		w.open--
	}
	n.reading, n.came = c, true
	n.parents = make([]*node, len(c.parents))
	for i, hash := range c.parents {
		n.parents[i] = w.node(hash)
	}
	if n.released {
		w.paint(n.parents...)
	}
	w.order = append(w.order, n)
	return n
}

func (w *walk) node(hash string) *node {
	n, ok := w.nodes[hash]
	if !ok {
		n = &node{}
		w.nodes[hash] = n
		w.open++
	}
	return n
}

// setBase takes a release for the best one.
func (w *walk) setBase(base *node) {
	w.base, w.open = base, 0
	for _, n := range w.nodes {
		n.released = false
		if !n.came {
			w.open++
		}
	}
	w.paint(base)
}

// paint marks commits and all that they reach as released.
func (w *walk) paint(stack ...*node) {
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if n.released {
			continue
		}
		n.released = true
		if !n.came {
			w.open--
		}
		stack = append(stack, n.parents...)
	}
}

// unreleased returns the commits that are not released, newest first.
func (w *walk) unreleased() []reading {
	var commits []reading
	for _, n := range w.order {
		if !n.released {
			commits = append(commits, n.reading)
		}
	}
	return commits
}

// since is what history says about one sequence of releases.
type since struct {
	base    *tag      // nil before the first release
	commits []reading // since base, newest first
	tags    []tag     // with the prefix
}

// readSince finds the highest eligible release of the tags in HEAD's history and
// the commits since.
func readSince(ctx context.Context, repo *git.Repo, tags []tag, overrides Overrides, eligible func(Version) bool) (s since, err error) {
	s.tags = tags
	highest := highestTag(s.tags, eligible)
	if highest == nil {
		s.commits, err = readRange(ctx, repo, git.Range{}, overrides)
		return s, err
	}
	found, err := s.guess(ctx, repo, highest, overrides)
	if err != nil || found {
		return s, err
	}
	if err := s.walk(ctx, repo, overrides, eligible); err != nil {
		return s, err
	}
	return s, s.checkHigher(ctx, repo, overrides, eligible)
}

// guess takes the highest release of all for the base, and reads the commits
// since. Whether HEAD's history holds that release is known then: on the way
// from HEAD back to it, the last commit that it does not reach is its child.
func (s *since) guess(ctx context.Context, repo *git.Repo, highest *tag, overrides Overrides) (right bool, err error) {
	commits, err := readRange(ctx, repo, git.Range{From: highest.commit}, overrides)
	if err != nil {
		return false, err
	}
	right = repo.Head == highest.commit
	for i := len(commits) - 1; i >= 0 && !right; i-- { // its child is among the oldest
		right = slices.Contains(commits[i].parents, highest.commit)
	}
	if right {
		s.base, s.commits = highest, commits
	}
	return right, nil
}

// walk finds the base in one walk from HEAD, which ends where all ways lead
// into releases.
func (s *since) walk(ctx context.Context, repo *git.Repo, overrides Overrides, eligible func(Version) bool) error {
	sortTags(s.tags)
	byCommit := map[string]*tag{}
	for i := len(s.tags) - 1; i >= 0; i-- { // the highest of a commit stays
		if t := &s.tags[i]; eligible(t.version) {
			byCommit[t.commit] = t
		}
	}
	w := newWalk()
	for c, err := range repo.Log(ctx, git.Range{}) {
		if err != nil {
			return err
		}
		n := w.add(read(c, overrides))
		if t := byCommit[c.Hash]; t != nil && (s.base == nil || t.version.Compare(s.base.version) > 0) {
			s.base = t
			w.setBase(n)
		}
		if s.base != nil && w.open == 0 {
			break
		}
	}
	s.commits = w.unreleased()
	return nil
}

// checkHigher looks for a release that is higher than the base and in HEAD's
// history all the same, behind the base: version numbers can go back.
func (s *since) checkHigher(ctx context.Context, repo *git.Repo, overrides Overrides, eligible func(Version) bool) error {
	if s.base == nil {
		return nil // the walk saw all of the history
	}
	var higher []string
	for _, t := range s.tags {
		if t.version.Compare(s.base.version) <= 0 {
			break
		}
		if eligible(t.version) {
			higher = append(higher, t.commit)
		}
	}
	merged, err := repo.Merged(ctx, higher)
	if err != nil {
		return fmt.Errorf("looking for higher releases: %w", err)
	}
	for i := range s.tags {
		if t := &s.tags[i]; merged[t.commit] && eligible(t.version) && t.version.Compare(s.base.version) > 0 {
			s.base = t
			s.commits, err = readRange(ctx, repo, git.Range{From: t.commit}, overrides)
			return err
		}
	}
	return nil
}

// readRange reads the commits of a range, while git still prints. Their
// messages are understood by the batch, on all processors.
func readRange(ctx context.Context, repo *git.Repo, chosen git.Range, overrides Overrides) ([]reading, error) {
	const size = 128
	var batches [][]reading
	var readers sync.WaitGroup
	defer readers.Wait()
	understand := func(batch []git.Commit) {
		readings := make([]reading, len(batch))
		batches = append(batches, readings)
		readers.Go(func() {
			for i, c := range batch {
				readings[i] = read(c, overrides)
			}
		})
	}
	batch := make([]git.Commit, 0, size)
	for c, err := range repo.Log(ctx, chosen) {
		if err != nil {
			return nil, err
		}
		if batch = append(batch, c); len(batch) == size {
			understand(batch)
			batch = make([]git.Commit, 0, size)
		}
	}
	understand(batch)
	readers.Wait()
	return slices.Concat(batches...), nil
}

// reach returns the commits that some reach, of those whose parents are given.
func reach(parents map[string][]string, from ...string) map[string]bool {
	reached := map[string]bool{}
	for len(from) > 0 {
		hash := from[len(from)-1]
		from = from[:len(from)-1]
		if next, known := parents[hash]; known && !reached[hash] {
			reached[hash] = true
			from = append(from, next...)
		}
	}
	return reached
}
