package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

type importFlagsInput struct {
	FlagsPath
	IfMatch string `header:"If-Match" maxLength:"40" doc:"ETag of the application's flags as they were listed; whatever there is when left out, or *"`
	DryRun  bool   `query:"dryRun" doc:"change nothing, and tell what would"`
	Body    api.FlagImport
}

func (s *Server) flagImportRoute(h huma.API) {
	op := operation(http.MethodPatch, "importFlags", flagsPath, "Make feature flags, or bring them up to date, in one environment: all of them or none")
	op.Description = "Flags that there are and that the request does not hold stay as they are. Sent again, it changes nothing more. " +
		"With the ETag of listFlags in If-Match it is refused (412) when any flag or segment of the application was changed since."
	register(s, h, proposable[api.FlagImported](h, op), s.importFlags)
}

func (s *Server) importFlags(ctx context.Context, in *importFlagsInput) (*changed[api.FlagImported], error) {
	key, err := s.flagScope(ctx, in.Application, davit.AccessAdmin)
	if err != nil {
		return nil, err
	}
	match, err := importMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	outs, err := s.Flags.Import(ctx, davit.FlagImport{
		Application: in.Application, Environment: in.Body.Environment, Flags: in.Body.Flags, Segments: in.Body.Segments,
		Actor: actor(ctx), Comment: in.Body.Comment, Scope: key, Match: match, Propose: true, DryRun: in.DryRun,
	})
	if err != nil {
		return nil, preconditioned(err)
	}
	list := api.FlagImported{Flags: make([]davit.FlagOutcome, 0, len(outs))}
	for _, out := range outs {
		told := shown(out, key)
		if told.Proposal != nil { // one for all of them
			list.Proposal, told.Proposal = told.Proposal, nil
		}
		list.Flags = append(list.Flags, told)
	}
	return changedTo(0, list.Proposal, list), nil
}

// importMatch returns the number of the change that If-Match names; nil for any.
func importMatch(match string) (*int64, error) {
	if match == "" || match == "*" {
		return nil, nil
	}
	n, err := numbered(match, 0)
	return &n, err
}
