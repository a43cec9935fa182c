package server

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"runtime"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/davit-dev/davit/internal/api"
)

// apiVersion is the version of the API, not of the program.
const apiVersion = "1"

// routes returns all that the server answers, and the API's description.
func (s *Server) routes() (*http.ServeMux, huma.API) {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Davit", apiVersion)
	config.Info.Description = "Deploys applications without losing a request, and hauls bad releases back."
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	config.CreateHooks = nil // no $schema in answers
	config.DocsPath, config.SchemasPath = "", ""
	config.OpenAPIPath = "/v1/openapi"
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{problems}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "Over TCP. On the unix socket the peer's user ID says who asks."},
	}
	config.Security = []map[string][]string{{"token": {}}, {}}
	h := humago.New(mux, config)

	s.environmentRoutes(h)
	s.adoptRoute(h)
	s.rolloutRoutes(h)
	s.receiptRoutes(h)
	s.streamRoutes(h)
	s.auditRoutes(h)
	s.releasedRoute(h)
	s.backupRoute(h)
	s.upgradeRoutes(h)
	s.flagRoutes(h)
	s.flagKeyRoutes(h)
	s.flagUsageRoute(h)
	register(s, h, get("version", "/v1/version", "Which server answers"),
		func(context.Context, *struct{}) (*body[api.Version], error) {
			return &body[api.Version]{api.Version{Version: s.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}}, nil
		})
	if s.Tile != nil {
		mux.HandleFunc("GET "+tilesPath, s.tile)
	}
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no "+r.URL.Path, "GET /v1/openapi.yaml tells what there is")
	})
	return mux, h
}

// OpenAPI returns the API's description in YAML.
func OpenAPI() ([]byte, error) {
	_, h := (&Server{}).routes()
	return h.OpenAPI().YAML()
}

// body is an answer of JSON.
type body[T any] struct{ Body T }

func operation(method, id, path, summary string) huma.Operation {
	tag, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: api.MaxBodyBytes, BodyReadTimeout: bodyTimeout,
		Responses: map[string]*huma.Response{},
	}
}

func get(id, path, summary string) huma.Operation {
	return operation(http.MethodGet, id, path, summary)
}

func post(id, path, summary string) huma.Operation {
	return operation(http.MethodPost, id, path, summary)
}

// register adds an operation whose errors are told as problems.
func register[I, O any](s *Server, h huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Responses["default"] = &huma.Response{
		Description: "What went wrong",
		Content: map[string]*huma.MediaType{"application/problem+json": {
			Schema: h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.Problem](), true, ""),
		}},
	}
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, op.OperationID, err)
		}
		return out, nil
	})
}

// problem returns what to tell the client, and logs what it is not told.
func (s *Server) problem(ctx context.Context, operation string, err error) *api.Problem {
	p := api.NewProblem(err)
	if p.Status == http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		s.Log.ErrorContext(ctx, "the API failed to answer", "operation", operation, "error", err)
	}
	return p
}

// problems turns what the framework finds wrong with a request into problems.
func problems(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	var details []string
	for _, d := range model.Errors {
		text := d.Message // without the value, which may be a secret
		if d.Location != "" {
			text = d.Location + ": " + text
		}
		details = append(details, text)
	}
	detail := "the request is wrong"
	if len(details) > 0 {
		detail += ": " + strings.Join(details, "; ")
	} else if model.Detail != "" {
		detail += ": " + model.Detail
	}
	return api.StatusProblem(model.Status, detail, "client and server may be of different versions: compare `davit version`"), nil
}
