package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

type adoptInput struct {
	Place
	Body api.Adoption
}

func (s *Server) adoptRoute(h huma.API) {
	adopt := post("adopt", placePath+"/adopt", "Take over an application that runs on the platform already")
	adopt.Description = "Answers when the release serves in place of what ran before. Whoever stops waiting stops nothing: asking again waits on."
	register(s, h, adopt, func(ctx context.Context, in *adoptInput) (*body[api.Adopted], error) {
		ask := deployInput{Place: in.Place, Body: in.Body.Deployment}
		if err := ask.check(); err != nil {
			return nil, err
		}
		return answer(s.Adopt(ctx, ask.request(ctx), in.Body.Plan))
	})
	disown := accepted(post("disown", placePath+"/disown", "Leave an environment running on the platform without Davit"))
	disown.Description = "Answers when what stays serves, with the rollout that takes Davit's part away."
	register(s, h, disown, func(ctx context.Context, in *downInput) (*body[davit.Rollout], error) {
		if err := in.namesNoFlag(); err != nil {
			return nil, err
		}
		return answer(s.Disown(ctx, engine.DownRequest{
			Application: in.Application, Environment: in.Environment, Actor: actor(ctx), Reason: in.Body.Reason,
		}))
	})
}
