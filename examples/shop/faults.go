package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// faultsFile is looked for in the working directory, where davit.yaml puts it.
const faultsFile = "faults.json"

// maxGrowth bounds the fault memoryGrowth, so that it hurts the release and
// not the machine.
const maxGrowth = 512 << 20

// Faults are what is wrong with a service of a release. The zero value is a
// healthy one.
type Faults struct {
	NeverReady   bool     `json:"neverReady"`   // the readiness probe never passes
	SlowStart    duration `json:"slowStart"`    // time until it listens
	ErrorRate    float64  `json:"errorRate"`    // share of requests answered with 500, 0 to 1
	ErrorsAfter  duration `json:"errorsAfter"`  // errors begin this long after the first request
	Latency      duration `json:"latency"`      // added to every answer
	CrashAfter   duration `json:"crashAfter"`   // time from start to exit 1
	MemoryGrowth float64  `json:"memoryGrowth"` // MiB a second, up to 512 MiB
	HangOnTerm   bool     `json:"hangOnTerm"`   // SIGTERM is ignored
}

// readFaults returns the faults of one service. A file that is not there means
// a healthy release; one that says something unknown is an error.
func readFaults(path, service string) (Faults, error) {
	data, err := os.ReadFile(path) //nolint:gosec // a constant name, except in tests
	if errors.Is(err, fs.ErrNotExist) {
		return Faults{}, nil
	}
	if err != nil {
		return Faults{}, fmt.Errorf("reading the faults: %w", err)
	}
	var all map[string]Faults
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil {
		return Faults{}, fmt.Errorf("reading the faults in %s: %w", path, err)
	}
	f := all[service]
	if f.ErrorRate < 0 || f.ErrorRate > 1 {
		return Faults{}, fmt.Errorf("the errorRate of %s in %s is %v, want 0 to 1", service, path, f.ErrorRate)
	}
	return f, nil
}

// start waits as long as the service takes to start.
func (f Faults) start(ctx context.Context) { wait(ctx, time.Duration(f.SlowStart)) }

// crash ends the process when its time has come.
func (f Faults) crash(ctx context.Context, log *slog.Logger) {
	if f.CrashAfter > 0 && wait(ctx, time.Duration(f.CrashAfter)) {
		log.Error("crashing, as the faults say")
		os.Exit(1)
	}
}

// grow takes memory and keeps it until ctx ends.
func (f Faults) grow(ctx context.Context) {
	const turns = 10 // a second
	step := int(f.MemoryGrowth * (1 << 20) / turns)
	var kept [][]byte
	for taken := 0; step > 0 && taken+step <= maxGrowth && wait(ctx, time.Second/turns); taken += step {
		kept = append(kept, bytes.Repeat([]byte{1}, step)) // written to, so that it is resident
	}
	if step > 0 {
		<-ctx.Done()
	}
	clear(kept)
}

// disturb returns next with its latency and errors.
func (f Faults) disturb(next http.Handler) http.Handler {
	var first atomic.Int64 // time of the first request, in nanoseconds
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		first.CompareAndSwap(0, now.UnixNano())
		wait(r.Context(), time.Duration(f.Latency))
		begun := now.UnixNano()-first.Load() >= int64(f.ErrorsAfter)
		if begun && rand.Float64() < f.ErrorRate { //nolint:gosec // decides which requests fail, guards nothing
			http.Error(w, "the shop fails, as the faults say", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// wait returns true after d, or false when ctx ended before.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// duration is a time.Duration that JSON writes as "1.5s".
type duration time.Duration

// UnmarshalText reads what time.ParseDuration reads.
func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}
