package release

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-dev/davit/internal/release/git"
)

// yieldBefore takes back the release that a crashed run left at HEAD when
// another run made it since, or when a rebase put it on commits that it does
// not tell of.
func (r *Runner) yieldBefore(ctx context.Context) (elsewhere bool, err error) {
	head, err := r.Repo.ReadHead(ctx)
	if err != nil || r.remoteHead != "" && r.Repo.IsAncestor(ctx, head, r.remoteHead) {
		return false, err
	}
	tags, err := r.promisesOf(ctx, head)
	if err != nil || len(tags) == 0 {
		return false, err
	}
	others := stray(r.remote, tags, head)
	if len(others) == 0 {
		return false, r.takeRebased(ctx, head, tags)
	}
	// A release that the remote's branch does not hold is another branch's, and
	// the commit somebody's copy of it.
	if _, err := r.Repo.Run(ctx, "fetch", "--quiet", "--no-tags", "--", r.Config.Remote, "refs/heads/"+r.Repo.Branch); err != nil || r.remoteHead == "" {
		return false, nil //nolint:nilerr // a remote without the branch holds no release of it
	}
	for _, name := range others {
		if !r.Repo.IsAncestor(ctx, r.remote[name], r.remoteHead) {
			return false, nil
		}
	}
	return true, r.takeBack(ctx, head, tags)
}

// takeRebased takes back the commit of a release that no remote has and that
// was rebased since it was made, so that it is made again with what it is on now.
func (r *Runner) takeRebased(ctx context.Context, head string, tags []string) error {
	rewritten, err := r.Repo.Rewritten(ctx, head)
	if err != nil || !rewritten || slices.ContainsFunc(tags, func(name string) bool { return r.remote[name] != "" }) {
		return err
	}
	local, err := r.Repo.Tags(ctx)
	if err != nil {
		return err
	}
	for _, name := range tags { // what they were on is on no branch any more
		if local[name] == "" {
			continue
		}
		holders, err := r.Repo.Run(ctx, "for-each-ref", "--count=1", "--contains", local[name], "refs/heads", "refs/remotes")
		if err != nil {
			return err
		}
		message, err := r.Repo.TagMessage(ctx, name)
		if err != nil || holders != "" && local[name] != head || !strings.HasPrefix(message, tagSubject+name+"\n") {
			return err
		}
	}
	for _, name := range tags {
		if local[name] != "" {
			if _, err := r.Repo.Run(ctx, "tag", "-d", "--", name); err != nil {
				return fmt.Errorf("taking the tag %s back: %w", name, err)
			}
		}
	}
	return r.takeBack(ctx, head, tags)
}

// promisesOf returns the tags that a release's commit promises; none of another
// commit.
func (r *Runner) promisesOf(ctx context.Context, commit string) ([]string, error) {
	if commit == "" {
		return nil, nil
	}
	overrides, err := LoadOverrides(filepath.Join(r.Repo.Root, filepath.FromSlash(r.Config.Messages)))
	if err != nil {
		return nil, err
	}
	for c, err := range r.Repo.Log(ctx, git.Range{To: commit}) {
		if err != nil {
			return nil, err
		}
		message := overrides.message(c)
		tags := promises(message)
		if len(tags) == 0 {
			tags = titled(r.Config, subject(message))
		}
		if len(tags) == 0 {
			break
		}
		if kept, err := carries(ctx, r.Repo, r.Config, commit, tags); kept || err != nil {
			return tags, err
		}
		break
	}
	return nil, nil
}

// takeBack removes a release's commit and tags that no remote has, and puts the
// tags that moved with it back to where the remote has them.
func (r *Runner) takeBack(ctx context.Context, commit string, tags []string) error {
	local, err := r.Repo.Tags(ctx)
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(slices.Clone(tags), func(name string) bool { return local[name] != commit || r.remote[name] == commit })
	var moved []string
	if r.Config.FloatingTags {
		for _, name := range r.floating(local, tags) {
			switch {
			case local[name] != commit || r.remote[name] == commit:
			case r.remote[name] == "":
				gone = append(gone, name)
			default:
				moved = append(moved, name)
			}
		}
	}
	for _, name := range gone {
		if _, err := r.Repo.Run(ctx, "tag", "-d", "--", name); err != nil {
			return fmt.Errorf("taking the tag %s back: %w", name, err)
		}
	}
	if len(moved) > 0 {
		if err := r.Repo.FetchTags(ctx, r.Config.Remote, moved, true); err != nil {
			return fmt.Errorf("moving the tags %s back: %w", strings.Join(moved, ", "), err)
		}
	}
	head, err := r.Repo.ReadHead(ctx)
	if err != nil || head != commit || commit == r.remoteHead {
		return err
	}
	if promised, err := r.promisesOf(ctx, commit); err != nil || len(promised) == 0 {
		return err
	}
	if _, err := r.Repo.Run(ctx, "reset", "--quiet", "--keep", commit+"^"); err != nil {
		return fmt.Errorf("taking the release's commit back: %w", err)
	}
	return nil
}
