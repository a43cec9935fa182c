//go:build e2e && linux

// Package kubernetes runs the shop, and Davit, on a real cluster: one that lives
// as long as the tests do, or the one that KUBECONFIG names.
package kubernetes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
)

// What all tests share, each of them in a namespace of its own.
var (
	kube       *cluster.Cluster
	davitPath  string // the binary
	prometheus string // URL; "" when there is none
)

func TestMain(m *testing.M) {
	os.Exit(cluster.Run(cluster.Options{}, func(c *cluster.Cluster) int {
		code, err := run(m, c)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}))
}

func run(m *testing.M, c *cluster.Cluster) (int, error) {
	ctx := context.Background()
	kube = c
	dir, err := os.MkdirTemp("", "davit-e2e-kubernetes-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	davitPath = filepath.Join(dir, "davit")
	if err := rig.Build(ctx, davitPath, "github.com/davit-dev/davit/cmd/davit", "e2e"); err != nil {
		return 1, err
	}
	if err := rig.LoadShop(ctx, kube, "v1", "v2", "v3"); err != nil {
		return 1, err
	}
	p, err := rig.StartPrometheus(ctx, kube)
	if err != nil {
		return 1, err
	}
	defer p.Close()
	prometheus = p.URL
	return m.Run(), nil
}
