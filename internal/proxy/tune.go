package proxy

import (
	"os"
	"runtime/debug"
)

// tuneMemory lets the heap of a process that only serves grow to five times
// what is in use before it is collected, unless the operator says otherwise.
// The live heap of a proxy is a few megabytes, so at the default it would be
// collected dozens of times a second under load, for the sake of memory that is
// not scarce.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
