package release

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/forge"
)

// requestBranch is the branch of the pull request for the current branch, whose slashes
// it keeps: a/b and a-b are two.
func (r *Runner) requestBranch() string {
	return "davit/release-" + r.Repo.Branch
}

// readRequest reads what the remote's branch of the pull request is, and
// fetches it.
func (r *Runner) readRequest(ctx context.Context) (err error) {
	branch := r.requestBranch()
	if _, r.requestHead, err = r.Repo.RemoteTags(ctx, r.Config.Remote, branch); err != nil || r.requestHead == "" {
		return err
	}
	if _, err := r.Repo.Run(ctx, "fetch", "--quiet", "--no-tags", "--", r.Config.Remote, "refs/heads/"+branch); err != nil {
		return fmt.Errorf("fetching the branch %s: %w", branch, err)
	}
	return nil
}

// changelogDate returns the date that an earlier run gave a release which is not
// made yet: in the working tree, or on the branch of the pull request.
func (r *Runner) changelogDate(ctx context.Context, p *PackagePlan) (string, error) {
	if r.Config.Mode != davit.ReleaseByPullRequest {
		content, err := readText(filepath.Join(r.Repo.Root, filepath.FromSlash(p.Changelog)))
		if err != nil {
			return "", nil //nolint:nilerr // there is no changelog yet
		}
		return changelog.Date(content, p.Next.String()), nil
	}
	if r.requestHead == "" {
		return "", nil
	}
	content, err := r.Repo.Show(ctx, r.requestHead, p.Changelog)
	return changelog.Date(string(content), p.Next.String()), err
}

// proposal returns the message of the commit that a pull request is to merge.
func (r *Runner) proposal(plan *Plan) string {
	return describe(r.Config, plan.Releases()) + baseTrailer + ": " + plan.Head + "\n"
}

// isProposed reports whether the branch of the pull request is the release's
// change on top of the plan's commit. Its commit may be another each time, as
// a signature has its time.
func (r *Runner) isProposed(ctx context.Context, plan *Plan, f *files) (bool, error) {
	if r.requestHead == "" {
		return false, nil
	}
	told, err := r.Repo.Run(ctx, "log", "-1", "--format=%P%n%B", r.requestHead, "--")
	if err != nil {
		return false, err
	}
	if strings.TrimSpace(told) != plan.Head+"\n"+strings.TrimSpace(r.proposal(plan)) {
		return false, nil
	}
	changed, err := r.Repo.Changed(ctx, r.requestHead)
	if err != nil || !slices.Equal(slices.Sorted(slices.Values(changed)), slices.Sorted(maps.Keys(f.after))) {
		return false, err
	}
	for name, content := range f.after {
		if there, err := r.Repo.Show(ctx, r.requestHead, name); err != nil || !bytes.Equal(there, content) {
			return false, err
		}
	}
	return true, nil
}

// propose keeps the release's change on a branch of its own and the pull
// request from it up to date.
func (r *Runner) propose(ctx context.Context, plan *Plan, f *files, result *Result) error {
	branch, message := r.requestBranch(), r.proposal(plan)
	there, err := r.isProposed(ctx, plan, f)
	if err != nil {
		return err
	}
	if !there {
		commit, err := r.Repo.CommitAside(ctx, plan.Head, message, f.after)
		if err != nil {
			return err
		}
		r.observe(StepCommit, "%s", short(commit))
		if err := r.Repo.Replace(ctx, r.Config.Remote, branch, r.requestHead, commit); err != nil {
			return refusedRequest(err, branch, r.Config.Remote)
		}
		r.observe(StepPush, "%s to %s", branch, r.Config.Remote)
	}
	result.Proposed = branch
	if r.Forge == nil {
		return nil
	}
	title, _, _ := strings.Cut(message, "\n")
	body := ""
	for _, p := range plan.Releases() {
		body += "## " + p.Tag() + "\n\n" + f.notes[p.Tag()] + "\n"
	}
	body += message[strings.Index(message, trailer):] // a squash takes the request's text for its message
	page, err := r.Forge.Propose(ctx, forge.PullRequest{Branch: branch, Base: r.Repo.Branch, Title: title, Body: body})
	if err != nil {
		return err
	}
	result.Proposed = page
	r.observe(StepPropose, "%s", page)
	return nil
}

// warnOfUntold warns of commits that came while the pull request was being merged, where
// the merge put the release's change after them: they are in the release, and its
// changelog says nothing of them.
func (r *Runner) warnOfUntold(ctx context.Context, plan *Plan, result *Result) error {
	if r.Config.Mode != davit.ReleaseByPullRequest {
		return nil
	}
	base, err := r.proposedOn(ctx, plan.PendingCommit)
	if err != nil || base == "" {
		return err
	}
	told, err := r.Repo.Run(ctx, "log", "--format=%h %s", base+".."+plan.PendingCommit+"^", "--")
	if err != nil || told == "" {
		return ctx.Err() // a commit without a parent came onto nothing
	}
	const most = 5
	untold := strings.Split(strings.TrimSpace(told), "\n")
	text := strings.Join(untold[:min(len(untold), most)], "; ")
	if n := len(untold) - most; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	result.Warnings = append(result.Warnings, fmt.Sprintf(
		"%s has commits that its changelog does not tell of, for they came while the pull request was being merged: %s", strings.Join(plan.Pending, ", "), text))
	return nil
}

// proposedOn returns the commit that a merged pull request was made on: its message
// tells, or else, where a squash kept the title alone, the branch, unless the forge has
// removed it: "" then.
func (r *Runner) proposedOn(ctx context.Context, merged string) (string, error) {
	message, err := r.Repo.Run(ctx, "log", "-1", "--format=%B", merged, "--")
	if err != nil {
		return "", err
	}
	for _, base := range trailed(message, baseTrailer) {
		if isHash().MatchString(base) { // anybody can write a trailer
			return base, nil
		}
	}
	if err := r.readRequest(ctx); err != nil || r.requestHead == "" {
		return "", err
	}
	return r.requestHead + "^", nil
}

// isHash tells whole hashes from options and ranges.
var isHash = expression(`^[0-9a-f]{40,64}$`)

// withdraw closes the pull request of a release that is not due any more, and
// removes its branch, which a merge may have left. The request comes first:
// without the branch nobody would look for it. When packages were chosen, the
// request may be of others.
func (r *Runner) withdraw(ctx context.Context, result *Result) error {
	if r.Config.Mode != davit.ReleaseByPullRequest || len(r.Options.Only) > 0 {
		return nil
	}
	branch := r.requestBranch()
	_, head, err := r.Repo.RemoteTags(ctx, r.Config.Remote, branch)
	if err != nil {
		return err
	}
	closed := false
	if r.Forge != nil {
		if closed, err = r.Forge.Withdraw(ctx, branch, r.Repo.Branch); err != nil {
			return err
		}
	}
	if head != "" {
		if err := r.Repo.Replace(ctx, r.Config.Remote, branch, head, ""); err != nil {
			return refusedRequest(err, branch, r.Config.Remote)
		}
	}
	if closed || head != "" {
		result.Withdrawn = branch
		r.observe(StepWithdraw, "%s", branch)
	}
	return nil
}

// refusedRequest explains why a remote left the branch of the pull request as
// it is.
func refusedRequest(err error, branch, remote string) error {
	if strings.Contains(err.Error(), "stale info") {
		return &davit.Error{
			Code: davit.CodeConflict, Message: fmt.Sprintf("somebody else changed the branch %s at %s meanwhile; it is left as it is", branch, remote),
			Hint: "run davit release again", Err: err,
		}
	}
	return &davit.Error{
		Code: davit.CodeRefused, Message: fmt.Sprintf("the remote %s refused the change of the branch %s", remote, branch),
		Hint: "this user has to be allowed to push, to push by force and to delete the branch (GitHub Actions: permissions: contents: write)", Err: err,
	}
}
