package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (s *Server) flagUsageRoute(h huma.API) {
	register(s, h, get("flagUsage", "/v1/flagusage/{application}", "When flags were last evaluated"),
		func(_ context.Context, in *FlagsPath) (*body[api.FlagUsage], error) {
			if s.FlagUsage == nil {
				return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "this server does not note when flags are evaluated"}
			}
			return &body[api.FlagUsage]{s.FlagUsage(in.Application)}, nil
		})
}
