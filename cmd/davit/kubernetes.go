package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
	"github.com/davit-dev/davit/internal/azure"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/kubernetes"
)

// platformKubernetes has a cluster run instances as pods, and a Gateway split the
// traffic.
const platformKubernetes = "kubernetes"

// clusters are the namespaces of clusters that environments run in. Environments
// in the same one share its watches.
type clusters struct {
	server string // this installation
	azure  *azure.Identity
	log    *slog.Logger

	mu   sync.Mutex
	open map[clusterKey]*kubernetes.Cluster
}

// clusterKey is what makes two environments share a cluster.
type clusterKey struct {
	kubeconfig, context, namespace string
	nodePatience, probePatience    time.Duration
}

func newClusters(server string, identity *azure.Identity, log *slog.Logger) *clusters {
	return &clusters{server: server, azure: identity, log: log, open: map[clusterKey]*kubernetes.Cluster{}}
}

// platform returns the pair that an environment on a cluster runs on.
func (c *clusters) platform(e davit.Environment) engine.Platform {
	p, err := c.connect(e)
	if err != nil {
		return (&later{connect: func() (engine.Platform, error) { return c.connect(e) }}).platform()
	}
	return p
}

func (c *clusters) connect(e davit.Environment) (engine.Platform, error) {
	site := siteOf(e)
	cluster, err := c.at(site)
	if err != nil {
		return engine.Platform{}, err
	}
	router := cluster.Router(e.Application, e.Name, gatewayOptions(site))
	return engine.Platform{Runtime: cluster.Runtime(e.Application, e.Name), Router: router, Metrics: router}, nil
}

// logs calls each with the lines of an environment.
func (c *clusters) logs(ctx context.Context, e davit.Environment, q api.LogQuery, lines int, each func(api.LogLine) error) error {
	cluster, err := c.at(siteOf(e))
	if err != nil {
		return err
	}
	query := kubernetes.LogQuery{Service: q.Service, Lines: lines, Follow: q.Follow}
	return cluster.Runtime(e.Application, e.Name).Logs(ctx, query, func(l kubernetes.LogLine) error { return each(api.LogLine(l)) })
}

// siteOf returns where on its cluster an environment is.
func siteOf(e davit.Environment) davit.Kubernetes {
	if e.Site.Kubernetes == nil {
		return davit.Kubernetes{}
	}
	return *e.Site.Kubernetes
}

// at returns the namespace of a cluster that a site is in.
func (c *clusters) at(site davit.Kubernetes) (*kubernetes.Cluster, error) {
	return c.cluster(clusterKey{site.Kubeconfig, site.Context, site.Namespace, site.NodePatience.D(), site.ProbePatience.D()})
}

// cluster returns a namespace of a cluster, and begins to watch it the first time.
func (c *clusters) cluster(key clusterKey) (*kubernetes.Cluster, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cluster := c.open[key]; cluster != nil {
		return cluster, nil
	}
	cluster, err := kubernetes.Connect(context.Background(), kubernetes.Options{
		Kubeconfig: key.kubeconfig, Context: key.context, Namespace: key.namespace, Server: c.server,
		NodePatience: key.nodePatience, ProbePatience: key.probePatience,
		Keychain: c.azure.Keychain(), Metrics: c.azure.Transport(nil), Log: c.log,
	})
	if err == nil {
		c.open[key] = cluster
	}
	return cluster, err
}

// Close ends all watches. What is on the clusters goes on.
func (c *clusters) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, cluster := range c.open {
		errs = append(errs, cluster.Close())
	}
	clear(c.open)
	return errors.Join(errs...)
}

// gatewayOptions returns what a router has to know of a site.
func gatewayOptions(site davit.Kubernetes) kubernetes.GatewayOptions {
	options := kubernetes.GatewayOptions{Prometheus: site.Prometheus}
	if g := site.Gateway; g != nil {
		options.Name, options.Namespace, options.Section = g.Name, g.Namespace, g.Section
		options.Affinity = g.Affinity == davit.AffinityCookie
	}
	return options
}
