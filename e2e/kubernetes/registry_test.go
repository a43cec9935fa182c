//go:build e2e && linux

package kubernetes

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestPulled has the node pull the api from a registry, by the digest that its tag stood
// for when the release was made: whatever the tag stands for later, the release is what
// it was. What the registry does not have is told in its words.
func TestPulled(t *testing.T) {
	if !kube.Own() {
		t.Skip(cluster.ErrForeign)
	}
	t.Parallel()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 2 })
	repository := strings.TrimPrefix(server.URL, "http://") + "/shop/api"
	tagged := repository + ":latest"
	tag := func(version string) (pinned string) {
		t.Helper()
		h.must(kube.Push(t.Context(), rig.ShopImage(version), tagged))
		reference, err := name.ParseReference(tagged)
		h.must(err)
		head, err := remote.Head(reference, remote.WithContext(t.Context()))
		h.must(err)
		return repository + "@" + head.Digest.String()
	}

	first := tag("v1")
	h.promote(pulled(rig.BlueGreen, tagged), "v1")
	traffic := h.begin(25)
	second := tag("v2")
	was, _, _ := strings.Cut(h.kubectl("get", "pods", "--selector=davit.dev/service=api", "--output=jsonpath={.items[*].metadata.name}"), " ")
	h.kubectl("delete", "pod", was)
	h.when("another pod serves in its place", func(s *rig.Status) bool {
		ready := 0
		for _, i := range s.Instances {
			if i.Service == "api" && i.Condition == davit.Ready && i.ID != was {
				ready++
			}
		}
		return ready == 2
	})
	h.runs(first)

	h.T.Run("NoSuchDigest", func(t *testing.T) {
		h := h.on(t)
		d := h.haulBack(pulled(rig.Canary, repository+"@sha256:"+strings.Repeat("a", 64)), "v3")
		if cause := d.Rollout.Cause; !strings.Contains(cause, "ErrImagePull: ") && !strings.Contains(cause, "ImagePullBackOff: ") || !strings.Contains(cause, "not found") {
			h.Errorf("it was hauled back for %q", cause)
		}
	})
	h.T.Run("NoSuchTag", func(t *testing.T) {
		h := h.on(t)
		d, err := h.Deploy(t.Context(), pulled(rig.Canary, repository+":${version}"), "v9")
		h.must(err)
		if want := "the digest of image " + repository + ":v9 cannot be found out"; d.Exit == 0 || d.Rollout != nil || !strings.Contains(d.Stderr, want) {
			h.Errorf("it exited %d: %s", d.Exit, d.Story())
		}
	})
	h.settled(davit.RolledBack, "v1")
	if v1 := traffic.Snapshot(); v1.Releases["v1"].Answered != v1.Answered {
		h.Errorf("of %d answers v1 gave %d", v1.Answered, v1.Releases["v1"].Answered)
	}
	h.promote(pulled(rig.Canary, tagged), "v2") // what the tag stands for now
	h.settled(davit.Promoted, "v2")
	h.runs(second)
	traffic.lossless()
}

// runs wants every pod of the api that runs to be of an image.
func (h *harbour) runs(image string) {
	h.Helper()
	for _, got := range strings.Fields(h.kubectl("get", "pods", "--selector=davit.dev/service=api", "--field-selector=status.phase=Running", "--output=jsonpath={.items[*].spec.containers[*].image}")) {
		if got != image {
			h.Errorf("a pod is of %s, want %s", got, image)
		}
	}
}
