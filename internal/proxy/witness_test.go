package proxy

import (
	"net/http"
	"testing"

	"github.com/davit-dev/davit"
)

// TestWitnessIsLeftOut shows that probes are answered as any request is, and
// count for nothing; and that only this machine can be a witness.
func TestWitnessIsLeftOut(t *testing.T) {
	r := newRig(t)
	site := twoReleases(500, backendServer(t, says("v1")), backendServer(t, says("v2")))
	r.put(site)
	client := newClient(t)
	got := map[string]int{}
	for range 200 {
		resp, answer := exchangeWith(t, client, http.MethodGet, r.url("/"), nil, davit.WitnessHeader, "1")
		got[answer]++
		if len(resp.Cookies()) > 0 {
			t.Fatal("a witness got a cookie")
		}
	}
	if got["v1"] < 50 || got["v2"] < 50 {
		t.Errorf("of 200 probes at 50 %% the releases answered %v", got)
	}
	count := func() (requests int64) {
		for _, services := range r.Figures().Sites[site.Name] {
			for _, traffic := range services {
				requests += traffic.Requests
			}
		}
		return requests
	}
	if n := count(); n != 0 {
		t.Errorf("%d probes were counted", n)
	}
	// Whoever came through another proxy may be anybody.
	exchangeWith(t, client, http.MethodGet, r.url("/"), nil, davit.WitnessHeader, "1", "X-Forwarded-For", "192.0.2.1")
	exchangeWith(t, client, http.MethodGet, r.url("/"), nil)
	if n := count(); n != 2 {
		t.Errorf("%d requests were counted, want 2", n)
	}
}
