package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/azure"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/process"
	"github.com/davit-dev/davit/internal/proxy"
)

// platformProcess runs instances as processes of this host, behind the embedded
// proxy.
const platformProcess = "process"

// platforms are the pairs of runtime and router that environments run on.
type platforms struct {
	host       *process.Host
	client     *proxy.Client
	supervisor *proxy.Supervisor
	router     *proxy.Router
	clusters   *clusters
	azure      *azure.Identity // who signs in to Azure's registries and Prometheus
	ramps      *ramps
	// environment returns an environment as it is recorded.
	environment func(ctx context.Context, application, name string) (*davit.Environment, error)
}

// openPlatforms adopts the proxy and the instances that an earlier server left
// running under dir, or starts the proxy. Name is this installation's.
func openPlatforms(ctx context.Context, dir, name string, log *slog.Logger) (*platforms, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program to run the proxy with: %w", err)
	}
	proxyDir := filepath.Join(dir, "proxy")
	p := &platforms{client: proxy.NewClient(proxyDir), azure: azure.New(azure.Environment(os.Getenv), nil, time.Now)}
	p.clusters = newClusters(name, p.azure, log)
	p.router = proxy.NewRouter(p.client, log)
	p.supervisor = proxy.NewSupervisor(proxyDir, []string{self, "proxy", "--dir", proxyDir}, log)
	adopted, err := p.supervisor.Start(ctx)
	if err != nil {
		return nil, err
	}
	log.InfoContext(ctx, "the proxy serves", "adopted", adopted)
	p.host, err = process.Open(ctx, process.Config{Dir: filepath.Join(dir, "process"), Drain: p.drain, Log: log})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// drain takes an instance out of the proxy's table before it is stopped.
func (p *platforms) drain(ctx context.Context, _, _ string, instance davit.Instance, limit time.Duration) error {
	return p.router.Leave(ctx, instance.ID, limit)
}

// Run keeps the proxy running and its table up to date until ctx ends.
func (p *platforms) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.supervisor.Run(ctx) })
	group.Go(func() error { return p.router.Run(ctx) })
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Platform returns the pair that an environment runs on.
func (p *platforms) Platform(e davit.Environment) (engine.Platform, error) {
	switch e.Platform {
	case platformProcess:
	case platformKubernetes:
		return p.clusters.platform(e), nil
	case davit.PlatformFlag:
		return p.ramps.platform(e)
	default:
		return engine.Platform{}, &davit.Error{
			Code:    davit.CodeUnsupported,
			Message: fmt.Sprintf("this server has no platform %q", e.Platform),
			Hint:    "use the platform " + platformProcess + " or " + platformKubernetes,
		}
	}
	runtime := p.host.Environment(e.Application, e.Name)
	router := p.router.Environment(e.Application, e.Name, runtime)
	return engine.Platform{Runtime: runtime, Router: router, Metrics: router}, nil
}

// Logs calls each with the lines that a query chooses.
func (p *platforms) Logs(ctx context.Context, q api.LogQuery, each func(api.LogLine) error) error {
	lines := q.Tail
	switch {
	case q.Tail < 0:
		lines = 0 // all
	case q.Tail == 0:
		lines = -1 // none
	}
	chosen := func(l api.LogLine) error {
		if q.Release != "" && q.Release != string(l.Release) && q.Release != l.Release.Short() {
			return nil
		}
		return each(l)
	}
	switch e, err := p.environment(ctx, q.Application, q.Environment); {
	case davit.ErrorCode(err) == davit.CodeNotFound: // of one that is gone there may be lines on this host
	case err != nil:
		return err
	case e.Platform == platformKubernetes:
		return p.clusters.logs(ctx, *e, q, lines, chosen)
	}
	query := process.Query{Service: q.Service, Lines: lines, Follow: q.Follow}
	return p.host.Environment(q.Application, q.Environment).Logs(ctx, query, func(l process.Line) error {
		return chosen(api.LogLine{Instance: l.Instance, Release: l.Release, Service: l.Service, Text: l.Text})
	})
}

// Metrics writes the proxy's metrics.
func (p *platforms) Metrics(ctx context.Context, w io.Writer) error { return p.client.Metrics(ctx, w) }

// Close stops supervising. Instances and proxy go on; unless another server goes
// on at once, a proxy that has nothing to serve is ended, so that a server which
// has nothing left leaves nothing.
func (p *platforms) Close(handedOver bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	err := errors.Join(p.clusters.Close(), p.host.Close())
	if handedOver {
		return err
	}
	if table, tableErr := p.client.Table(ctx); tableErr == nil && len(table.Sites) == 0 {
		err = errors.Join(err, p.supervisor.Stop(ctx))
	}
	return err
}
