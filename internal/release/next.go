package release

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/git"
)

// Options change what is computed.
type Options struct {
	// As is the version to release, instead of the computed one.
	As *Version
	// Branch is what HEAD stands for when it is detached.
	Branch string
	// Only names the packages to release; empty means all.
	Only []string
	// Tags are the commits of the repository's tags by name, when they were
	// listed just now; nil has them listed.
	Tags map[string]string
}

// Next computes what there is to release. It changes nothing but what a
// shallow clone lacks, which it fetches.
func Next(ctx context.Context, repo *git.Repo, c *davit.Releasing, o Options) (*Plan, error) {
	plan := &Plan{Branch: repo.Branch}
	if o.Branch != "" {
		plan.Branch = o.Branch
	}
	plan.line = lineOf(plan.Branch, c.Branches)
	if repo.Shallow {
		o.Tags = nil // what is fetched brings more
		repo.Close() // and the process that waits knows nothing of it
	}
	if err := complete(ctx, repo, c); err != nil {
		return nil, err
	}
	overrides, err := LoadOverrides(filepath.Join(repo.Root, filepath.FromSlash(c.Messages)))
	if err != nil {
		return nil, err
	}
	head, err := plan.read(ctx, repo, c, overrides, o.Tags)
	if err != nil {
		return nil, err
	}
	if err := overrides.check(plan.Packages); err != nil {
		return nil, err
	}
	plan.warnOfBuilds(c)
	for i, one := range plan.Packages {
		if err := plan.consider(c, one, head[i]); err != nil {
			return nil, err
		}
	}
	if err := plan.spread(ctx, repo, c, o); err != nil {
		return nil, err
	}
	return plan, nil
}

// warnOfBuilds warns of the tags that would be versions without their build metadata:
// two of them may be of one version, so none counts as a release.
func (p *Plan) warnOfBuilds(c *davit.Releasing) {
	var builds []string
	for name := range p.tags {
		plain, _, built := strings.Cut(name, "+")
		if !built || ignored(name, c.IgnoreTags) {
			continue
		}
		if slices.ContainsFunc(c.Packages, func(one davit.Package) bool {
			rest, ok := strings.CutPrefix(plain, one.TagPrefix)
			_, err := ParseVersion(rest)
			return ok && err == nil && p.tags[plain] == ""
		}) {
			builds = append(builds, name)
		}
	}
	if len(builds) == 0 {
		return
	}
	slices.Sort(builds)
	more := ""
	if n := len(builds) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more such tags)", n)
	}
	p.Warnings = append(p.Warnings, fmt.Sprintf("the tag %s has build metadata, and counts for no release%s: tag the version without it, or name the tags in ignoreTags", builds[0], more))
}

// read fills in the packages with their commits, and returns their bases. It
// lists the tags when they are nil.
func (p *Plan) read(ctx context.Context, repo *git.Repo, c *davit.Releasing, overrides Overrides, tags map[string]string) ([]*tag, error) {
	if tags == nil {
		var err error
		if tags, err = repo.Tags(ctx); err != nil {
			return nil, fmt.Errorf("listing the tags: %w", err)
		}
	}
	p.tags = tags
	if len(c.Packages) == 1 && c.Packages[0].Path == "" {
		s, err := readSince(ctx, repo, versionTags(tags, c.Packages[0].TagPrefix, c.IgnoreTags), overrides, p.line.stable)
		if err != nil {
			return nil, notBegun(err)
		}
		if s.base == nil && len(s.tags) == 0 {
			fetched, err := fetchTags(ctx, repo, c, tags)
			if err != nil {
				return nil, err
			}
			if fetched {
				return p.read(ctx, repo, c, overrides, nil)
			}
		}
		if len(s.commits) > 0 {
			p.Head = s.commits[0].hash
		} else if s.base != nil {
			p.Head = s.base.commit
		}
		if err := p.settle(ctx, repo, c, s.commits); err != nil {
			return nil, err
		}
		p.Pending, p.PendingCommit = pendingTags(s.commits, tags)
		p.Packages = []*PackagePlan{{Package: c.Packages[0], tags: s.tags, commits: s.commits}}
		return []*tag{s.base}, nil
	}
	if slices.ContainsFunc(c.Packages, func(one davit.Package) bool { return len(versionTags(tags, one.TagPrefix, c.IgnoreTags)) == 0 }) {
		fetched, err := fetchTags(ctx, repo, c, tags)
		if err != nil {
			return nil, err
		}
		if fetched {
			return p.read(ctx, repo, c, overrides, nil)
		}
	}
	return p.readPackages(ctx, repo, c, overrides)
}

// readPackages reads the histories of several packages, in one walk by paths
// for each.
func (p *Plan) readPackages(ctx context.Context, repo *git.Repo, c *davit.Releasing, overrides Overrides) (bases []*tag, err error) {
	if p.Head, err = repo.ReadHead(ctx); err != nil {
		return nil, err
	}
	var asked []string
	for _, one := range c.Packages {
		own := versionTags(p.tags, one.TagPrefix, c.IgnoreTags)
		sortTags(own)
		p.Packages = append(p.Packages, &PackagePlan{Package: one, tags: own})
		for _, t := range own {
			if p.line.stable(t.version) || p.line.channel != "" && t.version.Pre != "" {
				asked = append(asked, t.commit)
			}
		}
	}
	merged, err := repo.Merged(ctx, asked)
	if err != nil {
		return nil, err
	}
	bases = make([]*tag, len(p.Packages))
	for i, one := range p.Packages {
		one.merged = merged
		chosen := git.Range{}
		for j := range one.tags {
			if t := &one.tags[j]; p.line.stable(t.version) && merged[t.commit] {
				bases[i], chosen.From = t, t.commit
				break
			}
		}
		if one.Path != "" {
			chosen.Paths = []string{one.Path}
		}
		if one.commits, err = readRange(ctx, repo, chosen, overrides); err != nil {
			return nil, notBegun(err)
		}
		if err := p.settle(ctx, repo, c, one.commits); err != nil {
			return nil, err
		}
		if err := one.readFresh(ctx, repo, p.line.channel, bases[i], chosen.Paths, overrides); err != nil {
			return nil, err
		}
		if promised, commit := pendingTags(one.commits, p.tags); promised != nil {
			p.Pending, p.PendingCommit = promised, commit
		}
	}
	return bases, nil
}

// readFresh reads a package's commits since the last pre-release of the channel:
// those since the base lack the commits between them that touch other packages,
// so that their parents do not tell.
func (p *PackagePlan) readFresh(ctx context.Context, repo *git.Repo, channel string, base *tag, paths []string, overrides Overrides) error {
	if channel == "" {
		return nil
	}
	if base != nil {
		p.Base = &base.version
	}
	last := p.lastInChannel(channel)
	if last == nil {
		return nil
	}
	fresh, err := readRange(ctx, repo, git.Range{From: last.commit, Paths: paths}, overrides)
	if err != nil {
		return err
	}
	p.fresh = make(map[string]bool, len(fresh))
	for _, c := range fresh {
		p.fresh[c.hash] = true
	}
	return nil
}

// notBegun explains the failure of reading a repository without commits.
func notBegun(err error) error {
	if strings.Contains(err.Error(), "does not have any commits") || strings.Contains(err.Error(), "bad revision 'HEAD'") || strings.Contains(err.Error(), "unknown revision") {
		return &davit.Error{Code: davit.CodeInvalid, Message: "the repository has no commit yet", Hint: "commit something first", Err: err}
	}
	return err
}

// consider analyses a package's commits and decides its version.
func (p *Plan) consider(c *davit.Releasing, one *PackagePlan, base *tag) error {
	if base != nil {
		v := base.version
		one.Base, one.BaseTag, one.BaseHash = &v, base.name, base.commit
	}
	all := conclude(one.commits, c.Types)
	one.Bump = all.bump()
	one.Changes, one.Problems, one.Ignored = all.changes, all.problems, all.ignored
	if p.line.channel == "" {
		return nil
	}
	// The version counts from the last stable release, the changes from the
	// last pre-release.
	if last := one.lastInChannel(p.line.channel); last != nil {
		part := conclude(one.commitsSince(last), c.Types)
		one.Changes, one.Problems, one.Ignored = part.changes, part.problems, part.ignored
		one.BaseTag, one.BaseHash = last.name, last.commit
		if part.bump() == davit.BumpNone {
			one.Bump = davit.BumpNone
		}
	}
	return nil
}

// promises reports whether a pending release tags the package.
func (p *Plan) promises(one *PackagePlan) bool {
	return slices.ContainsFunc(p.Pending, func(name string) bool {
		rest, ok := strings.CutPrefix(name, one.TagPrefix)
		_, err := ParseVersion(rest)
		return ok && err == nil
	})
}

// commitsSince returns the commits since a pre-release.
func (p *PackagePlan) commitsSince(last *tag) []reading {
	published := func(c reading) bool { return !p.fresh[c.hash] }
	if p.fresh == nil {
		parents := make(map[string][]string, len(p.commits))
		for _, c := range p.commits {
			parents[c.hash] = c.parents
		}
		reached := reach(parents, last.commit)
		published = func(c reading) bool { return reached[c.hash] }
	}
	return slices.DeleteFunc(slices.Clone(p.commits), published)
}

func (p *Plan) baseOf(one *PackagePlan) *tag {
	if one.Base == nil {
		return nil
	}
	i := slices.IndexFunc(one.tags, func(t tag) bool { return t.version == *one.Base })
	return &one.tags[i]
}

func (p *Plan) named(name string) *PackagePlan {
	for _, one := range p.Packages {
		if one.Name == name {
			return one
		}
	}
	return nil
}
