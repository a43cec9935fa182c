package release

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/forge"
	"github.com/davit-dev/davit/internal/release/git"
)

// Step is one step of a release. Every step can be done again.
type Step string

// The steps of a release, in their order.
const (
	StepPlan    Step = "plan"
	StepWrite   Step = "write"
	StepCommit  Step = "commit"
	StepTag     Step = "tag"
	StepPush    Step = "push"
	StepPublish Step = "publish"
	StepRecord  Step = "record"
	StepPropose Step = "propose" // of a pull request
	// StepWithdraw ends a pull request whose release is not due any more.
	StepWithdraw Step = "withdraw"
)

// Recorder keeps a record of releases, such as the audit log of a server.
type Recorder interface {
	// RecordRelease records a release, and reports whether there was no record
	// of it; recording it again changes nothing.
	RecordRelease(ctx context.Context, r Released) (added bool, err error)
}

// Runner makes releases.
type Runner struct {
	Repo    *git.Repo
	Config  *davit.Releasing
	Options Options
	// Forge publishes; nil publishes nothing.
	Forge forge.Forge
	// Recorder keeps a record; nil keeps none.
	Recorder Recorder
	// Links are the addresses of the repository's pages.
	Links changelog.Links
	Now   func() time.Time
	// Observe is told after each step what was done; nil is told nothing.
	Observe func(step Step, done string)

	teller teller
	// remote is what the remote had when the run began.
	remote     map[string]string
	remoteHead string
	// requestHead is where the remote had the branch of the pull request then.
	requestHead string
}

// Released is a release that was made.
type Released struct {
	Package string  `json:"package,omitempty"`
	Version Version `json:"version"`
	Tag     string  `json:"tag"`
	Commit  string  `json:"commit"`
	// Digest names the released content: its tree in git.
	Digest string `json:"digest"`
	Notes  string `json:"notes"`
	Page   string `json:"page,omitempty"` // on the forge
}

// Result is what a run did.
type Result struct {
	Releases []Released `json:"releases"`
	// Proposed is the page, or the branch, of the pull request.
	Proposed string `json:"proposed,omitempty"`
	// Withdrawn is the branch of a pull request that nothing is due for any
	// more: closed, where it was not merged, and removed.
	Withdrawn string `json:"withdrawn,omitempty"`
	// Elsewhere is whether another run made the release at the same time.
	Elsewhere bool     `json:"elsewhere,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
}

// Nothing reports whether there was nothing to do.
func (r Result) Nothing() bool {
	return len(r.Releases) == 0 && r.Proposed == "" && r.Withdrawn == "" && !r.Elsewhere
}

func (r *Runner) observe(step Step, format string, args ...any) {
	if r.Observe != nil {
		r.Observe(step, fmt.Sprintf(format, args...))
	}
}

// Preview returns the plan and what a run would change, without changing
// anything. What the run would refuse it refuses too.
func (r *Runner) Preview(ctx context.Context) (plan *Plan, diff string, err error) {
	r.teller = teller{r.Config.Types, r.Links}
	if err := r.checkPlace(ctx); err != nil {
		return nil, "", err
	}
	if err := r.checkRemote(ctx); err != nil {
		return nil, "", err
	}
	plan, err = Next(ctx, r.Repo, r.Config, r.Options)
	if err != nil {
		return nil, "", err
	}
	if err := r.checkMoved(ctx, plan); err != nil || len(plan.Releases()) == 0 || plan.Pending != nil {
		return plan, "", err
	}
	f, _, err := r.prepare(ctx, plan)
	if err != nil {
		return nil, "", err
	}
	diff, err = r.Repo.Diff(ctx, plan.Head, f.after)
	return plan, diff, err
}

func (r *Runner) today() string { return r.Now().UTC().Format(time.DateOnly) }

// Run makes the release that is due, finishes the one that a crash left, or
// finds nothing to do.
func (r *Runner) Run(ctx context.Context) (Result, error) {
	r.teller = teller{r.Config.Types, r.Links}
	if err := r.checkPlace(ctx); err != nil {
		return Result{}, err
	}
	if err := r.checkRemote(ctx); err != nil {
		return Result{}, err
	}
	if taken, err := r.yieldBefore(ctx); taken || err != nil {
		return Result{Elsewhere: taken}, err
	}
	plan, err := Next(ctx, r.Repo, r.Config, r.Options)
	if err != nil {
		return Result{}, err
	}
	if err := r.checkMoved(ctx, plan); err != nil {
		return Result{}, err
	}
	result := Result{Warnings: plan.Warnings}
	if err := r.finishEarlier(ctx, plan, &result); err != nil || result.Elsewhere {
		return result, err
	}
	if plan.Pending != nil { // the commits after it make a release of their own
		if plan, err = Next(ctx, r.Repo, r.Config, r.Options); err != nil {
			return result, err
		}
	}
	if len(plan.Releases()) == 0 {
		err = r.withdraw(ctx, &result)
		return result, err
	}
	err = r.release(ctx, plan, &result)
	return result, err
}

// finishEarlier finishes the release that an earlier run began.
func (r *Runner) finishEarlier(ctx context.Context, plan *Plan, result *Result) error {
	if plan.Pending == nil {
		return r.finishLast(ctx, plan, result)
	}
	r.observe(StepPlan, "finish %s", strings.Join(plan.Pending, ", "))
	if err := r.warnOfUntold(ctx, plan, result); err != nil {
		return err
	}
	assets, err := r.assets()
	if err != nil {
		return err
	}
	return r.finish(ctx, unfinished{commit: plan.PendingCommit, tags: plan.Pending, assets: assets}, result)
}

// prepare computes what a release writes and publishes, and refuses what cannot
// end well before anything is written.
func (r *Runner) prepare(ctx context.Context, plan *Plan) (f *files, assets []string, err error) {
	if err := r.checkRights(ctx); err != nil {
		return nil, nil, err
	}
	if f, err = r.resume(ctx, plan); err != nil {
		return nil, nil, err
	}
	if r.Config.Mode != davit.ReleaseByPullRequest { // a pull request publishes nothing yet
		assets, err = r.assets()
	}
	return f, assets, err
}

// release makes a release from its first step.
func (r *Runner) release(ctx context.Context, plan *Plan, result *Result) error {
	f, assets, err := r.prepare(ctx, plan)
	if err != nil {
		return err
	}
	due := plan.Releases()
	var tags []string
	for _, p := range due {
		tags = append(tags, p.Tag())
	}
	r.observe(StepPlan, "release %s", strings.Join(tags, ", "))
	if r.Config.Mode == davit.ReleaseByPullRequest {
		return r.propose(ctx, plan, f, result)
	}
	commit := plan.Head
	if len(f.after) > 0 {
		if commit, err = r.commit(ctx, plan, f); err != nil {
			return err
		}
	}
	return r.finish(ctx, unfinished{commit, tags, f.notes, assets}, result)
}

// resume computes what is to be written. When a run on another day wrote the
// changelog already and crashed, or proposed the same, its date stays.
func (r *Runner) resume(ctx context.Context, plan *Plan) (*files, error) {
	byRequest := r.Config.Mode == davit.ReleaseByPullRequest
	if byRequest {
		if err := r.readRequest(ctx); err != nil {
			return nil, err
		}
	}
	date := r.today()
	for _, p := range plan.Releases() {
		written, err := r.changelogDate(ctx, p)
		if err != nil {
			return nil, err
		}
		if written != "" {
			date = written
		}
	}
	f, err := r.compute(ctx, plan, date)
	if err != nil {
		return nil, err
	}
	if byRequest && date != r.today() {
		same, err := r.isProposed(ctx, plan, f)
		if err == nil && !same {
			f, err = r.compute(ctx, plan, r.today())
		}
		if err != nil {
			return nil, err
		}
	}
	dirty, err := r.Repo.Dirty(ctx)
	if err != nil {
		return nil, err
	}
	return f, f.check(r.Repo.Root, dirty)
}

// commit writes the files and commits them, or leaves everything as it was.
func (r *Runner) commit(ctx context.Context, plan *Plan, f *files) (string, error) {
	paths := make([]string, 0, len(f.after))
	for name := range f.after {
		paths = append(paths, name)
	}
	slices.Sort(paths)
	for _, name := range paths {
		if err := writeFile(filepath.Join(r.Repo.Root, filepath.FromSlash(name)), f.after[name]); err != nil {
			return "", r.restore(ctx, f, err)
		}
		r.observe(StepWrite, "%s", name)
	}
	commit, err := r.Repo.Commit(ctx, describe(r.Config, plan.Releases()), paths)
	if err != nil {
		return "", r.restore(ctx, f, &davit.Error{
			Code: davit.CodeRefused, Message: "git could not commit the release; its files are as they were", Err: err,
			Hint: "see what git says: a hook may have refused, the signing key may be missing, or another git may hold the index",
		})
	}
	r.observe(StepCommit, "%s", short(commit))
	return commit, nil
}

// unfinished is a release that is committed.
type unfinished struct {
	commit string
	tags   []string
	notes  map[string]string // by tag; those that are not given are read from the commit or the tag
	assets []string          // files
}

// finish tags, pushes and publishes a release that is committed. What is done
// already is not done again.
func (r *Runner) finish(ctx context.Context, u unfinished, result *Result) error {
	releases, err := r.describeReleases(ctx, u.commit, u.tags, u.notes)
	if err != nil {
		return err
	}
	if err := r.tag(ctx, u.commit, releases); err != nil {
		return err
	}
	elsewhere, err := r.push(ctx, u.commit, u.tags)
	if elsewhere || err != nil {
		result.Elsewhere = elsewhere
		return err
	}
	first := len(result.Releases)
	result.Releases = append(result.Releases, releases...)
	return r.publish(ctx, result.Releases[first:], u.assets)
}

// describeReleases returns what is told about the releases of a commit.
func (r *Runner) describeReleases(ctx context.Context, commit string, tags []string, notes map[string]string) ([]Released, error) {
	tree, err := r.Repo.Run(ctx, "rev-parse", commit+"^{tree}")
	if err != nil {
		return nil, err
	}
	releases := make([]Released, 0, len(tags))
	for _, name := range tags {
		p, version, ok := r.packageOf(name)
		if !ok {
			return nil, &davit.Error{
				Code:    davit.CodeRefused,
				Message: fmt.Sprintf("the commit %s promises the tag %s, which is of no package", short(commit), name),
				Hint:    "correct its message in " + r.Config.Messages + ", or the packages in davit.yaml",
			}
		}
		told, known := notes[name]
		if !known {
			if told, err = r.notesOf(ctx, commit, name, p, version); err != nil {
				return nil, err
			}
		}
		releases = append(releases, Released{
			Package: p.Name, Version: version, Tag: name, Commit: commit, Digest: "git-tree:" + strings.TrimSpace(tree), Notes: told,
		})
	}
	return releases, nil
}

// notesOf returns the notes of a release as its commit's changelog has them,
// or its tag.
func (r *Runner) notesOf(ctx context.Context, commit, name string, p davit.Package, version Version) (string, error) {
	content, err := r.Repo.Show(ctx, commit, p.Changelog)
	if err != nil {
		return "", err
	}
	if notes, ok := changelog.Notes(string(content), version.String()); ok {
		return notes, nil
	}
	message, err := r.Repo.TagMessage(ctx, name)
	if err != nil {
		return "", err
	}
	_, notes, _ := strings.Cut(message, "\n\n")
	return notes, nil
}

// packageOf returns the package and version that a tag is of.
func (r *Runner) packageOf(name string) (davit.Package, Version, bool) {
	return packageOf(r.Config, name)
}
