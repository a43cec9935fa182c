package server

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

func (s *Server) auditRoutes(h huma.API) {
	register(s, h, get("listAudit", "/v1/audit", "Entries of the audit log, oldest first"),
		func(ctx context.Context, in *auditInput) (*body[api.AuditList], error) {
			list, err := s.Store.Audit(ctx, davit.AuditFilter{
				Application: in.Application, Environment: in.Environment, Rollout: in.Rollout,
				Release: in.Release, From: in.From, Limit: in.Limit,
			})
			return &body[api.AuditList]{api.AuditList{Entries: notNil(list)}}, err
		})
	register(s, h, streamed(get("exportAudit", "/v1/audit/export", "The whole audit log, to verify it elsewhere"), "application/octet-stream"),
		func(context.Context, *struct{}) (*huma.StreamResponse, error) {
			if s.Export == nil {
				return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "this server exports no audit log"}
			}
			return s.whole("exporting the audit log", s.Export), nil
		})
	register(s, h, streamed(get("auditCheckpoint", "/v1/audit/checkpoint", "The latest checkpoint, a signed note"), "text/plain; charset=utf-8"),
		func(ctx context.Context, _ *struct{}) (*plainText, error) {
			checkpoint, err := s.Store.AuditCheckpoint(ctx)
			if err == nil && checkpoint == nil {
				err = &davit.Error{Code: davit.CodeNotFound, Message: "the audit log is empty", Hint: "deploy something first"}
			}
			return &plainText{ContentType: "text/plain; charset=utf-8", Body: checkpoint}, err
		})
}

type auditInput struct {
	Application string          `query:"application" maxLength:"63" doc:"of this application only"`
	Environment string          `query:"environment" maxLength:"63" doc:"of environments of this name only"`
	Rollout     string          `query:"rollout" maxLength:"64" doc:"of this rollout only"`
	Release     davit.ReleaseID `query:"release" maxLength:"512" doc:"of this release's ID, or of this tag, only"`
	From        int64           `query:"from" minimum:"0" doc:"first index"`
	Limit       int             `query:"limit" default:"1000" minimum:"1" maximum:"10000" doc:"how many at most"`
}

type plainText struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// whole answers with what write writes. When that fails half-way the connection
// is cut, so that nobody takes the part for the whole.
func (s *Server) whole(doing string, write func(context.Context, io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/octet-stream")
		body := &begun{Writer: ctx.BodyWriter()}
		err := write(ctx.Context(), body)
		if err == nil {
			return
		}
		if !body.begun { // there is time to say why
			p := s.problem(ctx.Context(), doing, err)
			_, w := humago.Unwrap(ctx)
			refuse(w, p.Status, p.Detail, p.Hint)
			return
		}
		if !errors.Is(err, context.Canceled) {
			s.Log.ErrorContext(ctx.Context(), "an answer was cut short", "doing", doing, "error", err)
		}
		panic(http.ErrAbortHandler)
	}}
}

// begun remembers that something was written.
type begun struct {
	io.Writer
	begun bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.begun = true
	return b.Writer.Write(p)
}

// streamed describes an operation whose answer is not JSON.
func streamed(op huma.Operation, contentType string) huma.Operation {
	op.Responses["200"] = &huma.Response{
		Description: "OK",
		Content:     map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
	return op
}
