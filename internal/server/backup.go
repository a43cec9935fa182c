package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
)

func (s *Server) backupRoute(h huma.API) {
	op := streamed(get("backup", "/v1/backup", "A copy of the store, to restore it from"), "application/octet-stream")
	op.Description = "One file that holds every commit that was acknowledged before. Rollouts go on meanwhile. " +
		"An answer that is cut short is no backup."
	register(s, h, op, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		if s.Backup == nil {
			return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "this server makes no backups"}
		}
		return s.whole("making a backup", s.Backup), nil
	})
}
