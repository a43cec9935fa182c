package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

const keysPath = "/v1/flagkeys/{application}"

type createKeyInput struct {
	FlagsPath
	Body api.AccessKeyCreation
}

// AccessKeyPath is the access key that a path names.
type AccessKeyPath struct {
	FlagsPath
	ID string `path:"id" maxLength:"64" doc:"of the access key"`
}

type rotateKeyInput struct {
	AccessKeyPath
	Body api.AccessKeyRotation
}

type revokeKeyInput struct {
	AccessKeyPath
	Comment string `query:"comment" maxLength:"1024" doc:"why, for the audit log"`
}

// flagKeyRoutes are not for access keys: none makes another.
func (s *Server) flagKeyRoutes(h huma.API) {
	register(s, h, get("listAccessKeys", keysPath, "The keys that an application's flags are read with, without their text"),
		func(ctx context.Context, in *FlagsPath) (*body[api.AccessKeyList], error) {
			if _, err := s.flagScope(ctx, in.Application); err != nil {
				return nil, err
			}
			return &body[api.AccessKeyList]{api.AccessKeyList{Keys: s.Flags.Keys(in.Application)}}, nil
		})
	create := post("createAccessKey", keysPath, "Make an access key; the answer is the only one that tells it")
	create.DefaultStatus = http.StatusCreated
	register(s, h, create, func(ctx context.Context, in *createKeyInput) (*body[api.NewAccessKey], error) {
		if _, err := s.flagScope(ctx, in.Application); err != nil {
			return nil, err
		}
		key, text, err := s.Flags.CreateKey(ctx, actor(ctx), davit.AccessKey{
			Application: in.Application, Environment: in.Body.Environment, Kind: in.Body.Kind, Name: in.Body.Name,
		}, in.Body.Lifetime.D())
		return &body[api.NewAccessKey]{api.NewAccessKey{AccessKey: key, Key: text}}, err
	})
	register(s, h, post("rotateAccessKey", keysPath+"/{id}/rotate", "Make an access key in place of another, which goes on for a while"),
		func(ctx context.Context, in *rotateKeyInput) (*body[api.NewAccessKey], error) {
			if _, err := s.flagScope(ctx, in.Application); err != nil {
				return nil, err
			}
			key, text, err := s.Flags.RotateKey(ctx, actor(ctx), in.Application, in.ID, in.Body.Overlap.D())
			return &body[api.NewAccessKey]{api.NewAccessKey{AccessKey: key, Key: text}}, err
		})
	register(s, h, operation(http.MethodDelete, "revokeAccessKey", keysPath+"/{id}", "Let an access key expire at once"),
		func(ctx context.Context, in *revokeKeyInput) (*body[davit.AccessKey], error) {
			if _, err := s.flagScope(ctx, in.Application); err != nil {
				return nil, err
			}
			key, err := s.Flags.RevokeKey(ctx, actor(ctx), in.Application, in.ID, in.Comment)
			return &body[davit.AccessKey]{key}, err
		})
}
