package release

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/git"
)

// complete fetches the history that a shallow clone lacks, or refuses. Tags that
// are here stay where they are: one that moves, such as v1, would be in the way.
func complete(ctx context.Context, repo *git.Repo, c *davit.Releasing) error {
	if !repo.Shallow {
		return nil
	}
	if _, err := repo.Run(ctx, "fetch", "--quiet", "--unshallow", "--no-tags", "--", c.Remote); err != nil {
		return &davit.Error{
			Code: davit.CodeRefused, Message: "this is a shallow clone: the last release may be in the history that it lacks, and fetching that failed",
			Hint: "let the CI job clone everything (GitHub Actions: fetch-depth: 0; GitLab: GIT_DEPTH: 0), or run git fetch --unshallow --tags", Err: err,
		}
	}
	local, err := repo.Tags(ctx)
	if err != nil {
		return fmt.Errorf("listing the tags: %w", err)
	}
	if _, err := fetchTags(ctx, repo, c, local); err != nil {
		return err
	}
	repo.Shallow = false
	return nil
}

// fetchTags fetches the releases' tags that the remote has and the clone lacks,
// as one made with --no-tags, and reports whether there were any. A remote that
// cannot be asked is a refusal: without tags every version would be the first.
func fetchTags(ctx context.Context, repo *git.Repo, c *davit.Releasing, local map[string]string) (fetched bool, err error) {
	if url, err := repo.Config(ctx, "remote."+c.Remote+".url"); err != nil || url == "" {
		return false, nil //nolint:nilerr // without a remote there is nothing to lack
	}
	tags, _, err := repo.RemoteTags(ctx, c.Remote, "main")
	if err != nil {
		return false, &davit.Error{
			Code: davit.CodeRefused, Message: "this clone has no tag of a release, and the remote " + c.Remote + " could not be asked whether there is one",
			Hint: "let the CI job fetch tags (GitHub Actions: fetch-depth: 0 and fetch-tags: true) or reach the remote: git ls-remote " + c.Remote, Err: err,
		}
	}
	lacking := lackingTags(c, tags, local)
	if len(lacking) == 0 {
		return false, nil
	}
	return true, fetchLacking(ctx, repo, c, lacking)
}

// lackingTags returns the names of the releases' tags that the clone lacks.
func lackingTags(c *davit.Releasing, remote, local map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(remote)), func(name string) bool {
		_, _, ok := packageOf(c, name)
		return !ok || local[name] != "" || ignored(name, c.IgnoreTags)
	})
}

// fetchLacking fetches tags that the clone lacks.
func fetchLacking(ctx context.Context, repo *git.Repo, c *davit.Releasing, names []string) error {
	if err := repo.FetchTags(ctx, c.Remote, names, false); err != nil {
		return &davit.Error{
			Code:    davit.CodeRefused,
			Message: fmt.Sprintf("the remote %s has tags that this clone lacks (%s), and fetching them failed", c.Remote, strings.Join(names[:min(len(names), 3)], ", ")),
			Hint:    "let the CI job fetch tags, or run git fetch --tags", Err: err,
		}
	}
	return nil
}
