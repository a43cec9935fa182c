package server

import (
	"context"
	"net/http"
)

// NewEdge returns a server that answers OFREP, and tells its health and, to who
// shows a token, its metrics. It keeps nothing, and has no other part of the API.
func NewEdge(config Config) *Server {
	s := &Server{Config: config}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.registry, s.requests = newRegistry(config.Version)
	s.registry.MustRegister(config.Collectors...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "this server answers OFREP alone, and has no "+r.URL.Path, "")
	})
	s.handler = s.protect(mux)
	return s
}

// ListenEdge listens on an address for a server of NewEdge. Requests for flags carry
// an access key; all others but those about its health need a token, and are refused
// when there are none.
func ListenEdge(o TCPOptions) (Listener, error) {
	if o.Tokens == nil {
		o.Tokens = &Tokens{}
	}
	return ListenTCP(o)
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // a client that is gone cannot be told
}
