package server

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

const keysPath = "/v1/flagkeys/{application}"

type listKeysInput struct {
	FlagsPath
	Paged
}

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
	register(s, h, get("listAccessKeys", keysPath, "The keys that an application's flags are read with, oldest first, without their text"), s.listKeys)
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

func (s *Server) listKeys(ctx context.Context, in *listKeysInput) (*body[api.AccessKeyList], error) {
	if _, err := s.flagScope(ctx, in.Application); err != nil {
		return nil, err
	}
	all, from := s.Flags.Keys(in.Application), 0
	if in.After != "" { // no key is ever forgotten
		from = 1 + slices.IndexFunc(all, func(k davit.AccessKey) bool { return k.ID == in.After })
		if from == 0 {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: "there is no access key " + in.After + " to go on after"}
		}
	}
	var list api.AccessKeyList
	list.Keys, list.Next = page(all, from, in.Limit, func(k davit.AccessKey) string { return k.ID })
	return &body[api.AccessKeyList]{list}, nil
}
