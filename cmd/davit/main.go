// Davit deploys applications without losing a request, and hauls bad releases
// back by itself.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // freezes name zones, and a small container has none

	"k8s.io/klog/v2"
)

// version is set by the linker in releases.
var version = "dev"

func main() {
	// What Kubernetes' client logs on its own, and would print here, comes as errors too.
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program but for its process: it returns the exit code. ctx
// ends when the user interrupts it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(stdin, stdout, stderr)
	root := a.rootCommand()
	a.args = args
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.began {
		err = usageError(err)
	}
	return a.report(err)
}
