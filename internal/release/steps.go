package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/forge"
)

// tagSubject begins the messages of the tags that davit makes.
const tagSubject = "Release "

// tag makes the tags that are missing.
func (r *Runner) tag(ctx context.Context, commit string, releases []Released) error {
	local, err := r.Repo.Tags(ctx)
	if err != nil {
		return err
	}
	tags := make([]string, len(releases))
	for i, one := range releases {
		name := one.Tag
		tags[i] = name
		if local[name] == commit {
			continue
		}
		if local[name] != "" {
			return &davit.Error{
				Code: davit.CodeConflict, Message: fmt.Sprintf("the tag %s is on %s, not on the release %s", name, short(local[name]), short(commit)),
				Hint: "if it is a leftover, delete it: git tag -d " + name + "; then release again",
			}
		}
		if err := r.Repo.Tag(ctx, name, commit, tagSubject+name+"\n\n"+one.Notes, false); err != nil {
			return &davit.Error{
				Code: davit.CodeRefused, Message: "git could not make the tag " + name, Err: err,
				Hint: "see what git says: the signing key may be missing; the release is committed, and davit release goes on from there",
			}
		}
		r.observe(StepTag, "%s", name)
	}
	if !r.Config.FloatingTags {
		return nil
	}
	for _, name := range r.floating(local, tags) {
		if local[name] != commit {
			if err := r.Repo.Tag(ctx, name, commit, tagSubject+name+"\n", true); err != nil {
				return err
			}
			r.observe(StepTag, "%s moved", name)
		}
	}
	return nil
}

// floating returns the tags v1 and v1.2 that move to the releases: those of
// stable versions that are the highest of their line.
func (r *Runner) floating(local map[string]string, tags []string) []string {
	var names []string
	for _, name := range tags {
		p, v, ok := r.packageOf(name)
		if !ok || v.Pre != "" {
			continue
		}
		highestMinor, highestMajor := true, true
		for _, t := range versionTags(local, p.TagPrefix, r.Config.IgnoreTags) {
			if t.version.Pre != "" || t.version.Major != v.Major || t.version.Compare(v) <= 0 {
				continue
			}
			highestMajor = false
			highestMinor = highestMinor && t.version.Minor != v.Minor
		}
		if highestMajor {
			names = append(names, fmt.Sprintf("%s%d", p.TagPrefix, v.Major))
		}
		if highestMinor {
			names = append(names, fmt.Sprintf("%s%d.%d", p.TagPrefix, v.Major, v.Minor))
		}
	}
	return names
}

// push sends branch and tags together or not at all. When another run released
// meanwhile, this one's commit and tags are taken back.
func (r *Runner) push(ctx context.Context, commit string, tags []string) (elsewhere bool, err error) {
	var refspecs []string
	tip := r.remoteHead
	if tip == "" || !r.Repo.IsAncestor(ctx, commit, tip) {
		if tip, err = r.tip(ctx, commit); err != nil {
			return false, err
		}
		refspecs = append(refspecs, tip+":refs/heads/"+r.Repo.Branch)
	}
	for _, name := range tags {
		if r.remote[name] != commit {
			refspecs = append(refspecs, "refs/tags/"+name+":refs/tags/"+name)
		}
	}
	if r.Config.FloatingTags {
		local, err := r.Repo.Tags(ctx)
		if err != nil {
			return false, err
		}
		for _, name := range r.floating(local, tags) {
			if local[name] == commit && r.remote[name] != commit {
				refspecs = append(refspecs, "+refs/tags/"+name+":refs/tags/"+name)
			}
		}
	}
	if len(refspecs) == 0 {
		return false, nil
	}
	if err := r.Repo.Push(ctx, r.Config.Remote, false, refspecs...); err != nil {
		return r.yield(ctx, commit, tip, tags, err)
	}
	r.remoteHead = tip
	for _, name := range tags {
		r.remote[name] = commit
	}
	r.observe(StepPush, "%s to %s", strings.Join(tags, ", "), r.Config.Remote)
	return false, nil
}

// tip returns what the branch becomes at the remote with a release: its commit,
// or HEAD where the remote's own commits were merged with it since.
func (r *Runner) tip(ctx context.Context, commit string) (string, error) {
	if r.remoteHead == "" || r.Repo.IsAncestor(ctx, r.remoteHead, commit) {
		return commit, nil
	}
	return r.Repo.ReadHead(ctx)
}

// yield takes a release back that the remote refused, unless the push arrived
// all the same. elsewhere is whether another run's release is the reason.
func (r *Runner) yield(ctx context.Context, commit, tip string, tags []string, cause error) (elsewhere bool, err error) {
	remote, head, err := r.Repo.RemoteTags(ctx, r.Config.Remote, r.Repo.Branch)
	if err != nil { // nobody knows what arrived: leave everything for the next run
		return false, &davit.Error{Code: davit.CodeUnavailable, Message: "the push failed and the remote does not answer", Hint: "run davit release again: it goes on from here", Err: errors.Join(cause, err)}
	}
	r.remote, r.remoteHead = remote, head
	if head == tip && len(stray(remote, tags, commit)) == 0 && remote[tags[0]] == commit {
		return false, nil
	}
	if err := r.takeBack(ctx, commit, tags); err != nil {
		return false, errors.Join(cause, err)
	}
	if len(stray(remote, tags, commit)) > 0 {
		return true, nil
	}
	return false, refusedPush(cause, r.Config.Remote)
}

// restore undoes what was written, and returns why.
func (r *Runner) restore(ctx context.Context, f *files, cause error) error {
	ctx = context.WithoutCancel(ctx)
	errs := []error{cause}
	for name := range f.after {
		full := filepath.Join(r.Repo.Root, filepath.FromSlash(name))
		if _, err := r.Repo.Run(ctx, "reset", "--quiet", "--", name); err != nil && f.before[name] != nil {
			errs = append(errs, err)
		}
		if f.before[name] == nil {
			if err := os.Remove(full); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
			continue
		}
		if _, err := r.Repo.Run(ctx, "checkout", "--quiet", "HEAD", "--", name); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 1 {
		return cause
	}
	return errors.Join(errs...)
}

// publish shows the releases on the forge and records them.
func (r *Runner) publish(ctx context.Context, releases []Released, assets []string) error {
	for i := range releases {
		one := &releases[i]
		if r.Forge != nil {
			var err error
			p, _, _ := r.packageOf(one.Tag)
			one.Page, err = r.Forge.Publish(ctx, forge.Release{
				Tag: one.Tag, Notes: one.Notes, PreRelease: one.Version.Pre != "", Latest: r.latest(p, one.Version), Assets: assets,
			})
			if err != nil {
				return fmt.Errorf("publishing %s: %w", one.Tag, err)
			}
			r.observe(StepPublish, "%s", one.Tag)
		}
		if _, err := r.record(ctx, *one); err != nil {
			return err
		}
	}
	return nil
}

// record keeps a record of a release, and reports whether there was none.
func (r *Runner) record(ctx context.Context, one Released) (added bool, err error) {
	if r.Recorder == nil {
		return false, nil
	}
	if added, err = r.Recorder.RecordRelease(ctx, one); err != nil {
		return false, fmt.Errorf("%s is released; recording it: %w", one.Tag, err)
	}
	if added {
		r.observe(StepRecord, "%s", one.Tag)
	}
	return added, nil
}

// latest reports whether the remote has no higher stable version.
func (r *Runner) latest(p davit.Package, v Version) bool {
	highest := highestTag(versionTags(r.remote, p.TagPrefix, r.Config.IgnoreTags), func(v Version) bool { return v.Pre == "" })
	return highest == nil || v.Compare(highest.version) >= 0
}

// assets returns the files that the configured patterns match; none when there
// is nowhere to publish them. They are looked for before anything is written.
func (r *Runner) assets() ([]string, error) {
	if r.Forge == nil {
		return nil, nil
	}
	var files []string
	for _, pattern := range r.Config.Forge.Assets {
		matches, err := filepath.Glob(filepath.Join(r.Repo.Root, filepath.FromSlash(pattern)))
		if err != nil || len(matches) == 0 {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: "no file matches the asset " + pattern, Hint: "build the assets before davit release; release.forge.assets names them", Err: err}
		}
		files = append(files, matches...)
	}
	return files, nil
}

// finishLast completes the newest releases when the remote, the forge or the
// record lacks a part of them.
func (r *Runner) finishLast(ctx context.Context, plan *Plan, result *Result) error {
	looked := map[string]bool{} // commits: packages may have been released together
	for _, p := range plan.Packages {
		tags, err := r.lastTags(ctx, p)
		if err != nil {
			return err
		}
		if len(tags) == 0 || looked[p.BaseHash] && len(tags) > 1 {
			continue
		}
		looked[p.BaseHash] = true
		pages, whole, err := r.published(ctx, p.BaseHash, tags)
		switch {
		case err != nil:
		case whole:
			err = r.recordLast(ctx, p.BaseHash, tags, pages, result)
		default:
			err = r.finishTagged(ctx, plan, unfinished{commit: p.BaseHash, tags: tags}, result)
		}
		if err != nil || result.Elsewhere {
			return err
		}
	}
	return nil
}

// finishTagged finishes a release that has its tag. When there are changes
// since, the assets that are here were built of them, and are not its own.
func (r *Runner) finishTagged(ctx context.Context, plan *Plan, u unfinished, result *Result) error {
	if len(plan.Releases()) == 0 {
		var err error
		if u.assets, err = r.assets(); err != nil {
			return err
		}
	} else if r.Forge != nil && len(r.Config.Forge.Assets) > 0 {
		result.Warnings = append(result.Warnings, strings.Join(u.tags, ", ")+" is published without assets: those that are here were built of later commits")
	}
	return r.finish(ctx, u, result)
}

// lastTags returns the tags of a package's last release, and of those that it
// was made with; none when somebody else made it.
func (r *Runner) lastTags(ctx context.Context, p *PackagePlan) ([]string, error) {
	if p.BaseTag == "" {
		return nil, nil
	}
	if tags, err := r.promisesOf(ctx, p.BaseHash); len(tags) > 0 || err != nil {
		return tags, err
	}
	message, err := r.Repo.TagMessage(ctx, p.BaseTag) // a release without files to commit has its tag alone
	if err != nil || !strings.HasPrefix(message, tagSubject+p.BaseTag+"\n") {
		return nil, err
	}
	return []string{p.BaseTag}, nil
}

// published returns the pages of a commit's releases, and whether the remote
// and the forge have all of them.
func (r *Runner) published(ctx context.Context, commit string, tags []string) (pages map[string]string, whole bool, err error) {
	pages = make(map[string]string, len(tags))
	for _, name := range tags {
		if r.remote[name] != commit {
			return nil, false, nil
		}
		if r.Forge == nil {
			continue
		}
		page, there, err := r.Forge.Published(ctx, name)
		if !there || err != nil {
			return nil, false, err
		}
		pages[name] = page
	}
	return pages, true, nil
}

// recordLast records releases that are whole, when there is no record of them.
func (r *Runner) recordLast(ctx context.Context, commit string, tags []string, pages map[string]string, result *Result) error {
	if r.Recorder == nil {
		return nil
	}
	releases, err := r.describeReleases(ctx, commit, tags, nil)
	if err != nil {
		return err
	}
	for _, one := range releases {
		one.Page = pages[one.Tag]
		added, err := r.record(ctx, one)
		if err != nil {
			return err
		}
		if added {
			result.Releases = append(result.Releases, one)
		}
	}
	return nil
}
