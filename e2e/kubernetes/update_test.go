//go:build e2e && linux

package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/internal/load"
)

// TestPlainRollingUpdate measures what Davit is compared with: kubectl set image
// on plain Deployments, under load, as most people write them and with the pause
// before the end of a pod that the best of them add.
func TestPlainRollingUpdate(t *testing.T) {
	const rate = 500
	for _, kind := range []struct {
		name    string
		preStop int // seconds
		updates []string
	}{{"Plain", 0, []string{"v2", "v3", "v1"}}, {"PreStop", 5, []string{"v2", "v3"}}} {
		t.Run(kind.name, func(t *testing.T) {
			p := newPlace(t)
			front := p.front()
			p.apply("shop.yaml", map[string]any{"Image": shopImage("v1"), "Front": front, "Route": p.route(), "PreStop": kind.preStop})
			p.rolledOut("web", "api", "worker")
			p.until("the shop answers", answersOn(front, "/api/products"))
			traffic := p.begin(rate, front)
			traffic.settle(2 * rate)
			if s := traffic.Snapshot(); s.TotalLost() > 0 {
				t.Fatalf("before the first update %d of %d requests were lost: %+v", s.TotalLost(), s.Sent, s.Samples)
			}
			var lost []int64
			for _, version := range kind.updates {
				before := traffic.Mark()
				p.kubectl("set", "image", "deployments", "--all", "*="+shopImage(version))
				p.rolledOut("web", "api", "worker")
				p.until("no other version is left", func(context.Context) error { return p.onlyVersion(version) })
				traffic.settle(rate)
				window := traffic.Snapshot().Since(before)
				lost = append(lost, window.TotalLost())
				t.Logf("to %s: lost %d of %d requests %v, longest gap %s", version, window.TotalLost(), window.Sent, window.Lost, ms(window.LongestGap))
				if s := traffic.Snapshot(); s.Releases[version].First.IsZero() {
					t.Errorf("%s answered nothing: %v", version, s.Releases)
				}
			}
			traffic.end()
			s := traffic.Snapshot()
			slices.Sort(lost)
			t.Logf("%s: %d updates of the shop by kubectl set image at %d requests/s lost %d of %d requests (an update %d to %d): %v; sent late %d, not sent %d",
				kind.name, len(lost), rate, s.TotalLost(), s.Sent, lost[0], lost[len(lost)-1], s.Lost, s.Late, s.Unsent)
			shown := map[load.Kind]bool{}
			for _, sample := range s.Samples {
				if !shown[sample.Kind] {
					t.Logf("  such as %s %s: %s", sample.Kind, sample.Request, sample.Detail)
				}
				shown[sample.Kind] = true
			}
		})
	}
}

// onlyVersion returns an error while a pod of another version exists.
func (p *place) onlyVersion(version string) error {
	images := p.kubectl("get", "pods", "--output=jsonpath={.items[*].spec.containers[*].image}")
	for _, image := range strings.Fields(images) {
		if image != shopImage(version) {
			return fmt.Errorf("%s still runs", image)
		}
	}
	return nil
}
