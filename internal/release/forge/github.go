package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/davit-dev/davit"
)

// GitHub is a repository on GitHub or GitHub Enterprise, by its REST API.
type GitHub struct {
	*client
	path       string // "/repos/owner/name"
	repository string
}

var _ Forge = (*GitHub)(nil)

type githubRelease struct {
	ID        int64         `json:"id"`
	TagName   string        `json:"tag_name"`
	Draft     bool          `json:"draft"`
	HTMLURL   string        `json:"html_url"`
	UploadURL string        `json:"upload_url"`
	Assets    []githubAsset `json:"assets"`
}

type githubAsset struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"` // "uploaded" when complete
	Size  int64  `json:"size"`
}

// CheckPush asks what the token may do with the repository and the branch.
func (g *GitHub) CheckPush(ctx context.Context, branch string) error {
	var repository struct {
		Permissions *struct {
			Push bool `json:"push"`
		} `json:"permissions"`
	}
	if err := g.call(ctx, http.MethodGet, g.path, nil, &repository); err != nil {
		return fmt.Errorf("asking for the repository: %w", err)
	}
	if p := repository.Permissions; p != nil && !p.Push && !g.isInstallation(ctx) {
		return &davit.Error{Code: davit.CodeRefused, Message: "the token may not push to " + g.repository, Hint: "give it the permission contents: write"}
	}
	return g.checkBranch(ctx, branch)
}

// isInstallation reports whether the token is an app's, as that of a workflow is.
// The permissions of a repository are those of users, and say nothing of it: the
// push decides.
func (g *GitHub) isInstallation(ctx context.Context) bool {
	return g.call(ctx, http.MethodHead, "/installation/repositories", nil, nil) == nil
}

// Published asks for the release of a tag; drafts are not found by tag.
func (g *GitHub) Published(ctx context.Context, tag string) (page string, there bool, err error) {
	release, err := g.published(ctx, tag)
	if release == nil || err != nil {
		return "", false, err
	}
	return release.HTMLURL, true, nil
}

func (g *GitHub) published(ctx context.Context, tag string) (*githubRelease, error) {
	release := &githubRelease{}
	err := g.call(ctx, http.MethodGet, g.path+"/releases/tags/"+url.PathEscape(tag), nil, release)
	if isStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the release %s: %w", tag, err)
	}
	return release, nil
}

// Publish makes the release as a draft, attaches what is missing, and only
// then shows it: nobody sees half a release.
func (g *GitHub) Publish(ctx context.Context, r Release) (string, error) {
	release, err := g.published(ctx, r.Tag)
	if err != nil {
		return "", err
	}
	if release != nil {
		return release.HTMLURL, nil
	}
	if release, err = g.draft(ctx, r.Tag); err != nil {
		return "", err
	}
	content := map[string]any{"tag_name": r.Tag, "name": r.Tag, "body": r.Notes, "prerelease": r.PreRelease, "draft": true}
	if release == nil {
		release = &githubRelease{}
		if err := g.call(ctx, http.MethodPost, g.path+"/releases", content, release); err != nil {
			return "", fmt.Errorf("making the release %s: %w", r.Tag, err)
		}
	}
	if err := g.attach(ctx, release, r.Assets); err != nil {
		return "", err
	}
	content["draft"], content["make_latest"] = false, strconv.FormatBool(r.Latest && !r.PreRelease)
	if err := g.call(ctx, http.MethodPatch, fmt.Sprintf("%s/releases/%d", g.path, release.ID), content, release); err != nil {
		return "", fmt.Errorf("publishing the release %s: %w", r.Tag, err)
	}
	return release.HTMLURL, nil
}

// draft returns the draft that a run left for a tag; nil without one.
func (g *GitHub) draft(ctx context.Context, tag string) (*githubRelease, error) {
	var listed []*githubRelease
	if err := g.call(ctx, http.MethodGet, g.path+"/releases?per_page=100", nil, &listed); err != nil {
		return nil, fmt.Errorf("looking for a draft of %s: %w", tag, err)
	}
	for _, one := range listed {
		if one.TagName == tag && one.Draft {
			return one, nil
		}
	}
	return nil, nil
}

// attach uploads the files that the release lacks, and those again that came
// only in part.
func (g *GitHub) attach(ctx context.Context, release *githubRelease, files []string) error {
	there := map[string]githubAsset{}
	for _, asset := range release.Assets {
		there[asset.Name] = asset
	}
	for _, file := range files {
		name := filepath.Base(file)
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("reading an asset: %w", err)
		}
		if asset, ok := there[name]; ok {
			if asset.State == "uploaded" && asset.Size == info.Size() {
				continue
			}
			if err := g.call(ctx, http.MethodDelete, fmt.Sprintf("%s/releases/assets/%d", g.path, asset.ID), nil, nil); err != nil {
				return fmt.Errorf("removing the broken asset %s: %w", name, err)
			}
		}
		address, _, _ := strings.Cut(release.UploadURL, "{")
		if err := g.upload(ctx, http.MethodPost, address+"?name="+url.QueryEscape(name), file); err != nil {
			return fmt.Errorf("attaching %s: %w", name, err)
		}
	}
	return nil
}

type githubPull struct {
	Number  int64  `json:"number"`
	HTMLURL string `json:"html_url"`
	Title   string `json:"title"`
	Body    string `json:"body"`
}

// pull returns the open pull request of a branch; nil without one.
func (g *GitHub) pull(ctx context.Context, branch, base string) (*githubPull, error) {
	owner, _, _ := strings.Cut(g.repository, "/")
	query := url.Values{"state": {"open"}, "head": {owner + ":" + branch}, "base": {base}}
	var open []*githubPull
	if err := g.call(ctx, http.MethodGet, g.path+"/pulls?"+query.Encode(), nil, &open); err != nil {
		return nil, fmt.Errorf("looking for the pull request: %w", err)
	}
	if len(open) == 0 {
		return nil, nil
	}
	return open[0], nil
}

// Propose opens a pull request or updates it.
func (g *GitHub) Propose(ctx context.Context, p PullRequest) (string, error) {
	open, err := g.pull(ctx, p.Branch, p.Base)
	if err != nil {
		return "", err
	}
	content := map[string]any{"title": p.Title, "body": p.Body, "base": p.Base}
	method, path := http.MethodPost, g.path+"/pulls"
	switch {
	case open == nil:
		content["head"] = p.Branch
	case open.Title == p.Title && open.Body == p.Body:
		return open.HTMLURL, nil
	default:
		method, path = http.MethodPatch, fmt.Sprintf("%s/pulls/%d", g.path, open.Number)
	}
	var done githubPull
	if err := g.call(ctx, method, path, content, &done); err != nil {
		return "", fmt.Errorf("writing the pull request: %w", err)
	}
	return done.HTMLURL, nil
}

// Withdraw closes the pull request of a branch.
func (g *GitHub) Withdraw(ctx context.Context, branch, base string) (closed bool, err error) {
	open, err := g.pull(ctx, branch, base)
	if open == nil || err != nil {
		return false, err
	}
	if err := g.call(ctx, http.MethodPatch, fmt.Sprintf("%s/pulls/%d", g.path, open.Number), map[string]string{"state": "closed"}, nil); err != nil {
		return false, fmt.Errorf("closing the pull request: %w", err)
	}
	return true, nil
}
