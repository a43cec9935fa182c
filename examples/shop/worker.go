package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// heartbeatFile is what the worker writes in its working directory, for its
// probes to look at.
const heartbeatFile = "heartbeat"

// runWorker writes a heartbeat every second until ctx ends.
func runWorker(ctx context.Context, faults Faults) error {
	faults.start(ctx)
	for turn := 1; ; turn++ {
		if !faults.NeverReady {
			beat := fmt.Sprintf("%s %d\n", version, turn)
			if err := os.WriteFile(heartbeatFile, []byte(beat), 0o600); err != nil {
				return fmt.Errorf("writing the heartbeat: %w", err)
			}
		}
		if !wait(ctx, time.Second) {
			return nil
		}
	}
}
