package release

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/changelog"
	"github.com/davit-dev/davit/internal/release/git"
	"github.com/davit-dev/davit/internal/release/versionfile"
)

// trailer marks the commit of a release with its tags. Where a pull request has it
// merged, baseTrailer names the commit that it was made on: the last one that its
// changelog tells of.
const (
	trailer     = "Davit-Release"
	baseTrailer = "Davit-Base"
)

// promises returns the tags that a message names in its trailers.
func promises(message string) []string { return trailed(message, trailer) }

// trailed returns the values that a message gives a key in its trailers: in the last
// paragraphs, which have nothing but trailers. Forges append paragraphs of
// their own, such as Co-authored-by. Anywhere else the key is text.
func trailed(message, key string) []string {
	if !strings.Contains(message, key+": ") {
		return nil
	}
	paragraphs := strings.Split(strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n")), "\n\n")
	var values []string
	for _, paragraph := range slices.Backward(paragraphs[1:]) { // the first is the subject
		lines := strings.Split(strings.Trim(paragraph, "\n"), "\n")
		if !areTrailers(lines) {
			break
		}
		var found []string
		for _, line := range lines {
			if name, ok := strings.CutPrefix(line, key+": "); ok {
				found = append(found, strings.TrimSpace(name))
			}
		}
		values = append(found, values...)
	}
	return values
}

// titled returns the tags that a subject names, where it is the one that davit
// gives a release and that pull requests are merged by. A squash may keep the
// pull request's title alone, with its number.
func titled(c *davit.Releasing, subject string) []string {
	if c.Mode != davit.ReleaseByPullRequest {
		return nil
	}
	before, after, ok := strings.Cut(c.CommitMessage, "%s")
	named, begins := strings.CutPrefix(requestNumber().ReplaceAllString(subject, ""), before)
	named, ends := strings.CutSuffix(named, after)
	if !ok || !begins || !ends || named == "" {
		return nil
	}
	tags := strings.Split(named, ", ")
	for _, name := range tags {
		if _, _, ok := packageOf(c, name); !ok {
			return nil
		}
	}
	return tags
}

// requestNumber is what forges append to the title of a pull request.
var requestNumber = expression(`( \([#!]\d+\))+$`)

// areTrailers reports whether lines are trailers alone, or the rule that GitHub
// draws above its own.
func areTrailers(lines []string) bool {
	return !slices.ContainsFunc(lines, func(line string) bool { return !isTrailer(line) && strings.Trim(line, "-") != "" })
}

// isTrailer reports whether a line is "Key: value" with a key of one word.
func isTrailer(line string) bool {
	key, value, ok := strings.Cut(line, ": ")
	return ok && key != "" && strings.TrimSpace(value) != "" && !strings.ContainsAny(key, " \t>*")
}

// packageOf returns the package and version that a tag is of.
func packageOf(c *davit.Releasing, name string) (davit.Package, Version, bool) {
	for _, p := range c.Packages {
		if rest, ok := strings.CutPrefix(name, p.TagPrefix); ok {
			if v, err := ParseVersion(rest); err == nil {
				return p, v, true
			}
		}
	}
	return davit.Package{}, Version{}, false
}

// carries reports whether a commit itself writes the versions of the tags that
// it promises, as a release's commit does: anybody can write a trailer.
func carries(ctx context.Context, repo *git.Repo, c *davit.Releasing, commit string, tags []string) (bool, error) {
	changed, err := repo.Changed(ctx, commit)
	if err != nil {
		return false, err
	}
	for _, name := range tags {
		p, version, ok := packageOf(c, name)
		if !ok {
			return false, nil
		}
		written := false
		for _, file := range changed {
			content, err := repo.Show(ctx, commit, file)
			if err != nil {
				return false, err
			}
			if written = writes(c, p, file, content, version); written {
				break
			}
		}
		if !written {
			return false, nil
		}
	}
	return true, nil
}

// writes reports whether a file is the package's changelog with a section of the
// version, or one of its version files that has it.
func writes(c *davit.Releasing, p davit.Package, name string, content []byte, version Version) bool {
	if name == p.Changelog && !c.Changelog.Disabled {
		_, ok := changelog.Notes(string(content), version.String())
		return ok
	}
	file := davit.VersionFile{Path: name}
	if i := slices.IndexFunc(p.Files, func(f davit.VersionFile) bool { return path.Join(p.Path, f.Path) == name }); i >= 0 {
		file = p.Files[i]
	} else if p.Files != nil || p.Path != "" && !strings.HasPrefix(name, p.Path+"/") {
		return false
	}
	spans, err := versionfile.Locate(content, file)
	return err == nil && slices.ContainsFunc(spans, func(s versionfile.Span) bool { return s.Version == version.String() })
}

// settle keeps the promises of the commits of releases alone. A tag on the
// commit is proof; others, which are few, are looked into.
func (p *Plan) settle(ctx context.Context, repo *git.Repo, c *davit.Releasing, commits []reading) error {
	for i := range commits {
		one := &commits[i]
		if len(one.promises) == 0 {
			one.promises = titled(c, one.subject)
		}
		if !slices.ContainsFunc(one.promises, func(name string) bool { return p.tags[name] != one.hash }) {
			continue
		}
		kept, err := carries(ctx, repo, c, one.hash, one.promises)
		if err != nil {
			return err
		}
		if !kept {
			one.promises = nil
		}
	}
	return nil
}

// pendingTags returns the tags that a release's commit promises and nobody
// made, and that commit; nil when every release is tagged.
func pendingTags(readings []reading, tags map[string]string) (promised []string, commit string) {
	for _, r := range readings {
		if slices.ContainsFunc(r.promises, func(name string) bool { return tags[name] == "" }) {
			promised, commit = r.promises, r.hash // an older one with the same promise is the one that the other merged
		}
	}
	return promised, commit
}
