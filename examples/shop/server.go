package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

// finish is how long requests in flight get to end after SIGTERM. The router
// has drained the instance before, so there are none as a rule.
const finish = 10 * time.Second

// serve answers requests on PORT until ctx ends: the service's own, and those
// that ask how it and what it needs are.
func serve(ctx context.Context, log *slog.Logger, faults Faults, mux *http.ServeMux, needs ...dependency) error {
	faults.start(ctx)
	address := net.JoinHostPort(cmp.Or(os.Getenv("HOST"), "127.0.0.1"), cmp.Or(os.Getenv("PORT"), "8081"))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	log.Info("listening", "address", listener.Addr().String())
	if err := answerUntil(ctx, listener, kept(log, faults, mux, needs...)); err != nil {
		return err
	}
	log.Info("finished")
	return nil
}

// answerUntil answers requests until ctx ends, then those that are in flight.
func answerUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	// Longer than proxies keep a connection that they have opened and not used yet (Go's
	// transport, and Traefik by it, 90 s): the limit counts from its beginning, and a
	// request that meets the closing is lost.
	const readHeader = 2 * time.Minute
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeader}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), finish)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return fmt.Errorf("finishing the requests in flight: %w", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// kept adds to a service what a well-kept one has. The diagnostics are not
// disturbed: a release that passes its probes and fails its users is the
// dangerous one.
func kept(log *slog.Logger, faults Faults, service *http.ServeMux, needs ...dependency) http.Handler {
	d := &diagnostics{faults: faults, dependencies: needs}
	mux := http.NewServeMux()
	d.routes(mux)
	mux.Handle("/", faults.disturb(politely(service)))
	return d.observed(log, mux)
}
