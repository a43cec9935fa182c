//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/davit-dev/davit/e2e/cluster/image"
)

const containerdSocket = "/run/containerd/containerd.sock"

// startNode starts containerd, the kubelet and kube-proxy, and waits until the
// node takes pods.
func (c *Cluster) startNode(ctx context.Context) error {
	err := c.run(ctx, &program{
		name: Containerd, path: "containerd", args: []string{"--config=" + home + "/containerd.toml"},
		ready: listens("unix", containerdSocket),
	})
	if err != nil {
		return err
	}
	pause := image.Image{
		Name: "docker.io/davit/pause:1", Entrypoint: []string{"/pause"}, User: "65535",
		Files: []image.File{{Path: "pause", Source: filepath.Join(c.tools.kubernetes, "pause"), Mode: 0o755}},
	}
	if _, err := c.Load(ctx, pause); err != nil {
		return err
	}
	err = c.run(ctx,
		&program{
			name: Kubelet, path: c.tool(Kubelet), ready: answers(http.DefaultClient, "http://127.0.0.1:10248/healthz"),
			args: []string{
				"--config=" + home + "/kubelet.yaml", "--kubeconfig=" + filepath.Join(pkiDir, Kubelet+".conf"),
				"--cgroup-root=/" + c.group, "--hostname-override=" + nodeName, "--node-ip=" + nodeIP,
			},
		},
		&program{
			name: Proxy, path: c.tool(Proxy), args: []string{"--config=" + home + "/proxy.yaml"},
			ready: answers(http.DefaultClient, "http://127.0.0.1:10256/healthz"),
		},
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	if err := until(ctx, c.usable); err != nil {
		return fmt.Errorf("waiting for the node: %w\n%s", err, c.programs[Kubelet].tail())
	}
	return nil
}

// usable returns why pods cannot run yet: the node is not ready, or the account
// that they run under is not there.
func (c *Cluster) usable(ctx context.Context) error {
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := c.get(ctx, "/api/v1/nodes/"+nodeName, &node); err != nil {
		return err
	}
	err := errors.New("the kubelet has not said how the node is")
	for _, condition := range node.Status.Conditions {
		if condition.Type != "Ready" {
			continue
		}
		if err = nil; condition.Status != "True" {
			err = errors.New(condition.Message)
		}
	}
	var account struct{}
	return errors.Join(err, c.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", &account))
}
