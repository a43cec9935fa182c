package server

import (
	"cmp"
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

type previewFlagInput struct {
	FlagPath
	IfMatch string `header:"If-Match" maxLength:"40" doc:"ETag of the flag that is to be changed; whatever there is when left out, or *"`
	Body    api.FlagPreview
}

func (s *Server) flagPreviewRoute(h huma.API) {
	op := post("previewFlag", flagPath+"/preview", "What a change of a feature flag would do, and to how many of some users; nothing is changed")
	op.Description = "It is what dryRun tells of putFlag, patchFlag and deleteFlag, for users that the request names. " +
		"createFlag, instructFlag and revertFlag take contexts themselves."
	register(s, h, op, s.previewFlag)
}

func (s *Server) previewFlag(ctx context.Context, in *previewFlagInput) (*changed[davit.FlagOutcome], error) {
	e, err := s.edit(ctx, in.FlagPath, Edit{IfMatch: cmp.Or(in.IfMatch, "*"), DryRun: true}, "flag.change", "", nil)
	if err != nil {
		return nil, err
	}
	e.Contexts, e.Delete = in.Body.Contexts, in.Body.Delete
	whole, patch := in.Body.Flag, in.Body.Patch
	switch {
	case whole != nil && len(patch) == 0 && !e.Delete:
		if whole.Key != in.Key {
			return nil, otherKey()
		}
		e.Alter = func(davit.Flag) (davit.Flag, error) { return *whole, nil }
	case whole == nil && len(patch) > 0 && !e.Delete:
		e.Alter = func(f davit.Flag) (davit.Flag, error) { return patched(f, patch) }
	case whole == nil && len(patch) == 0 && e.Delete:
	default:
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: "a preview is of exactly one of flag, patch and delete"}
	}
	out, err := s.Flags.Change(ctx, e)
	return outcome(out, e.Scope, err)
}

// otherKey is the error about a flag that is not the one of the path.
func otherKey() error {
	return &davit.Error{Code: davit.CodeInvalid, Message: "the flag's key is not the one of the path: a key never changes"}
}
