package release

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// readText returns a file's content.
func readText(name string) (string, error) {
	content, err := os.ReadFile(name)
	return string(content), err
}

// checkPlace refuses to release from where it cannot end well.
func (r *Runner) checkPlace(ctx context.Context) error {
	if r.Repo.Branch == "" {
		return &davit.Error{
			Code: davit.CodeRefused, Message: "HEAD is detached, so there is no branch to release from",
			Hint: "check the branch out: git switch main (GitLab CI: git switch -C \"$CI_COMMIT_BRANCH\")",
		}
	}
	l := lineOf(r.Repo.Branch, r.Config.Branches)
	if !l.known {
		head, err := r.Repo.Run(ctx, "symbolic-ref", "-q", "refs/remotes/"+r.Config.Remote+"/HEAD")
		if err == nil && strings.TrimSpace(head) != "refs/remotes/"+r.Config.Remote+"/"+r.Repo.Branch || len(r.Config.Branches) > 0 {
			return &davit.Error{
				Code: davit.CodeRefused, Message: fmt.Sprintf("%s is no branch that releases", r.Repo.Branch),
				Hint: "release from the default branch, or name this one under release.branches in davit.yaml",
			}
		}
	}
	if err := r.Repo.Identity(ctx); err != nil {
		return &davit.Error{
			Code: davit.CodeRefused, Message: "git does not know who commits", Err: err,
			Hint: "git config user.name NAME; git config user.email ADDRESS",
		}
	}
	return nil
}

// checkRemote reads what the remote has, and fetches tags that are lacking.
func (r *Runner) checkRemote(ctx context.Context) error {
	address, err := r.Repo.Config(ctx, "remote."+r.Config.Remote+".url")
	if err != nil {
		return err
	}
	if address == "" {
		return &davit.Error{Code: davit.CodeRefused, Message: "there is no remote " + r.Config.Remote + " to release to", Hint: "git remote add " + r.Config.Remote + " ADDRESS, or name another as release.remote"}
	}
	if err := complete(ctx, r.Repo, r.Config); err != nil {
		return err
	}
	r.remote, r.remoteHead, err = r.Repo.RemoteTags(ctx, r.Config.Remote, r.Repo.Branch)
	if err != nil {
		return &davit.Error{Code: davit.CodeUnavailable, Message: "cannot read the remote " + r.Config.Remote, Hint: "check the address and the credentials: git ls-remote " + r.Config.Remote, Err: err}
	}
	local, err := r.Repo.Tags(ctx)
	if err != nil {
		return err
	}
	if lacking := lackingTags(r.Config, r.remote, local); len(lacking) > 0 {
		return fetchLacking(ctx, r.Repo, r.Config, lacking)
	}
	return nil
}

// checkMoved refuses when the remote's branch has commits that are not here.
func (r *Runner) checkMoved(ctx context.Context, plan *Plan) error {
	if r.remoteHead == "" || r.remoteHead == plan.Head || r.Repo.IsAncestor(ctx, r.remoteHead, plan.Head) {
		return nil
	}
	return &davit.Error{
		Code: davit.CodeRefused, Message: fmt.Sprintf("%s has moved on at %s", r.Repo.Branch, r.Config.Remote),
		Hint: "git pull, then release again",
	}
}

// checkRights asks the remote and the forge whether this run may push, before
// anything is written.
func (r *Runner) checkRights(ctx context.Context) error {
	branch := r.Repo.Branch
	if r.Config.Mode == davit.ReleaseByPullRequest {
		branch = r.requestBranch()
	}
	if err := r.Repo.Push(ctx, r.Config.Remote, true, "+HEAD:refs/heads/"+branch); err != nil {
		return refusedPush(err, r.Config.Remote)
	}
	if r.Forge == nil {
		return nil
	}
	return r.Forge.CheckPush(ctx, branch)
}

// refusedPush explains why a remote refused a push.
func refusedPush(err error, remote string) error {
	said := err.Error()
	e := &davit.Error{Code: davit.CodeRefused, Message: "the remote " + remote + " refused the push; nothing is left of the release", Err: err}
	switch {
	case strings.Contains(said, "protected branch") || strings.Contains(said, "GH006") || strings.Contains(said, "GH013") || strings.Contains(said, "hook declined"):
		e.Hint = "the branch is protected: let this user bypass the protection, or set release.mode: pull-request"
	case strings.Contains(said, "fetch first") || strings.Contains(said, "non-fast-forward") || strings.Contains(said, "stale info"):
		e.Message, e.Hint = "the remote "+remote+" moved on meanwhile; nothing is left of the release", "git pull, then release again"
	case strings.Contains(said, "ermission denied") || strings.Contains(said, "403") || strings.Contains(said, "could not read Username") || strings.Contains(said, "Authentication failed") || strings.Contains(said, "unable to create"):
		e.Hint = "this user may not push: give the CI job write access (GitHub Actions: permissions: contents: write)"
	default:
		e.Hint = "see what git says, then release again"
	}
	return e
}

// stray returns those of the tags that the remote has on another commit.
func stray(remote map[string]string, tags []string, commit string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(name string) bool { return remote[name] == "" || remote[name] == commit })
}
