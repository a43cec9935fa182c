package server

import (
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

// Place is the environment that a path names. It and others that inputs embed
// are exported because huma does not look into unexported embedded fields.
type Place struct {
	Application string `path:"application" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" doc:"name of the application"`
	Environment string `path:"environment" maxLength:"320" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[A-Za-z0-9._:@/-]+)?$" doc:"name of the environment; of the ramps of a feature flag there, the flag's key after a colon"`
}

// namesNoFlag refuses the environment that a flag is ramped in: its name may be none
// of a file.
func (p Place) namesNoFlag() error {
	if !strings.Contains(p.Environment, ":") {
		return nil
	}
	return &davit.Error{
		Code: davit.CodeUnsupported, Message: p.Environment + " is where a flag is ramped: nothing is deployed there, and writes logs",
		Hint: "use davit flag ramp, or name an environment of davit.yaml",
	}
}

const placePath = "/v1/environments/{application}/{environment}"

func (s *Server) environmentRoutes(h huma.API) {
	register(s, h, get("listEnvironments", "/v1/environments", "All environments"),
		func(ctx context.Context, _ *struct{}) (*body[api.EnvironmentList], error) {
			list, err := s.Store.Environments(ctx)
			return &body[api.EnvironmentList]{api.EnvironmentList{Environments: notNil(list)}}, err
		})
	register(s, h, get("status", placePath, "How an environment is, as seen now"),
		func(ctx context.Context, in *Place) (*body[engine.Status], error) {
			status, err := s.Engine.Status(ctx, in.Application, in.Environment)
			if err != nil {
				return nil, err
			}
			return &body[engine.Status]{*status}, nil
		})
	register(s, h, post("plan", placePath+"/plan", "What a deployment would do"),
		func(ctx context.Context, in *deployInput) (*body[engine.Proposal], error) {
			if err := in.check(); err != nil {
				return nil, err
			}
			return answer(s.Engine.Propose(ctx, in.request(ctx)))
		})
	register(s, h, post("command", placePath+"/command", "Abort, pause, resume, promote, abandon, approve or reject a rollout"),
		func(ctx context.Context, in *commandInput) (*body[davit.Rollout], error) {
			rollout, err := s.Engine.Command(ctx, engine.Command{
				Application: in.Application, Environment: in.Environment, Rollout: in.Body.Rollout,
				Kind: engine.CommandKind(in.Body.Kind), Stage: in.Body.Stage, Force: in.Body.Force, Actor: actor(ctx), Reason: in.Body.Reason,
			})
			return answer(rollout, err)
		})
}

type deployInput struct {
	Place
	Body api.Deployment
}

// check refuses to deploy where ramps of flags run.
func (in *deployInput) check() error {
	if in.Body.Platform == davit.PlatformFlag {
		return &davit.Error{Code: davit.CodeUnsupported, Message: "nothing is deployed to flags", Hint: "use davit flag ramp"}
	}
	return in.namesNoFlag()
}

// request returns what to ask of the engine.
func (in *deployInput) request(ctx context.Context) engine.DeployRequest {
	return engine.DeployRequest{
		Application: in.Application, Environment: in.Environment, Platform: in.Body.Platform, Site: in.Body.Site,
		Version: in.Body.Version, Config: in.Body.Config, Policy: in.Body.Policy,
		Actor: actor(ctx), Reason: in.Body.Reason, Queue: in.Body.Queue, OverrideFreeze: in.Body.OverrideFreeze,
	}
}

type commandInput struct {
	Place
	Body api.Command
}

// answer wraps what the engine answered.
func answer[T any](value *T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{*value}, nil
}

// notNil returns a list that is written as [] and not as null when it is empty.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
