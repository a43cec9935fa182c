//go:build e2e && linux

package kubernetes

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestTwoServers has two installations deploy to the same environment for the first time
// at once: one gets it, the other is refused, as is a second server at the same state,
// and the first is not disturbed. When the first is gone the other may have the environment, once it was
// made nobody's; and the first, should it come back, is refused then.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 1 })
	rival, err := rig.New(t.Context(), h.Options)
	h.must(err)
	t.Cleanup(func() {
		if err := rival.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	h.must(rival.Start(t.Context()))
	const word = "is run by another Davit"
	refuses := func(what string, d *rig.Deployment) {
		t.Helper()
		if d.Exit != 4 || !strings.Contains(d.Stderr, word) {
			h.Errorf("%s exited %d: %s", what, d.Exit, d.Story())
		}
	}
	late, first, other := race(t, h.Rig, rival)
	h.Rig = first
	refuses("the later of two first deployments", late)
	h.settled(davit.Promoted, "v1")
	traffic := h.begin(30)
	second, err := h.Run(t.Context(), "serve")
	h.must(err)
	if second.Exit != 4 {
		h.Errorf("a second server at the same state exited %d: %s", second.Exit, second.Stderr)
	}
	h.must(h.Ask(t.Context(), rig.Canary, "v2"))
	refused, err := other.Deploy(t.Context(), rig.BlueGreen, "v3")
	h.must(err)
	refuses("another installation", refused)
	h.settled(davit.Promoted, "v2")

	traffic.lossless()

	h.must(h.Break(syscall.SIGKILL))
	_, hint, _ := strings.Cut(refused.Stderr, "make it nobody's: kubectl ")
	command, _, _ := strings.Cut(hint, "\n")
	h.kubectl(strings.Fields(command)...)
	_, err = other.Promote(t.Context(), rig.BlueGreen, "v3")
	h.must(err)
	h.must(h.Start(t.Context()))
	late, err = h.Deploy(t.Context(), rig.BlueGreen, "v1")
	h.must(err)
	refuses("the first, after the other has taken over,", late)
	again := h.begin(30)
	again.settle(50)
	again.lossless()
	if s := again.Snapshot(); s.Releases["v3"].Answered < s.Answered {
		h.Errorf("of %d answers v3 gave %d", s.Answered, s.Releases["v3"].Answered)
	}
}

// race has two installations deploy at once, and returns the deployment of the one that
// was refused, then the one that got the environment, and it.
func race(t *testing.T, a, b *rig.Rig) (late *rig.Deployment, first, second *rig.Rig) {
	t.Helper()
	racers := []*rig.Rig{a, b}
	var did [2]*rig.Deployment
	var failed [2]error
	var racing sync.WaitGroup
	for i, r := range racers {
		racing.Go(func() { did[i], failed[i] = r.Deploy(t.Context(), rig.BlueGreen, "v1") })
	}
	racing.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	for i, d := range did {
		if other := did[1-i]; d.Exit == 0 && other.Exit != 0 {
			return other, racers[i], racers[1-i]
		}
	}
	t.Fatalf("of two first deployments at once one exited %d, the other %d:%s\n%s", did[0].Exit, did[1].Exit, did[0].Story(), did[1].Story())
	return nil, nil, nil
}
