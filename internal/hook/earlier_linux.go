package hook

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// endEarlier kills what an earlier run for the same occasion left behind, when
// the server was killed in the middle of it: two at once is more than at least
// once. It returns when none is left.
func endEarlier(ctx context.Context, id string) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		left, err := running(id)
		if err != nil || len(left) == 0 {
			return err
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("an earlier run of it does not end: %w", context.Cause(ctx))
		}
	}
}

// running returns the processes that run for an occasion, by the variable that
// they inherit. Those of other users cannot be looked at, and are not ours.
func running(id string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for an earlier run: %w", err)
	}
	mark := []byte("\x00DAVIT_HOOK_ID=" + id + "\x00")
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err == nil && bytes.Contains(append([]byte{0}, environ...), mark) {
			found = append(found, pid)
		}
	}
	return found, nil
}
