package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

type rampFlagInput struct {
	FlagPath
	Body davit.FlagRamp
}

type flagOutcomesInput struct {
	FlagPath
	Body api.FlagOutcomes
}

func (s *Server) flagRampRoutes(h huma.API) {
	ramp := accepted(post("rampFlag", flagPath+"/ramps", "Serve a variant to a growing share of the users, for as long as that does no harm"))
	ramp.Description = "A ramp is a rollout of the environment ENVIRONMENT:KEY, which tells how it goes and takes commands."
	register(s, h, ramp, func(ctx context.Context, in *rampFlagInput) (*body[engine.Proposal], error) {
		if err := s.flagScopeIn(ctx, in.Application, in.Body.Environment, davit.AccessAdmin); err != nil {
			return nil, err
		}
		if beyond := in.Body.Beyond(); beyond != "" && keyed(ctx) {
			return nil, &davit.Error{
				Code: davit.CodeRefused, Message: "no access key begins a ramp with " + beyond + ": the server would reach what its owner cannot",
				Hint: "ask somebody who has access to the server, or report outcomes",
			}
		}
		return answer(s.Ramp(ctx, in.Application, in.Key, actor(ctx), in.Body))
	})
	outcomes := post("reportFlagOutcomes", flagPath+"/outcomes", "Tell how requests went that a flag's variants were served in")
	outcomes.DefaultStatus = http.StatusNoContent
	register(s, h, outcomes, func(ctx context.Context, in *flagOutcomesInput) (*struct{}, error) {
		if err := s.flagScopeIn(ctx, in.Application, in.Body.Environment, davit.AccessServer, davit.AccessAdmin); err != nil {
			return nil, err
		}
		return nil, s.Outcomes(in.Application, in.Key, in.Body)
	})
}

// keyed reports whether a request was made with an access key of flags.
func keyed(ctx context.Context) bool {
	key, _ := ctx.Value(scopeKey{}).(*davit.AccessKey)
	return key != nil
}

// flagScopeIn refuses an access key that is for another environment, or of another
// kind.
func (s *Server) flagScopeIn(ctx context.Context, application, environment string, kinds ...davit.AccessKeyKind) error {
	key, err := s.flagScope(ctx, application, kinds...)
	if err != nil || key == nil || key.Environment == environment {
		return err
	}
	return &davit.Error{Code: davit.CodeRefused, Message: "the key " + key.Name + " is for " + key.Environment + ", and not for " + environment}
}
