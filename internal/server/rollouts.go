package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

func (s *Server) rolloutRoutes(h huma.API) {
	register(s, h, get("history", placePath+"/rollouts", "The rollouts of an environment, newest first"),
		func(ctx context.Context, in *historyInput) (*body[api.RolloutList], error) {
			list, err := s.Store.Rollouts(ctx, in.Application, in.Environment, in.Limit)
			return &body[api.RolloutList]{api.RolloutList{Rollouts: notNil(list)}}, err
		})
	register(s, h, accepted(post("deploy", placePath+"/rollouts", "Roll out a release")),
		func(ctx context.Context, in *deployInput) (*body[engine.Proposal], error) {
			if err := in.check(); err != nil {
				return nil, err
			}
			return answer(s.Engine.Deploy(ctx, in.request(ctx)))
		})
	register(s, h, accepted(post("rollback", placePath+"/rollback", "Go back to an earlier release")),
		func(ctx context.Context, in *rollbackInput) (*body[davit.Rollout], error) {
			if err := s.mayGoBack(ctx, in.Place, in.Body.To); err != nil {
				return nil, err
			}
			return answer(s.Engine.Rollback(ctx, engine.RollbackRequest{
				Application: in.Application, Environment: in.Environment,
				To: in.Body.To, Force: in.Body.Force, Actor: actor(ctx), Reason: in.Body.Reason,
			}))
		})
	register(s, h, accepted(post("down", placePath+"/down", "Run nothing any more")),
		func(ctx context.Context, in *downInput) (*body[davit.Rollout], error) {
			if err := s.mayGoBack(ctx, in.Place, "nothing"); err != nil {
				return nil, err
			}
			return answer(s.Engine.Down(ctx, engine.DownRequest{
				Application: in.Application, Environment: in.Environment, Actor: actor(ctx), Reason: in.Body.Reason,
			}))
		})
	register(s, h, get("rollout", "/v1/rollouts/{id}", "One rollout"),
		func(ctx context.Context, in *RolloutPath) (*body[davit.Rollout], error) {
			return answer(s.Store.Rollout(ctx, in.ID))
		})
}

type historyInput struct {
	Place
	Limit int `query:"limit" default:"20" minimum:"1" maximum:"1000" doc:"how many at most"`
}

type rollbackInput struct {
	Place
	Body api.Rollback
}

type downInput struct {
	Place
	Body api.Down
}

// RolloutPath is the rollout that a path names.
type RolloutPath struct {
	ID string `path:"id" maxLength:"64" pattern:"^[A-Za-z0-9._-]+$" doc:"the rollout's ID"`
}

// accepted marks an operation that answers when its work has begun.
func accepted(op huma.Operation) huma.Operation {
	op.DefaultStatus = 202
	return op
}
