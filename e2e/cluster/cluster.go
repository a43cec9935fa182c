//go:build linux

// Package cluster runs a real Kubernetes for tests: the stock API server, etcd,
// controller manager, scheduler, kubelet and kube-proxy, containerd, and Traefik
// as the implementation of the Gateway API, on this machine, as root.
//
// A cluster and the tests on it live in network, mount and process namespaces of
// their own. Nothing in there reaches the network of the machine, several run
// side by side, and however the tests end, be it by kill -9, the kernel ends and
// unmounts all of it. What could be left are empty control groups; the next start
// removes them.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Options say what a cluster has.
type Options struct {
	// ControlPlane leaves out the node and the gateway: objects are stored and
	// controllers act, and no pod ever runs. It is up sooner, and takes less.
	ControlPlane bool
}

// The programs of a cluster, for Stop, Kill and Start.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Containerd        = "containerd"
	Kubelet           = "kubelet"
	Proxy             = "kube-proxy"
	Gateway           = "traefik"
)

// ErrForeign is the error of what can be done to the tests' own cluster alone.
var ErrForeign = errors.New("the cluster is not the tests' own: KUBECONFIG names it")

// The addresses in a cluster's network.
const (
	nodeName       = "node1"
	nodeIP         = "10.250.0.1"
	podNetwork     = "10.244.0.0/24"
	serviceNetwork = "10.96.0.0/16"
	serviceIP      = "10.96.0.1" // of the API server
	server         = "https://" + nodeIP + ":6443"
)

// Where a cluster keeps its files: all of it in memory, below a /run of its own.
const (
	home    = "/run/cluster"
	pkiDir  = home + "/pki"
	logDir  = home + "/log"
	startup = 3 * time.Minute // the limit for one program to become ready
)

// Cluster is a running Kubernetes. KUBECONFIG names it in the environment of
// the tests, and kubectl is in their PATH.
type Cluster struct {
	tools    tools
	group    string // the control group of the pods
	programs map[string]*program
	client   *http.Client // of an administrator
	foreign  bool
}

// Own reports whether the cluster was started for the tests, which may break
// and restart its programs then.
func (c *Cluster) Own() bool { return !c.foreign }

// start starts a cluster in the namespaces that this process is in.
func start(ctx context.Context, o Options, group string) (*Cluster, error) {
	built, err := findTools()
	if err != nil {
		return nil, err
	}
	c := &Cluster{tools: built, group: group, programs: map[string]*program{}}
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("preparing the cluster: %w", err)
	}
	if err := c.startControlPlane(ctx); err != nil {
		return nil, err
	}
	if err := c.installGatewayAPI(ctx); err != nil || o.ControlPlane {
		return c, err
	}
	if err := c.startNode(ctx); err != nil {
		return nil, err
	}
	return c, c.startGateway(ctx)
}

// prepare writes the files that the programs read, and sets the environment.
func (c *Cluster) prepare() error {
	for _, dir := range []string{pkiDir, logDir, home + "/cni"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"audit.yaml": home, "containerd.toml": home, "cni.conflist": home + "/cni", "kubelet.yaml": home, "proxy.yaml": home, "gateway.yaml": home,
	} {
		data, err := files.ReadFile("files/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(target, name), data, 0o600); err != nil {
			return err
		}
	}
	var err error
	if c.client, err = writeIdentities(pkiDir); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"KUBECONFIG":   filepath.Join(pkiDir, "admin.conf"),
		"KUBECACHEDIR": home + "/kubectl", // which would be below the home of the user
		"PATH":         c.tools.kubernetes + string(os.PathListSeparator) + os.Getenv("PATH"),
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
