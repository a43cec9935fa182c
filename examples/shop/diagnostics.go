package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
)

// dependency is something that a service needs, and how to find out whether it
// is well.
type dependency struct {
	name string
	well func(*http.Request) error
}

// diagnostics answer operators and machines: how the service is, which release
// it is, and what it counts.
type diagnostics struct {
	faults       Faults
	dependencies []dependency
	answered     [6]atomic.Int64 // requests by the class of their status
}

func (d *diagnostics) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /startupz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "started") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if d.faults.NeverReady {
			http.Error(w, "not ready, as the faults say", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /healthz", d.health)
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{
			"version": version, "release": os.Getenv("DAVIT_RELEASE"), "configuration": os.Getenv("DAVIT_CONFIG_HASH"),
		})
	})
	mux.HandleFunc("GET /metrics", d.metrics)
}

// health tells how the service and each of its dependencies are.
func (d *diagnostics) health(w http.ResponseWriter, r *http.Request) {
	type state struct {
		Status string `json:"status"`
		Reason string `json:"reason,omitempty"`
	}
	all := struct {
		state
		Dependencies map[string]state `json:"dependencies"`
	}{state{Status: "ok"}, map[string]state{}}
	status := http.StatusOK
	for _, need := range d.dependencies {
		all.Dependencies[need.name] = state{Status: "ok"}
		if err := need.well(r); err != nil {
			all.Dependencies[need.name] = state{"failing", err.Error()}
			all.state, status = state{"failing", need.name + " is not well"}, http.StatusServiceUnavailable
		}
	}
	answer(w, status, all)
}

// metrics are for those who ask the instance itself: what came through the
// front door came from the public.
func (d *diagnostics) metrics(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Forwarded-For") != "" {
		answer(w, http.StatusNotFound, problem{"there is nothing at /metrics"})
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "# HELP shop_build_info Which version answers.\n# TYPE shop_build_info gauge\nshop_build_info{version=%q} 1\n", version)
	fmt.Fprint(w, "# HELP shop_requests_total Requests answered, by the class of their status.\n# TYPE shop_requests_total counter\n")
	for class := 1; class < len(d.answered); class++ {
		fmt.Fprintf(w, "shop_requests_total{status=\"%dxx\"} %d\n", class, d.answered[class].Load())
	}
}

// observed counts, logs and names every request, and gives every answer the
// headers that browsers heed. With TELL_RELEASE, answers tell their release.
func (d *diagnostics) observed(log *slog.Logger, next http.Handler) http.Handler {
	release := ""
	if os.Getenv("TELL_RELEASE") != "" {
		release = os.Getenv("DAVIT_RELEASE")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, id := w.Header(), r.Header.Get("X-Request-Id")
		h.Set("Shop-Version", version)
		if release != "" {
			h.Set("Davit-Release", release) // where the front door does not tell it
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		if id != "" && len(id) <= 128 {
			h.Set("X-Request-Id", id)
		}
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		d.answered[min(seen.status/100, len(d.answered)-1)].Add(1)
		log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelInfo, "answered", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Int("status", seen.status), slog.String("request", id))
	})
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

// Unwrap lets http.ResponseController reach what streams need.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// problem is what an answer that is none says.
type problem struct {
	Error string `json:"error"`
}

// politely answers what the mux does not know in JSON: 404, or 405 with the
// methods that there are.
func politely(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := &statusOnly{header: http.Header{}}
		refusal.ServeHTTP(said, r)
		for _, name := range []string{"Allow", "Location"} {
			if value := said.header.Get(name); value != "" {
				w.Header().Set(name, value)
			}
		}
		answer(w, said.status, problem{http.StatusText(said.status)})
	})
}

// statusOnly takes an answer's status and header, and drops the rest.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
