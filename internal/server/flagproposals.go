package server

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// Proposals and protections are for people, so that no access key goes for them: they
// are not below the path of flags.
const (
	protectionsPath = "/v1/flagprotections/{application}"
	protectionPath  = protectionsPath + "/{environment}"
	proposalsPath   = "/v1/flagproposals/{application}"
	proposalPath    = proposalsPath + "/{id}"
)

// FlagEnvironmentPath is the environment of flags that a path names.
type FlagEnvironmentPath struct {
	FlagsPath
	Environment string `path:"environment" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" doc:"name of the environment"`
}

type protectInput struct {
	FlagEnvironmentPath
	Body api.FlagProtecting
}

type unprotectInput struct {
	FlagEnvironmentPath
	Comment string `query:"comment" maxLength:"1024" doc:"why, for the audit log"`
}

type listProposalsInput struct {
	FlagsPath
	Paged
	Ended bool `query:"ended" doc:"those that have ended too, of the last 30 days"`
}

// ProposalPath is the proposal that a path names.
type ProposalPath struct {
	FlagsPath
	ID string `path:"id" maxLength:"64" doc:"of the proposal"`
}

type answerProposalInput struct {
	ProposalPath
	Body api.FlagAnswer
}

func (s *Server) flagProposalRoutes(h huma.API) {
	register(s, h, get("listFlagProtections", protectionsPath, "The environments in which others have to approve changes of flags"),
		func(ctx context.Context, in *FlagsPath) (*body[api.FlagProtectionList], error) {
			if _, err := s.flagScope(ctx, in.Application); err != nil {
				return nil, err
			}
			all, err := s.Flags.Protections(ctx, in.Application)
			list := api.FlagProtectionList{Protections: []davit.FlagProtection{}}
			for _, p := range all {
				list.Protections = append(list.Protections, *p)
			}
			return &body[api.FlagProtectionList]{list}, err
		})
	protect := operation(http.MethodPut, "protectFlags", protectionPath, "Have others approve changes of flags in an environment")
	protect.Description = "What is protected already is changed when the change is approved, as the present protection says."
	register(s, h, proposable[api.FlagProtected](h, protect), func(ctx context.Context, in *protectInput) (*changed[api.FlagProtected], error) {
		return s.protectFlags(ctx, in.FlagEnvironmentPath, davit.FlagProtection{Comment: in.Body.Comment, Approval: davit.ApprovalParams{
			By: in.Body.By, Count: cmp.Or(in.Body.Count, 1), Within: cmp.Or(in.Body.Within, davit.Duration(api.ProtectionWithin)),
		}})
	})
	unprotect := operation(http.MethodDelete, "unprotectFlags", protectionPath, "Let flags change in an environment without approval, when that is approved")
	register(s, h, proposable[api.FlagProtected](h, unprotect), func(ctx context.Context, in *unprotectInput) (*changed[api.FlagProtected], error) {
		return s.protectFlags(ctx, in.FlagEnvironmentPath, davit.FlagProtection{Comment: in.Comment, Removed: true})
	})
	register(s, h, get("listFlagProposals", proposalsPath, "Changes of flags that wait for approval or for their time, newest first"), s.listProposals)
	register(s, h, get("flagProposal", proposalPath, "A change of flags that waits for approval or for its time"),
		func(ctx context.Context, in *ProposalPath) (*body[davit.FlagProposal], error) {
			if _, err := s.flagScope(ctx, in.Application); err != nil {
				return nil, err
			}
			return answer(s.Flags.Proposal(ctx, in.Application, in.ID))
		})
	approve := post("approveFlagProposal", proposalPath+"/approve", "Approve a change of flags, which is made with the last approval that it takes")
	register(s, h, approve, func(ctx context.Context, in *answerProposalInput) (*body[davit.FlagProposal], error) {
		return s.answerProposal(ctx, in, Flags.Approve)
	})
	reject := post("rejectFlagProposal", proposalPath+"/reject", "Reject a change of flags, or cancel one that is scheduled")
	register(s, h, reject, func(ctx context.Context, in *answerProposalInput) (*body[davit.FlagProposal], error) {
		return s.answerProposal(ctx, in, Flags.Reject)
	})
}

func (s *Server) protectFlags(ctx context.Context, path FlagEnvironmentPath, p davit.FlagProtection) (*changed[api.FlagProtected], error) {
	if _, err := s.flagScope(ctx, path.Application); err != nil {
		return nil, err
	}
	p.Application, p.Environment, p.Actor = path.Application, path.Environment, actor(ctx)
	is, proposal, err := s.Flags.Protect(ctx, p)
	if err != nil {
		return nil, err
	}
	return changedTo(0, proposal, api.FlagProtected{Protection: is, Proposal: proposal}), nil
}

func (s *Server) listProposals(ctx context.Context, in *listProposalsInput) (*body[api.FlagProposalList], error) {
	if _, err := s.flagScope(ctx, in.Application); err != nil {
		return nil, err
	}
	all, err := s.Flags.Proposals(ctx, in.Application, in.Ended, in.After, in.Limit+1)
	part, next := page(all, 0, in.Limit, func(p *davit.FlagProposal) string { return p.ID })
	list := api.FlagProposalList{Proposals: []davit.FlagProposal{}, Next: next}
	for _, p := range part {
		list.Proposals = append(list.Proposals, *p)
	}
	return &body[api.FlagProposalList]{list}, err
}

func (s *Server) answerProposal(
	ctx context.Context, in *answerProposalInput, give func(f Flags, ctx context.Context, application, id, actor, comment string) (*davit.FlagProposal, error),
) (*body[davit.FlagProposal], error) {
	if _, err := s.flagScope(ctx, in.Application); err != nil {
		return nil, err
	}
	return answer(give(s.Flags, ctx, in.Application, in.ID, actor(ctx), in.Body.Comment))
}

// mayGoBack refuses to serve by a rollback what a flag served before its last ramp,
// where that takes approval: nobody gives it. The way back of a ramp that is under way
// was approved with it.
func (s *Server) mayGoBack(ctx context.Context, place Place, to string) error {
	environment, key, ramped := strings.Cut(place.Environment, ":")
	if !ramped || s.Flags == nil {
		return nil
	}
	protections, err := s.Flags.Protections(ctx, place.Application)
	if err != nil || !slices.ContainsFunc(protections, func(p *davit.FlagProtection) bool { return p.Environment == environment }) {
		return err
	}
	if to == "" {
		status, err := s.Engine.Status(ctx, place.Application, place.Environment)
		if err != nil || status.Rollout != nil && !status.Rollout.Phase.Ended() {
			return err
		}
	}
	return &davit.Error{
		Code: davit.CodeRefused, Message: environment + " is protected: others have to approve what changes flags there",
		Hint: "davit flag off " + key + " turns it off; davit flag revert proposes what it said before; davit abort ends a ramp",
	}
}

// changed is what came of a change of flags: 202 when it waits.
type changed[T any] struct {
	Status int
	ETag   string `header:"ETag"`
	Body   T
}

// changedTo answers with what came of a change of what is at a revision now, or of
// the proposal that it became.
func changedTo[T any](revision int64, proposal *davit.FlagProposal, told T) *changed[T] {
	if proposal != nil {
		return &changed[T]{Status: http.StatusAccepted, Body: told}
	}
	out := &changed[T]{Status: http.StatusOK, Body: told}
	if revision > 0 {
		out.ETag = etag(revision)
	}
	return out
}

// proposable describes an operation whose change may have to wait.
func proposable[T any](h huma.API, op huma.Operation) huma.Operation {
	op.Responses["202"] = &huma.Response{
		Description: "It waits for approval, or for its time: proposal tells which one it is",
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, ""),
		}},
	}
	return op
}
