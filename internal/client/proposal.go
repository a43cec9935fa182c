package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// FlagProtections lists the environments of an application in which others have to
// approve changes of flags.
func (c *Client) FlagProtections(ctx context.Context, application string) ([]davit.FlagProtection, error) {
	list, err := call[api.FlagProtectionList](ctx, c, http.MethodGet, "/v1/flagprotections/"+url.PathEscape(application), nil)
	if err != nil {
		return nil, err
	}
	return list.Protections, nil
}

// ProtectFlags has others approve changes of flags in an environment.
func (c *Client) ProtectFlags(ctx context.Context, application, environment string, p api.FlagProtecting) (*api.FlagProtected, error) {
	return call[api.FlagProtected](ctx, c, http.MethodPut, protectionPath(application, environment), p)
}

// UnprotectFlags lets flags change in an environment without approval, when that is
// approved.
func (c *Client) UnprotectFlags(ctx context.Context, application, environment, comment string) (*api.FlagProtected, error) {
	q := url.Values{"comment": {comment}}
	return call[api.FlagProtected](ctx, c, http.MethodDelete, protectionPath(application, environment)+"?"+q.Encode(), nil)
}

// FlagProposals lists the proposals of an application, newest first; those that have
// ended only when ended is true.
func (c *Client) FlagProposals(ctx context.Context, application string, ended bool, limit int) ([]davit.FlagProposal, error) {
	q := url.Values{"ended": {strconv.FormatBool(ended)}, "limit": {strconv.Itoa(limit)}}
	list, err := call[api.FlagProposalList](ctx, c, http.MethodGet, "/v1/flagproposals/"+url.PathEscape(application)+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return list.Proposals, nil
}

// FlagProposal returns a proposal.
func (c *Client) FlagProposal(ctx context.Context, application, id string) (*davit.FlagProposal, error) {
	return call[davit.FlagProposal](ctx, c, http.MethodGet, proposalPath(application, id), nil)
}

// ApproveFlagProposal approves a proposal.
func (c *Client) ApproveFlagProposal(ctx context.Context, application, id, comment string) (*davit.FlagProposal, error) {
	return call[davit.FlagProposal](ctx, c, http.MethodPost, proposalPath(application, id)+"/approve", api.FlagAnswer{Comment: comment})
}

// RejectFlagProposal rejects a proposal, or cancels one that is scheduled.
func (c *Client) RejectFlagProposal(ctx context.Context, application, id, comment string) (*davit.FlagProposal, error) {
	return call[davit.FlagProposal](ctx, c, http.MethodPost, proposalPath(application, id)+"/reject", api.FlagAnswer{Comment: comment})
}

func protectionPath(application, environment string) string {
	return "/v1/flagprotections/" + url.PathEscape(application) + "/" + url.PathEscape(environment)
}

func proposalPath(application, id string) string {
	return "/v1/flagproposals/" + url.PathEscape(application) + "/" + url.PathEscape(id)
}
