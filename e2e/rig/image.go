//go:build linux

package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/cluster/image"
)

// ShopImage returns the name of the image of a version of the shop.
func ShopImage(version string) string { return "docker.io/davit/shop:" + version }

// LoadShop builds versions of the shop and gives their images to the cluster.
func LoadShop(ctx context.Context, kube *cluster.Cluster, versions ...string) error {
	dir, err := os.MkdirTemp("", "davit-shop-")
	if err != nil {
		return fmt.Errorf("making a folder for the shop: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system's temporary folder
	for _, version := range versions {
		program := filepath.Join(dir, version)
		if err := Build(ctx, program, "github.com/davit-dev/davit/examples/shop", version); err != nil {
			return err
		}
		_, err := kube.Load(ctx, image.Image{
			Name: ShopImage(version), Entrypoint: []string{"/shop"}, WorkingDir: "/work", User: "65532:65532",
			Files: []image.File{{Path: "shop", Source: program, Mode: 0o755}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// CallsImage is the image of a server that is called by gRPC, which every release has.
const CallsImage = "docker.io/davit/calls:v1"

// LoadCalls builds it and gives it to the cluster.
func LoadCalls(ctx context.Context, kube *cluster.Cluster) error {
	dir, err := os.MkdirTemp("", "davit-calls-")
	if err != nil {
		return fmt.Errorf("making a folder for a gRPC server: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system's temporary folder
	program := filepath.Join(dir, "calls")
	if err := Build(ctx, program, "github.com/davit-dev/davit/e2e/rig/calls", "v1"); err != nil {
		return err
	}
	_, err = kube.Load(ctx, image.Image{
		Name: CallsImage, Entrypoint: []string{"/calls"}, WorkingDir: "/work", User: "65532:65532",
		Files: []image.File{{Path: "calls", Source: program, Mode: 0o755}},
	})
	return err
}

// Build builds a program of this module as a version of itself.
func Build(ctx context.Context, program, path, version string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", program, path)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", path, err, out)
	}
	return nil
}
