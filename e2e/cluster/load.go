//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/davit-dev/davit/e2e/cluster/image"
)

// loadVariable names a command for clusters that are not the tests' own. It is
// given an image as the tar of an OCI layout, $1, and its name, $2, and sees to it
// that the nodes find it under that name:
//
//	kind load image-archive "$1"
const loadVariable = "LOAD_IMAGE"

// Load gives the cluster an image, and returns its reference by digest. Pods use
// it by name or digest and with imagePullPolicy IfNotPresent.
func (c *Cluster) Load(ctx context.Context, i image.Image) (reference string, err error) {
	reference, err = c.load(ctx, i)
	if err != nil {
		return "", fmt.Errorf("loading the image %s: %w", i.Name, err)
	}
	return reference, nil
}

func (c *Cluster) load(ctx context.Context, i image.Image) (reference string, err error) {
	archive, err := os.CreateTemp("", "davit-image-*.tar")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.Remove(archive.Name())) }()
	digest, err := i.Write(archive)
	if err = errors.Join(err, archive.Close()); err != nil {
		return "", err
	}
	reference = i.Reference(digest)
	if c.foreign {
		return reference, loadElsewhere(ctx, archive.Name(), i.Name)
	}
	if err := ctr(ctx, "images", "import", archive.Name()); err != nil {
		return "", err
	}
	return reference, ctr(ctx, "images", "tag", "--force", i.Name, reference)
}

// Push gives an image that was loaded to a registry of this machine, as another name.
func (c *Cluster) Push(ctx context.Context, name, as string) error {
	if c.foreign {
		return ErrForeign
	}
	if err := ctr(ctx, "images", "push", "--plain-http", as, name); err != nil {
		return fmt.Errorf("pushing the image %s: %w", name, err)
	}
	return nil
}

// ctr runs the client of containerd on the images of Kubernetes.
func ctr(ctx context.Context, args ...string) error {
	args = append([]string{"--address=" + containerdSocket, "--namespace=k8s.io"}, args...)
	if out, err := exec.CommandContext(ctx, "ctr", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ctr %s: %w: %s", args[2], err, out)
	}
	return nil
}

func loadElsewhere(ctx context.Context, archive, name string) error {
	command := os.Getenv(loadVariable)
	if command == "" {
		return errors.New("KUBECONFIG names a cluster, and " + loadVariable + ` does not say how it gets images: LOAD_IMAGE='kind load image-archive "$1"'`)
	}
	if out, err := exec.CommandContext(ctx, "sh", "-c", command, "sh", archive, name).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", loadVariable, err, out)
	}
	return nil
}
