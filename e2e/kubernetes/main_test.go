//go:build e2e && linux

// Package kubernetes runs the shop, and Davit, on a real cluster: one that lives
// as long as the tests do, or the one that KUBECONFIG names.
package kubernetes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/cluster/image"
)

// kube is the cluster that all tests share, each in a namespace of its own.
var kube *cluster.Cluster

func TestMain(m *testing.M) {
	os.Exit(cluster.Run(cluster.Options{}, func(c *cluster.Cluster) int {
		kube = c
		if err := loadShop("v1", "v2", "v3"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}))
}

// shopImage returns the name of the image of a version of the shop.
func shopImage(version string) string { return "docker.io/davit/shop:" + version }

// loadShop builds versions of the shop and gives their images to the cluster.
func loadShop(versions ...string) error {
	dir, err := os.MkdirTemp("", "davit-e2e-kubernetes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, version := range versions {
		program := filepath.Join(dir, version)
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", program, "../../examples/shop")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building the shop: %w: %s", err, out)
		}
		_, err := kube.Load(context.Background(), image.Image{
			Name: shopImage(version), Entrypoint: []string{"/shop"}, WorkingDir: "/work", User: "65532:65532",
			Files: []image.File{{Path: "shop", Source: program, Mode: 0o755}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
