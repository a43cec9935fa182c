package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/examples"
)

// shopModule is the module that the shop is built in: it needs the standard
// library alone, so nothing is downloaded.
const shopModule = "module shop\n\ngo 1.26\n"

// writeSource writes the shop's source into dir.
func writeSource(dir string) error {
	source, err := fs.Sub(examples.Shop, "shop")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, source); err != nil {
		return fmt.Errorf("writing the source of the shop: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(shopModule), 0o600); err != nil {
		return fmt.Errorf("writing the source of the shop: %w", err)
	}
	return nil
}

// Fault declares a version of the shop that is not among the example's, with
// its faults as the example's README describes them; "{}" is a healthy one.
func (r *Rig) Fault(version, faults string) error {
	if err := os.WriteFile(filepath.Join(r.dir, "releases", version+".json"), []byte(faults), 0o600); err != nil {
		return fmt.Errorf("declaring a version of the shop: %w", err)
	}
	return nil
}

// Build builds versions of the shop with the Go toolchain of this machine. Each
// is a binary of its own, with its version stamped in. It returns a *davit.Error
// of CodeUnsupported on a machine without Go.
func (r *Rig) Build(ctx context.Context, versions ...string) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return &davit.Error{
			Code: davit.CodeUnsupported, Message: "the demo builds its application, and there is no Go toolchain here", Err: errors.Unwrap(err),
			Hint: "install Go 1.26 or later (https://go.dev/dl), or deploy an application of your own: davit help deploy",
		}
	}
	for _, version := range versions {
		cmd := exec.CommandContext(ctx, goTool, "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version,
			"-o", filepath.Join(r.dir, "build", version, "shop"), ".")
		cmd.Dir = r.dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=local")
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return &davit.Error{
				Code: davit.CodeUnavailable, Message: "the shop does not build", Err: fmt.Errorf("%w: %s", err, out),
				Hint: "it needs Go 1.26 or later: go version",
			}
		}
	}
	return nil
}
