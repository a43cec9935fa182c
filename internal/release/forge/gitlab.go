package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
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
	Description string `json:"description"`
	Links       struct {
		Self string `json:"self"`
	} `json:"_links"`
	Assets struct {
		Links []struct {
			Name string `json:"name"`
		} `json:"links"`
	} `json:"assets"`
}

// developer is the least access level that may push to a branch that is not
// protected.
const developer = 30

// CheckPush asks what the token's user may do with the project. A job's token
// is not told, and passes.
func (g *GitLab) CheckPush(ctx context.Context) error {
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
		return nil
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
	return nil
}

// Publish makes the release or updates its notes, then links what is missing.
func (g *GitLab) Publish(ctx context.Context, r Release) (string, error) {
	path := g.path + "/releases/" + url.PathEscape(r.Tag)
	var release gitlabRelease
	err := g.call(ctx, http.MethodGet, path, nil, &release)
	switch {
	case isStatus(err, http.StatusNotFound):
		content := map[string]any{"tag_name": r.Tag, "name": r.Tag, "description": r.Notes}
		if err := g.call(ctx, http.MethodPost, g.path+"/releases", content, &release); err != nil {
			return "", fmt.Errorf("making the release %s: %w", r.Tag, err)
		}
	case err != nil:
		return "", fmt.Errorf("looking for the release %s: %w", r.Tag, err)
	case release.Description != r.Notes:
		if err := g.call(ctx, http.MethodPut, path, map[string]any{"description": r.Notes}, &release); err != nil {
			return "", fmt.Errorf("updating the release %s: %w", r.Tag, err)
		}
	}
	var names []string
	for _, link := range release.Assets.Links {
		names = append(names, link.Name)
	}
	for _, file := range r.Assets {
		name := filepath.Base(file)
		if slices.Contains(names, name) {
			continue
		}
		// The link is made last, so a file without one came only in part.
		address := g.base + g.path + "/packages/generic/release/" + strings.ReplaceAll(url.PathEscape(r.Tag), "%2F", "-") + "/" + url.PathEscape(name)
		if err := g.upload(ctx, http.MethodPut, address, file); err != nil {
			return "", fmt.Errorf("attaching %s: %w", name, err)
		}
		link := map[string]any{"name": name, "url": address, "link_type": "package"}
		if err := g.call(ctx, http.MethodPost, path+"/assets/links", link, nil); err != nil {
			return "", fmt.Errorf("attaching %s: %w", name, err)
		}
	}
	return release.Links.Self, nil
}

// Propose opens a merge request or updates it.
func (g *GitLab) Propose(ctx context.Context, p PullRequest) (string, error) {
	type request struct {
		IID    int64  `json:"iid"`
		WebURL string `json:"web_url"`
	}
	query := url.Values{"state": {"opened"}, "source_branch": {p.Branch}, "target_branch": {p.Base}}
	var open []request
	if err := g.call(ctx, http.MethodGet, g.path+"/merge_requests?"+query.Encode(), nil, &open); err != nil {
		return "", fmt.Errorf("looking for the merge request: %w", err)
	}
	content := map[string]any{"title": p.Title, "description": p.Body, "target_branch": p.Base}
	method, path := http.MethodPost, g.path+"/merge_requests"
	if len(open) > 0 {
		method, path = http.MethodPut, fmt.Sprintf("%s/merge_requests/%d", g.path, open[0].IID)
	} else {
		content["source_branch"], content["remove_source_branch"] = p.Branch, true
	}
	var done request
	if err := g.call(ctx, method, path, content, &done); err != nil {
		return "", fmt.Errorf("writing the merge request: %w", err)
	}
	return done.WebURL, nil
}
