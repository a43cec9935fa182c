package server

import (
	"os"
	"runtime/debug"
)

// tuneMemory lets the heap of a process that serves grow to five times what is in use
// before it is collected, unless the operator says otherwise. A server that answers
// for flags under load has some megabytes in use, and would spend a tenth of its time
// on collecting them.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
