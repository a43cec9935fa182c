//go:build linux

// Up runs a command on a Kubernetes of its own, or a shell, and removes the
// cluster with it:
//
//	go run ./e2e/cluster/up kubectl get nodes
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/davit-dev/davit/e2e/cluster"
)

func main() {
	controlPlane := flag.Bool("control-plane", false, "no node and no gateway: objects alone")
	build := flag.Bool("build", false, "only build what a cluster is made of")
	flag.Parse()
	if *build {
		if err := fill(); err != nil {
			fmt.Fprintln(os.Stderr, "up:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(cluster.Run(cluster.Options{ControlPlane: *controlPlane}, func(*cluster.Cluster) int {
		return work(flag.Args())
	}))
}

// fill builds what is not in the cache.
func fill() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cluster.Build(ctx, os.Stderr)
}

// work runs the command and returns its exit code.
func work(command []string) int {
	if len(command) == 0 {
		command = []string{cmp.Or(os.Getenv("SHELL"), "sh")}
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, "up:", err)
		return 1
	default:
		return 0
	}
}
