package server

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func newRegistry(version string) (*prometheus.Registry, *prometheus.CounterVec) {
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "davit_api_requests_total", Help: "Requests to the API, by route and status.",
	}, []string{"route", "status"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "davit_build_info", Help: "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(requests, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry, requests
}

// count counts an answered request. The pattern that matched is its label, for
// paths are without number.
func (s *Server) count(r *http.Request, status int) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	s.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// metrics answers with the server's own metrics, then those it was given.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	plain := promhttp.HandlerOpts{DisableCompression: true}
	r.Header.Del("Accept") // the text format, which what follows is in too
	promhttp.HandlerFor(s.registry, plain).ServeHTTP(w, r)
	if s.Metrics == nil {
		return
	}
	if err := s.Metrics(r.Context(), w); err != nil {
		s.Log.WarnContext(r.Context(), "writing metrics", "error", err)
	}
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Flush sends what was written so far.
func (w *statusWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController see the writer beneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
