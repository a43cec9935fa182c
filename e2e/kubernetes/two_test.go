//go:build e2e && linux

package kubernetes

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestTwoServers has a second server at the same state, and one of another
// installation at the same environment: both are refused, and the first is not
// disturbed. When the first is gone the other may have the environment, once it was
// made nobody's; and the first, should it come back, is refused then.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 1 })
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(50)
	second, err := h.Run(t.Context(), "serve")
	h.must(err)
	if second.Exit != 4 {
		t.Errorf("a second server at the same state exited %d: %s", second.Exit, second.Stderr)
	}

	other, err := rig.New(t.Context(), h.Options)
	h.must(err)
	t.Cleanup(func() {
		if err := other.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	h.must(other.Start(t.Context()))
	h.must(h.Ask(t.Context(), rig.Canary, "v2"))
	refused, err := other.Deploy(t.Context(), rig.BlueGreen, "v3")
	h.must(err)
	const word = "is run by another Davit"
	if refused.Exit != 4 || !strings.Contains(refused.Stderr, word) {
		t.Errorf("another installation exited %d: %s", refused.Exit, refused.Story())
	}
	h.settled(davit.Promoted, "v2")

	traffic.lossless()

	h.must(h.Break(syscall.SIGKILL))
	_, hint, _ := strings.Cut(refused.Stderr, "make it nobody's: kubectl ")
	command, _, _ := strings.Cut(hint, "\n")
	h.kubectl(strings.Fields(command)...)
	_, err = other.Promote(t.Context(), rig.BlueGreen, "v3")
	h.must(err)
	h.must(h.Start(t.Context()))
	late, err := h.Deploy(t.Context(), rig.BlueGreen, "v1")
	h.must(err)
	if late.Exit != 4 || !strings.Contains(late.Stderr, word) {
		t.Errorf("the first, after the other has taken over, exited %d: %s", late.Exit, late.Story())
	}
	again := h.begin(50)
	again.settle(50)
	again.lossless()
	if s := again.Snapshot(); s.Releases["v3"].Answered < s.Answered {
		t.Errorf("of %d answers v3 gave %d", s.Answered, s.Releases["v3"].Answered)
	}
}
