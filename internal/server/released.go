package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (s *Server) releasedRoute(h huma.API) {
	register(s, h, post("recordRelease", "/v1/released", "Record a release that was made in a repository; again changes nothing"),
		func(ctx context.Context, in *body[api.Released]) (*body[api.Recorded], error) {
			if s.Released == nil {
				return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "this server records no releases"}
			}
			added, err := s.Released(ctx, actor(ctx), in.Body)
			return &body[api.Recorded]{api.Recorded{Added: added}}, err
		})
}
