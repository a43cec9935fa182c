// Package server is Davit's HTTP API: environments, rollouts, their events,
// logs and the audit log. Its OpenAPI description is generated from the types
// that the handlers take and return.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/engine"
)

// Engine does what the API asks for.
type Engine interface {
	Propose(context.Context, engine.DeployRequest) (*engine.Proposal, error)
	Deploy(context.Context, engine.DeployRequest) (*engine.Proposal, error)
	Rollback(context.Context, engine.RollbackRequest) (*davit.Rollout, error)
	Down(context.Context, engine.DownRequest) (*davit.Rollout, error)
	Command(context.Context, engine.Command) (*davit.Rollout, error)
	Status(ctx context.Context, application, environment string) (*engine.Status, error)
	// Watch returns a channel that receives after anything changed, and is
	// closed some time after ctx ends.
	Watch(ctx context.Context) <-chan struct{}
}

// Store is what the API reads without asking the engine.
type Store interface {
	Environments(ctx context.Context) ([]*davit.Environment, error)
	Rollout(ctx context.Context, id string) (*davit.Rollout, error)
	Rollouts(ctx context.Context, application, environment string, limit int) ([]*davit.Rollout, error)
	Events(ctx context.Context, rollout string, after int64, limit int) ([]davit.Event, error)
	Audit(ctx context.Context, filter davit.AuditFilter) ([]davit.AuditEntry, error)
	AuditCheckpoint(ctx context.Context) ([]byte, error)
}

// Config is what a server is made of. Export, Tile, Released, Backup, Receipt, Samples and
// Metrics may be nil.
type Config struct {
	Engine Engine
	Store  Store
	// Ramp begins to ramp a flag up, and Outcomes takes in how its variants do. Both
	// are nil where Flags is.
	Ramp     func(ctx context.Context, application, key, actor string, r davit.FlagRamp) (*engine.Proposal, error)
	Outcomes func(application, key string, o api.FlagOutcomes) error
	// Adopt takes over an application that runs on the platform already, and returns
	// when its release serves; plan only tells what it would do.
	Adopt func(ctx context.Context, request engine.DeployRequest, plan bool) (*api.Adopted, error)
	// Disown leaves an environment running on the platform without Davit, and takes
	// Davit's part away by the rollout that it returns.
	Disown func(context.Context, engine.DownRequest) (*davit.Rollout, error)
	// Logs calls each with the lines that instances wrote. It returns the
	// first error of each, and nil when ctx ended a following.
	Logs func(ctx context.Context, query api.LogQuery, each func(api.LogLine) error) error
	// Export writes the audit log so that it can be verified elsewhere.
	Export func(ctx context.Context, w io.Writer) error
	// Tile returns a part of the audit log by its path in the C2SP tlog-tiles
	// interface: "checkpoint", "tile/0/000".
	Tile func(ctx context.Context, path string) ([]byte, error)
	// Released records a release of a repository for an actor, and says whether
	// the audit log lacked it.
	Released func(ctx context.Context, actor string, r api.Released) (added bool, err error)
	// Backup writes a copy of the store.
	Backup func(ctx context.Context, w io.Writer) error
	// Receipt returns the receipt of a rollout that has ended, as a file;
	// Samples what was sampled of one, as JSON.
	Receipt func(ctx context.Context, rollout string) ([]byte, error)
	Samples func(ctx context.Context, rollout string) ([]byte, error)
	// Metrics writes further metrics in the Prometheus text format.
	Metrics func(ctx context.Context, w io.Writer) error
	// Upgrader may be nil.
	Upgrader Upgrader
	// Flags may be nil; then there are none. OFREP answers requests below /ofrep/,
	// and knows by itself who may ask. Grant returns what an access key allows, nil
	// for one that is not known.
	Flags Flags
	OFREP http.Handler
	Grant func(key string) *davit.AccessKey
	// FlagUsage tells when the flags of an application were last evaluated; nil when
	// nobody notes that.
	FlagUsage func(application string) api.FlagUsage
	// Collectors are further metrics.
	Collectors []prometheus.Collector
	Version    string
	Log        *slog.Logger
}

// Server answers the API on any number of listeners.
type Server struct {
	Config
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	handler  http.Handler

	stopping context.Context // ends streams
	stop     context.CancelFunc
}

// How long a client may take for the parts of a request. Answers have no limit,
// for streams last as long as a rollout does.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 64 << 10
)

// New returns a server that listens nowhere yet.
func New(config Config) *Server {
	s := &Server{Config: config}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.registry, s.requests = newRegistry(config.Version)
	s.registry.MustRegister(config.Collectors...)
	mux, _ := s.routes()
	s.handler = s.protect(mux)
	return s
}

// Serve answers on all listeners until ctx ends, then ends event and log
// streams, waits for other requests up to grace, and closes the listeners.
func (s *Server) Serve(ctx context.Context, grace time.Duration, listeners ...Listener) error {
	tuneMemory()
	results := make(chan error, len(listeners))
	servers := make([]*http.Server, len(listeners))
	for i, l := range listeners {
		servers[i] = s.httpServer(l)
		go func() { results <- servers[i].Serve(l) }()
	}
	var errs []error
	running := len(listeners)
	select {
	case <-ctx.Done():
	case err := <-results:
		running--
		errs = append(errs, fmt.Errorf("serving the API: %w", err))
	}
	s.stop()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, h := range servers {
		if err := h.Shutdown(end); err != nil {
			errs = append(errs, fmt.Errorf("ending the API's requests: %w", err), h.Close())
		}
	}
	for range running {
		if err := <-results; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Server) httpServer(l Listener) *http.Server {
	return &http.Server{
		Handler:           s.admit(l.guard(s.handler)),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return l.identify(ctx, c)
		},
	}
}

// protect counts requests and bounds their bodies.
func (s *Server) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &timedBody{http.MaxBytesReader(w, r.Body, api.MaxBodyBytes), http.NewResponseController(w)}
		counted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(counted, r)
		s.count(r, counted.status)
	})
}

// timedBody lifts the limit on the time to read a request's body when it was
// read. Left in force it would end the request in the middle of its work.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		_ = b.control.SetReadDeadline(time.Time{}) // a connection that cannot has none
	}
	return n, err
}
