//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// workshop is where one set is built.
type workshop struct {
	set    set
	source string // the module
	out    string // the programs
}

// open writes the module of the set.
func (w workshop) open() error {
	for _, dir := range []string{w.source, w.out} {
		if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // programs, no secrets
			return err
		}
	}
	for from, to := range map[string]string{".mod": "go.mod", ".sum": "go.sum"} {
		if err := w.copy("tools/"+w.set.name+from, to); err != nil {
			return err
		}
	}
	return nil
}

// copy writes one of the sources into the module.
func (w workshop) copy(from, to string) error {
	data, err := sources.ReadFile(from)
	if err != nil {
		return err
	}
	to = filepath.Join(w.source, to)
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// build builds packages as static programs, with these strings set in them.
func (w workshop) build(ctx context.Context, values []string, packages ...string) error {
	flags := "-s -w"
	for _, v := range values {
		flags += " -X " + v
	}
	_, err := w.run(ctx, append([]string{"build", "-trimpath", "-ldflags=" + flags, "-o", w.out + "/"}, packages...)...)
	return err
}

// run runs the go command in the module.
func (w workshop) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = w.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out, nil
}

// module downloads a module and returns its folder. Without "@version" it is the
// version that the set requires.
func (w workshop) module(ctx context.Context, path string) (string, error) {
	out, err := w.run(ctx, "mod", "download", "-json", path)
	if err != nil {
		return "", err
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return "", fmt.Errorf("reading what go mod download says: %w", err)
	}
	return downloaded.Dir, nil
}

// buildKubernetes builds the programs of Kubernetes, etcd, and what holds the
// namespaces of pods.
func buildKubernetes(ctx context.Context, w workshop) error {
	version, err := w.set.version("k8s.io/kubernetes")
	if err != nil {
		return err
	}
	numbers := strings.Split(strings.TrimPrefix(version, "v"), ".")
	var values []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		values = append(values, pkg+".gitVersion="+version, pkg+".gitMajor="+numbers[0], pkg+".gitMinor="+numbers[1], pkg+".gitTreeState=clean")
	}
	if err := w.copy("pause/main.go", "pause/main.go"); err != nil {
		return err
	}
	if err := w.build(ctx, values, "tool", "./pause"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(w.out, "server"), filepath.Join(w.out, Etcd))
}

// buildTraefik builds Traefik without DNS providers, which are most of its code,
// and takes the Gateway API from the module that it uses.
func buildTraefik(ctx context.Context, w workshop) error {
	const lego = "github.com/go-acme/lego/v4"
	version, err := w.set.version(lego)
	if err != nil {
		return err
	}
	original, err := w.module(ctx, lego+"@"+version)
	if err != nil {
		return err
	}
	trimmed := filepath.Join(w.source, "lego")
	if err := os.CopyFS(trimmed, os.DirFS(original)); err != nil {
		return fmt.Errorf("copying %s: %w", lego, err)
	}
	if err := w.copy("tools/lego.go.txt", "lego/providers/dns/zz_gen_dns_providers.go"); err != nil {
		return err
	}
	if err := w.build(ctx, nil, "tool"); err != nil {
		return err
	}
	gatewayAPI, err := w.module(ctx, "sigs.k8s.io/gateway-api")
	if err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(w.out, "crds"), os.DirFS(filepath.Join(gatewayAPI, "config/crd/standard"))); err != nil {
		return fmt.Errorf("copying the Gateway API: %w", err)
	}
	return nil
}
