package release

import (
	"context"
	"fmt"
	"maps"
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
	for i, one := range plan.Packages {
		if err := plan.consider(c, one, head[i]); err != nil {
			return nil, err
		}
	}
	if err := plan.spread(c, o); err != nil {
		return nil, err
	}
	return plan, nil
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
			again, err := p.fetchTags(ctx, repo, c)
			if err != nil {
				return nil, err
			}
			if again {
				return p.read(ctx, repo, c, overrides, nil)
			}
		}
		if len(s.commits) > 0 {
			p.Head = s.commits[0].hash
		} else if s.base != nil {
			p.Head = s.base.commit
		}
		p.Pending, p.PendingCommit = pendingTags(s.commits, tags)
		p.Packages = []*PackagePlan{{Package: c.Packages[0], tags: s.tags, commits: s.commits}}
		return []*tag{s.base}, nil
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
			if p.line.stable(t.version) {
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
		if promised, commit := pendingTags(one.commits, p.tags); promised != nil {
			p.Pending, p.PendingCommit = promised, commit
		}
	}
	return bases, nil
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
		parents := make(map[string][]string, len(one.commits))
		for _, c := range one.commits {
			parents[c.hash] = c.parents
		}
		published := reach(parents, last.commit)
		fresh := slices.DeleteFunc(slices.Clone(one.commits), func(c reading) bool { return published[c.hash] })
		part := conclude(fresh, c.Types)
		one.Changes, one.Problems, one.Ignored = part.changes, part.problems, part.ignored
		one.BaseTag, one.BaseHash = last.name, last.commit
		if part.bump() == davit.BumpNone {
			one.Bump = davit.BumpNone
		}
	}
	return nil
}

// spread decides all packages' versions: dependents follow their dependencies,
// and packages that are released together take the highest bump.
func (p *Plan) spread(c *davit.Releasing, o Options) error {
	highest := davit.BumpNone
	for _, one := range p.Packages {
		highest = max(highest, one.Bump)
	}
	for moved := true; moved; {
		moved = false
		for _, one := range p.Packages {
			if c.Together && one.Bump < highest {
				one.Bump, moved = highest, true
			}
			for _, d := range one.DependsOn {
				if p.named(d).Bump > davit.BumpNone && !slices.Contains(one.Moved, d) {
					one.Moved, one.Bump, moved = append(one.Moved, d), max(one.Bump, davit.BumpPatch), true
				}
			}
		}
	}
	for _, name := range o.Only {
		if p.named(name) == nil {
			return &davit.Error{Code: davit.CodeNotFound, Message: "there is no package " + name, Hint: "release.packages in davit.yaml names them"}
		}
	}
	if o.As != nil && len(p.Packages) > 1 && len(o.Only) != 1 {
		return &davit.Error{Code: davit.CodeInvalid, Message: "--as names one version for several packages", Hint: "name the package with --package"}
	}
	for _, one := range p.Packages {
		if len(o.Only) > 0 && !slices.Contains(o.Only, one.Name) {
			one.Rule = "another package was asked for"
			continue
		}
		if p.promises(one) {
			one.Rule = "its release is committed and waits for its tag"
			continue
		}
		if err := p.decide(c, one, p.baseOf(one), o.As); err != nil {
			return err
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

// complete fetches the history that a shallow clone lacks, or refuses.
func complete(ctx context.Context, repo *git.Repo, c *davit.Releasing) error {
	if !repo.Shallow {
		return nil
	}
	if _, err := repo.Run(ctx, "fetch", "--quiet", "--unshallow", "--tags", "--", c.Remote); err != nil {
		return &davit.Error{
			Code: davit.CodeRefused, Message: "this is a shallow clone: the last release may be in the history that it lacks, and fetching that failed",
			Hint: "let the CI job clone everything (GitHub Actions: fetch-depth: 0; GitLab: GIT_DEPTH: 0), or run git fetch --unshallow --tags", Err: err,
		}
	}
	repo.Shallow = false
	return nil
}

// fetchTags fetches the remote's tags when it has releases and the clone has
// none, as one made with --no-tags.
func (p *Plan) fetchTags(ctx context.Context, repo *git.Repo, c *davit.Releasing) (fetched bool, err error) {
	if url, err := repo.Config(ctx, "remote."+c.Remote+".url"); err != nil || url == "" {
		return false, nil //nolint:nilerr // without a remote there is nothing to lack
	}
	tags, _, err := repo.RemoteTags(ctx, c.Remote, "main")
	if err != nil {
		p.Warnings = append(p.Warnings, "the remote "+c.Remote+" could not be asked for tags, so this clone may lack some")
		return false, nil
	}
	maps.DeleteFunc(tags, func(name, _ string) bool {
		_, err := ParseVersion(strings.TrimPrefix(name, c.Packages[0].TagPrefix))
		return err != nil
	})
	if len(tags) == 0 {
		return false, nil
	}
	if err := fetchMissingTags(ctx, repo, c, tags); err != nil {
		return false, err
	}
	return true, nil
}

// fetchMissingTags fetches those of the remote's tags that the clone lacks.
func fetchMissingTags(ctx context.Context, repo *git.Repo, c *davit.Releasing, remote map[string]string) error {
	names := slices.Sorted(maps.Keys(remote))
	if err := repo.FetchTags(ctx, c.Remote, names); err != nil {
		return &davit.Error{
			Code:    davit.CodeRefused,
			Message: fmt.Sprintf("the remote %s has tags that this clone lacks (%s), and fetching them failed", c.Remote, names[0]),
			Hint:    "let the CI job fetch tags, or run git fetch --tags", Err: err,
		}
	}
	return nil
}
