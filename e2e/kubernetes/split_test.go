//go:build e2e && linux

package kubernetes

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// TestSplitsByWeight shows what the Gateway does for itself: how well it keeps
// a split, and how soon a change of weights takes effect.
func TestSplitsByWeight(t *testing.T) {
	type version struct{ Name, Image string }
	p := newPlace(t)
	p.apply("split.yaml", map[string]any{
		"Versions": []version{{"v1", shopImage("v1")}, {"v2", shopImage("v2")}}, "Route": p.route(), "V1": 90, "V2": 10,
	})
	p.rolledOut("api-v1", "api-v2")
	front := p.front()
	p.until("the route answers", answersOn(front, "/api/products"))
	traffic := p.begin(500, front)
	traffic.settle(100) // both backends are known by now

	before := traffic.Mark()
	traffic.settle(2000)
	window := traffic.Mark().Since(before)
	share := float64(window.Releases["v2"].Answered) / float64(window.Answered)
	t.Logf("90:10 gave v2 %.1f %% of %d requests", 100*share, window.Answered)
	// Gateways that draw lots stay within 5 standard deviations.
	if tolerance := 5 * math.Sqrt(0.1*0.9/float64(window.Answered)); math.Abs(share-0.1) > tolerance {
		t.Errorf("v2 got %.3f of the requests, want 0.1 within %.3f", share, tolerance)
	}

	p.weigh(100, 0)
	traffic.settle(1000)
	var first, last []time.Duration
	for turn := range 6 {
		from, to := "v1", "v2"
		if turn%2 == 1 {
			from, to = to, from
		}
		if traffic.Mark(); to == "v2" {
			p.weigh(0, 100)
		} else {
			p.weigh(100, 0)
		}
		patched := time.Now()
		traffic.settle(1000)
		s := traffic.Snapshot()
		if s.Releases[to].First.IsZero() || s.At.Sub(s.Releases[from].Last) < time.Second/2 {
			t.Fatalf("1000 requests after the change, %s: %+v, %s: %+v", to, s.Releases[to], from, s.Releases[from])
		}
		first = append(first, s.Releases[to].First.Sub(patched))
		last = append(last, s.Releases[from].Last.Sub(patched))
	}
	traffic.end()
	slices.Sort(first)
	slices.Sort(last)
	t.Logf("after kubectl patch returned, of %d changes: first answer of the other version median %s (%s to %s), last answer of the one before median %s (%s to %s)",
		len(first), ms(first[len(first)/2]), ms(first[0]), ms(first[len(first)-1]), ms(last[len(last)/2]), ms(last[0]), ms(last[len(last)-1]))
	if s := traffic.Snapshot(); s.TotalLost() > 0 {
		t.Errorf("changing weights lost %d of %d requests: %+v", s.TotalLost(), s.Sent, s.Samples)
	}
}

// weigh changes the weights of the two versions.
func (p *place) weigh(v1, v2 int) {
	p.Helper()
	type backend struct {
		Name   string `json:"name"`
		Port   int    `json:"port"`
		Weight int    `json:"weight"`
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"rules": []any{
		map[string]any{"backendRefs": []backend{{"api-v1", 80, v1}, {"api-v2", 80, v2}}},
	}}})
	if err != nil {
		p.Fatal(err)
	}
	p.kubectl("patch", "httproute", "api", "--type=merge", "--patch="+string(patch))
}

// ms writes a duration in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
