package release

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/git"
)

// Latest returns the tag of a package's highest stable release in HEAD's
// history, as far as the clone has it; "" without one.
func Latest(ctx context.Context, repo *git.Repo, c *davit.Releasing, p davit.Package) (string, error) {
	if repo.Head == "" {
		return "", nil
	}
	tags, err := repo.Tags(ctx)
	if err != nil {
		return "", fmt.Errorf("listing the tags: %w", err)
	}
	found := slices.DeleteFunc(versionTags(tags, p.TagPrefix, c.IgnoreTags), func(t tag) bool { return t.version.Pre != "" })
	sortTags(found)
	commits := make([]string, len(found))
	for i, t := range found {
		commits[i] = t.commit
	}
	merged, err := repo.Merged(ctx, commits)
	if err != nil {
		return "", fmt.Errorf("looking for the latest release: %w", err)
	}
	i := slices.IndexFunc(found, func(t tag) bool { return merged[t.commit] })
	if i < 0 {
		return "", nil
	}
	return found[i].name, nil
}

// PackageAt returns the innermost package that a folder is in, by its path from
// the repository's root with slashes.
func PackageAt(packages []davit.Package, folder string) (p davit.Package, ok bool) {
	depth := -1
	for _, one := range packages {
		inside := one.Path == "" || strings.HasPrefix(path.Clean(folder)+"/", one.Path+"/")
		if inside && len(one.Path) > depth {
			p, ok, depth = one, true, len(one.Path)
		}
	}
	return p, ok
}
