package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// Upgrader puts another program in the server's place.
type Upgrader interface {
	// Upgrade returns when the program is prepared to take over, or cannot. One
	// that is under way already is a CodeConflict error.
	Upgrade(ctx context.Context, request api.Upgrade, actor string) (*api.UpgradeStatus, error)
	// UpgradeStatus tells how the last upgrade goes.
	UpgradeStatus() *api.UpgradeStatus
}

type upgradeInput struct {
	Body api.Upgrade
}

func (s *Server) upgradeRoutes(h huma.API) {
	register(s, h, get("upgradeStatus", "/v1/upgrade", "How the last upgrade of the server goes"),
		func(context.Context, *struct{}) (*body[api.UpgradeStatus], error) {
			if s.Upgrader == nil {
				return nil, errNoUpgrader
			}
			return &body[api.UpgradeStatus]{*s.Upgrader.UpgradeStatus()}, nil
		})
	op := post("upgrade", "/v1/upgrade", "Put another program in the server's place")
	op.Description = "Over the unix socket alone. The answer comes when the program is prepared to take over, or has failed; " +
		"what becomes of it is asked of whichever server answers then."
	register(s, h, op, func(ctx context.Context, in *upgradeInput) (*body[api.UpgradeStatus], error) {
		switch {
		case s.Upgrader == nil:
			return nil, errNoUpgrader
		case !local(ctx): // a token is for deploying, not for running programs as the server's user
			return nil, &davit.Error{Code: davit.CodeRefused, Message: "a server is upgraded on its own machine only", Hint: "run davit upgrade there, as the user that runs the server"}
		}
		return answer(s.Upgrader.Upgrade(ctx, in.Body, actor(ctx)))
	})
}

var errNoUpgrader = &davit.Error{Code: davit.CodeUnsupported, Message: "this server cannot be upgraded while it runs"}
