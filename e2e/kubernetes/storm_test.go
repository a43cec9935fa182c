//go:build e2e && linux

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/cluster"
	"github.com/davit-dev/davit/e2e/rig"
	"github.com/davit-dev/davit/internal/load"
)

// TestStorms breaks the cluster in the middle of rollouts by each strategy. All of
// them are promoted in the end, and no request is lost but those for which there
// was no Gateway. The kubelet is left alone: one that was restarted takes its pods
// out of the endpoints until it has probed them again.
func TestStorms(t *testing.T) {
	if !kube.Own() {
		t.Skip(cluster.ErrForeign)
	}
	strategies := []rig.Strategy{rig.BlueGreen, rig.Canary, rig.Rolling}
	harbours := make([]*harbour, len(strategies))
	traffics := make([]*traffic, len(strategies))
	each := func(t *testing.T, do func(i int, h *harbour) error) {
		t.Helper()
		var tasks errgroup.Group
		for i, h := range harbours {
			tasks.Go(func() error {
				if err := do(i, h); err != nil {
					return fmt.Errorf("%s: %w", strategies[i].Name, err)
				}
				return nil
			})
		}
		if err := tasks.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range harbours {
		harbours[i] = newHarbour(t, func(o *rig.Options) { o.Replicas = 2 })
	}
	each(t, func(_ int, h *harbour) error {
		_, err := h.Promote(t.Context(), rig.BlueGreen, "v1")
		return err
	})
	for i, h := range harbours {
		traffics[i] = h.begin(30)
	}
	for n, storm := range []struct {
		name  string
		blow  func(*testing.T, []*harbour)
		loses bool // there is no Gateway for a while
	}{
		{"ControlPlaneRestarts", func(t *testing.T, _ []*harbour) {
			away(t, 0, cluster.APIServer, cluster.ControllerManager, cluster.Scheduler)
		}, false},
		{"EtcdIsAway", func(t *testing.T, _ []*harbour) { away(t, 20*time.Second, cluster.Etcd) }, false},
		{"GatewayRestarts", func(t *testing.T, _ []*harbour) { away(t, 0, cluster.Gateway) }, true},
	} {
		version := fmt.Sprintf("v%d", 2-n%2)
		t.Run(storm.name, func(t *testing.T) {
			each(t, func(i int, h *harbour) error { return h.Ask(t.Context(), strategies[i], version) })
			<-time.After(rand.N(4 * time.Second)) // the moment is the test's, not the code's
			began := time.Now()
			marks := mark(t, traffics, false)
			storm.blow(t, harbours)
			t.Logf("it took %s", ms(time.Since(began)))
			if storm.loses {
				marks = mark(t, traffics, true)
			}
			each(t, func(i int, h *harbour) error {
				err := h.ends(t.Context(), davit.Promoted, version)
				t.Logf("%s was settled %s after it began", strategies[i].Name, ms(time.Since(began)))
				return err
			})
			for i, traffic := range traffics {
				s := traffic.Snapshot().Since(marks[i])
				if lost := s.TotalLost(); lost > 0 {
					t.Errorf("%s: %d of %d requests are lost: %v %+v", strategies[i].Name, lost, s.Sent, s.Lost, s.Samples)
				}
				t.Logf("%s: %d requests, longest gap %s", strategies[i].Name, s.Sent, ms(s.LongestGap))
			}
		})
	}
}

// mark marks what was counted up to now; afresh, once the front door answers again
// and connections that it has cut were noticed.
func mark(t *testing.T, traffics []*traffic, afresh bool) []load.Snapshot {
	t.Helper()
	var marks []load.Snapshot
	for _, traffic := range traffics {
		if p := traffic.place; afresh {
			if err := rig.Until(t.Context(), "the Gateway answers again", p.Answers(p.front(), "/api/products")); err != nil {
				t.Fatal(err)
			}
			traffic.settle(200)
		}
		marks = append(marks, traffic.Mark())
	}
	return marks
}

// away ends programs of the cluster, and starts them again after a time.
func away(t *testing.T, length time.Duration, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if err := kube.Kill(program); err != nil {
			t.Fatal(err)
		}
	}
	<-time.After(length)
	for _, program := range programs {
		if err := kube.Start(t.Context(), program); err != nil {
			t.Fatal(err)
		}
	}
}

// budgetSays is how the API server refuses an eviction for now.
const budgetSays = "disruption budget"

// evict evicts a pod of the api, if its disruption budget allows that.
func (h *harbour) evict(ctx context.Context) error {
	out, err := h.Kubectl(ctx, "get", "pods", "--selector=davit.dev/service=api", "--field-selector=status.phase=Running", "--output=jsonpath={.items[*].metadata.name}")
	if err != nil {
		return err
	}
	pods := strings.Fields(out)
	if len(pods) == 0 {
		return errors.New("no pod of the api runs")
	}
	eviction := fmt.Sprintf(`{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": %q, "namespace": %q}}`, pods[0], h.Space.Name)
	_, err = h.Feed(ctx, eviction, "create", "--filename=-", "--raw=/api/v1/namespaces/"+h.Space.Name+"/pods/"+pods[0]+"/eviction")
	return err
}

// TestPodIsEvicted evicts a pod in the middle of a rollout.
func TestPodIsEvicted(t *testing.T) {
	t.Parallel()
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = 2 })
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(100)
	h.must(h.Ask(t.Context(), rig.Canary, "v2"))
	_, err := h.When(t.Context(), "the candidate has a share", func(s *rig.Status) bool { return len(s.Split) == 2 })
	h.must(err)
	h.must(h.evict(t.Context()))
	h.settled(davit.Promoted, "v2")
	traffic.lossless()
}
