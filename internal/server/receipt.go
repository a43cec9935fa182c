package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/davit-dev/davit"
)

// receiptType is the media type of a receipt's file.
const receiptType = "application/vnd.davit.receipt.v1+json"

func (s *Server) receiptRoutes(h huma.API) {
	s.document(h, "receipt", "The signed receipt of a rollout that has ended", receiptType, s.Receipt)
	s.document(h, "samples", "What was sampled of a rollout", "application/json", s.Samples)
}

// document adds an operation that answers with a document of a rollout as it is
// stored, byte for byte.
func (s *Server) document(h huma.API, name, summary, contentType string, read func(ctx context.Context, rollout string) ([]byte, error)) {
	register(s, h, streamed(get(name, "/v1/rollouts/{id}/"+name, summary), contentType),
		func(ctx context.Context, in *RolloutPath) (*plainText, error) {
			if read == nil {
				return nil, &davit.Error{Code: davit.CodeUnsupported, Message: "this server keeps no " + name}
			}
			doc, err := read(ctx, in.ID)
			return &plainText{ContentType: contentType, Body: doc}, err
		})
}
