package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/davit-dev/davit"
)

// protected is the refusal to push to a branch.
func protected(branch, by string) error {
	return &davit.Error{
		Code: davit.CodeRefused, Message: fmt.Sprintf("the branch %s is protected, and %s lets this token not push to it", branch, by),
		Hint: "let its user bypass the protection, or set release.mode: pull-request in davit.yaml",
	}
}

// hindering are the kinds of GitHub's rules that refuse a push of a commit that
// was made here.
func hindering() []string {
	return []string{"pull_request", "update", "required_status_checks", "required_deployments", "merge_queue"}
}

// checkBranch asks whether a ruleset refuses pushes to a branch. What a token may
// not ask, and the older branch protection, which tells administrators alone,
// are left for the push to find out.
func (g *GitHub) checkBranch(ctx context.Context, branch string) error {
	var rules []struct {
		Type    string `json:"type"`
		Ruleset int64  `json:"ruleset_id"`
	}
	if err := g.call(ctx, http.MethodGet, g.path+"/rules/branches/"+url.PathEscape(branch)+"?per_page=100", nil, &rules); err != nil {
		return unlessHidden(err, "asking for the rules of "+branch)
	}
	asked := map[int64]bool{}
	for _, rule := range rules {
		if asked[rule.Ruleset] || !slices.Contains(hindering(), rule.Type) {
			continue
		}
		asked[rule.Ruleset] = true
		var ruleset struct {
			Name      string `json:"name"`
			CanBypass string `json:"current_user_can_bypass"` // "always", "exempt", "pull_requests_only", "never"
		}
		if err := g.call(ctx, http.MethodGet, fmt.Sprintf("%s/rulesets/%d", g.path, rule.Ruleset), nil, &ruleset); err != nil {
			if err := unlessHidden(err, "asking for a ruleset of "+branch); err != nil {
				return err
			}
			continue
		}
		if ruleset.CanBypass == "never" || ruleset.CanBypass == "pull_requests_only" {
			return protected(branch, fmt.Sprintf("the ruleset %q (%s)", ruleset.Name, rule.Type))
		}
	}
	return nil
}

// checkBranch asks whether the token may push to a branch, which need not be
// there yet.
func (g *GitLab) checkBranch(ctx context.Context, branch string) error {
	var answer struct {
		CanPush *bool `json:"can_push"`
	}
	if err := g.call(ctx, http.MethodGet, g.path+"/repository/branches/"+url.PathEscape(branch), nil, &answer); err != nil {
		return unlessHidden(err, "asking for the branch "+branch)
	}
	if answer.CanPush != nil && !*answer.CanPush {
		return protected(branch, "GitLab")
	}
	return nil
}

// unlessHidden returns the error, but nil for what does not exist or may not be
// asked.
func unlessHidden(err error, doing string) error {
	if isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusForbidden) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
