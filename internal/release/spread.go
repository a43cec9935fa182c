package release

import (
	"context"
	"slices"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/git"
)

// spread decides all packages' versions: dependents follow their dependencies,
// and packages that are released together take the highest bump. Packages that
// were not asked for are not released, so nothing follows them now.
func (p *Plan) spread(ctx context.Context, repo *git.Repo, c *davit.Releasing, o Options) error {
	for _, name := range o.Only {
		if p.named(name) == nil {
			return unknownPackage(c, name)
		}
	}
	if o.As != nil && len(p.Packages) > 1 && len(o.Only) != 1 {
		return &davit.Error{Code: davit.CodeInvalid, Message: "--as names one version for several packages", Hint: "name the package with --package"}
	}
	var asked []*PackagePlan
	for _, one := range p.Packages {
		if len(o.Only) > 0 && !slices.Contains(o.Only, one.Name) {
			one.Rule = "another package was asked for"
			continue
		}
		asked = append(asked, one)
	}
	p.follow(ctx, repo, c, asked)
	for _, one := range asked {
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

// follow raises the bumps of packages whose dependencies move, and of all to
// the highest when they are released together.
func (p *Plan) follow(ctx context.Context, repo *git.Repo, c *davit.Releasing, asked []*PackagePlan) {
	highest := davit.BumpNone
	for _, one := range asked {
		highest = max(highest, one.Bump)
		for _, name := range one.DependsOn {
			if p.named(name).movedSince(ctx, repo, one) {
				one.Moved, one.Bump = append(one.Moved, name), max(one.Bump, davit.BumpPatch)
			}
		}
	}
	for moved := true; moved; {
		moved = false
		for _, one := range asked {
			if c.Together && one.Bump < highest {
				one.Bump, moved = highest, true
			}
			for _, name := range one.DependsOn {
				d := p.named(name)
				if d.Bump > davit.BumpNone && slices.Contains(asked, d) && !slices.Contains(one.Moved, name) {
					one.Moved, one.Bump, moved = append(one.Moved, name), max(one.Bump, davit.BumpPatch), true
				}
			}
		}
	}
}

// movedSince reports whether a dependency was released after the last release
// of a package that depends on it.
func (p *PackagePlan) movedSince(ctx context.Context, repo *git.Repo, dependent *PackagePlan) bool {
	if p.BaseHash == "" || dependent.BaseHash == "" || p.BaseHash == dependent.BaseHash {
		return false
	}
	return !repo.IsAncestor(ctx, p.BaseHash, dependent.BaseHash)
}
