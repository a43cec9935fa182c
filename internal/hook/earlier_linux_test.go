package hook

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// TestEarlierRunIsEnded leaves a run as a server that was killed leaves it, and
// one for another occasion.
func TestEarlierRunIsEnded(t *testing.T) {
	start := func(id string) *exec.Cmd {
		cmd := exec.Command("sleep", "600")
		cmd.Env = append(os.Environ(), "DAVIT_HOOK_ID="+id)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd
	}
	occasion := anOccasion
	occasion.ID = filepath.Base(t.TempDir()) + ".1.earlier"
	earlier, other := start(occasion.ID), start(occasion.ID+"2")
	ended := make(chan error, 1)
	go func() { ended <- earlier.Wait() }() // as init does for those whose parent died
	p := davit.HookParams{Hook: "migrate", Run: []string{"true"}, Dir: t.TempDir(), Timeout: davit.Duration(time.Minute)}
	if _, err := newRunner().Run(t.Context(), p, occasion); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the earlier run ended by itself")
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the run for another occasion is gone: %v", err)
	}
}
