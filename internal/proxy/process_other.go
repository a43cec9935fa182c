//go:build !linux

package proxy

import (
	"context"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/davit-dev/davit"
)

// Adopting a process needs a name for it that cannot be reused, which Davit
// takes from Linux alone.
func unsupported() error {
	return &davit.Error{Code: davit.CodeUnsupported,
		Message: "supervising the proxy needs Linux; this is " + runtime.GOOS,
		Hint:    "run davit serve on Linux; davit proxy runs here on its own"}
}

func startTime(int) (string, error)               { return "", unsupported() }
func openProcess(int) (*os.File, error)           { return nil, unsupported() }
func waitProcess(context.Context, *os.File) error { return unsupported() }
func signalProcess(*os.File, unix.Signal) error   { return unsupported() }
