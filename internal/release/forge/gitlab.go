package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/davit-dev/davit"
)

// GitLab is a project on GitLab, by its REST API, version 4.
type GitLab struct {
	*client
	path string // "/projects/ID"
}

var _ Forge = (*GitLab)(nil)

type gitlabRelease struct {
	Links struct {
		Self string `json:"self"`
	} `json:"_links"`
}

// developer is the least access level that may push to a branch that is not
// protected.
const developer = 30

// CheckPush asks what the token's user may do with the project and the branch. A job's token
// is not told, and passes.
func (g *GitLab) CheckPush(ctx context.Context, branch string) error {
	type access struct {
		Level int `json:"access_level"`
	}
	var project struct {
		Permissions *struct {
			Project *access `json:"project_access"`
			Group   *access `json:"group_access"`
		} `json:"permissions"`
	}
	if g.header.Get("Job-Token") != "" {
		return nil
	}
	if err := g.call(ctx, http.MethodGet, g.path, nil, &project); err != nil {
		return fmt.Errorf("asking for the project: %w", err)
	}
	if project.Permissions == nil {
		return g.checkBranch(ctx, branch)
	}
	level := 0
	for _, a := range []*access{project.Permissions.Project, project.Permissions.Group} {
		if a != nil {
			level = max(level, a.Level)
		}
	}
	if level < developer {
		return &davit.Error{Code: davit.CodeRefused, Message: "the token may not push to this project", Hint: "give its user the role Developer or higher"}
	}
	return g.checkBranch(ctx, branch)
}

// Published asks for the release of a tag.
func (g *GitLab) Published(ctx context.Context, tag string) (page string, there bool, err error) {
	release, err := g.published(ctx, tag)
	if release == nil || err != nil {
		return "", false, err
	}
	return release.Links.Self, true, nil
}

func (g *GitLab) published(ctx context.Context, tag string) (*gitlabRelease, error) {
	release := &gitlabRelease{}
	err := g.call(ctx, http.MethodGet, g.path+"/releases/"+url.PathEscape(tag), nil, release)
	if isStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the release %s: %w", tag, err)
	}
	return release, nil
}

// Publish uploads the assets as generic packages, then makes the release with
// links to them: nobody sees half a release.
func (g *GitLab) Publish(ctx context.Context, r Release) (string, error) {
	release, err := g.published(ctx, r.Tag)
	if err != nil {
		return "", err
	}
	if release != nil {
		return release.Links.Self, nil
	}
	links := []map[string]string{}
	for _, file := range r.Assets {
		name := filepath.Base(file)
		version := strings.ReplaceAll(r.Tag, "/", "-") // a package's version has no slash
		address := g.base + g.path + "/packages/generic/release/" + url.PathEscape(version) + "/" + url.PathEscape(name)
		if err := g.upload(ctx, http.MethodPut, address, file); err != nil {
			return "", fmt.Errorf("attaching %s: %w", name, err)
		}
		links = append(links, map[string]string{"name": name, "url": address, "link_type": "package"})
	}
	content := map[string]any{"tag_name": r.Tag, "name": r.Tag, "description": r.Notes, "assets": map[string]any{"links": links}}
	release = &gitlabRelease{}
	if err := g.call(ctx, http.MethodPost, g.path+"/releases", content, release); err != nil {
		return "", fmt.Errorf("making the release %s: %w", r.Tag, err)
	}
	return release.Links.Self, nil
}

type gitlabRequest struct {
	IID         int64  `json:"iid"`
	WebURL      string `json:"web_url"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

// request returns the open merge request of a branch; nil without one.
func (g *GitLab) request(ctx context.Context, branch, base string) (*gitlabRequest, error) {
	query := url.Values{"state": {"opened"}, "source_branch": {branch}, "target_branch": {base}}
	var open []*gitlabRequest
	if err := g.call(ctx, http.MethodGet, g.path+"/merge_requests?"+query.Encode(), nil, &open); err != nil {
		return nil, fmt.Errorf("looking for the merge request: %w", err)
	}
	if len(open) == 0 {
		return nil, nil
	}
	return open[0], nil
}

// Propose opens a merge request or updates it.
func (g *GitLab) Propose(ctx context.Context, p PullRequest) (string, error) {
	open, err := g.request(ctx, p.Branch, p.Base)
	if err != nil {
		return "", err
	}
	content := map[string]any{"title": p.Title, "description": p.Body, "target_branch": p.Base}
	method, path := http.MethodPost, g.path+"/merge_requests"
	switch {
	case open == nil:
		content["source_branch"], content["remove_source_branch"] = p.Branch, true
	case open.Title == p.Title && open.Description == p.Body:
		return open.WebURL, nil
	default:
		method, path = http.MethodPut, fmt.Sprintf("%s/merge_requests/%d", g.path, open.IID)
	}
	var done gitlabRequest
	if err := g.call(ctx, method, path, content, &done); err != nil {
		return "", fmt.Errorf("writing the merge request: %w", err)
	}
	return done.WebURL, nil
}

// Withdraw closes the merge request of a branch.
func (g *GitLab) Withdraw(ctx context.Context, branch, base string) (closed bool, err error) {
	open, err := g.request(ctx, branch, base)
	if open == nil || err != nil {
		return false, err
	}
	if err := g.call(ctx, http.MethodPut, fmt.Sprintf("%s/merge_requests/%d", g.path, open.IID), map[string]string{"state_event": "close"}, nil); err != nil {
		return false, fmt.Errorf("closing the merge request: %w", err)
	}
	return true, nil
}
