package proxy

import (
	"net/http"
	"net/http/cookiejar"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

func TestSampler(t *testing.T) {
	s, at := &sampler{}, time.Unix(1_800_000_000, 0)
	const user, other = position(7), position(8)
	ask := func(p position, status int) bool {
		return s.takes(p, at) && s.answered(p, at, status, time.Millisecond)
	}
	check := func(requests, failures int64) {
		t.Helper()
		if got := s.snapshot(); got.Requests != requests || got.Failures != failures || got.Latency.Count() != requests {
			t.Fatalf("%d requests and %d failures are counted, want %d and %d", got.Requests, got.Failures, requests, failures)
		}
	}
	for range 5 {
		ask(user, 200)
	}
	check(1, 0) // one in a second
	ask(other, 200)
	check(2, 0) // of a user
	at = at.Add(time.Second)
	slow := s.takes(user, at) // answered below
	ask(other, 500)
	check(3, 1)
	for range 59 {
		at = at.Add(time.Second)
		ask(other, 500)
	}
	check(3, 1) // one who tries again and again counts once in a minute
	at = at.Add(time.Second)
	ask(other, 200)
	check(4, 1)
	if !slow || !s.answered(user, at, 504, time.Minute) {
		t.Error("a slow answer was not counted")
	}
	check(5, 2)
}

// Two requests of a user are under way when the first of them fails.
func TestSamplerLeavesOutWhatWasMutedMeanwhile(t *testing.T) {
	s, at := &sampler{}, time.Unix(1_800_000_000, 0)
	first, later := s.takes(1, at), s.takes(1, at.Add(time.Second))
	if !first || !later {
		t.Fatal("they were not taken")
	}
	at = at.Add(5 * time.Second)
	if !s.answered(1, at, 502, 5*time.Second) || s.answered(1, at, 200, 4*time.Second) {
		t.Error("want the first counted and the second left out")
	}
}

// What somebody chose a release for is no part of the sample, nor is what no
// other release could have got.
func TestSampleHoldsWhatWasDealt(t *testing.T) {
	r := newRig(t)
	fails := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	v1, v2 := backendServer(t, says("v1")), backendServer(t, fails)
	sample := func(id davit.ReleaseID) davit.Sample {
		return r.Figures().Site("shop/test").Release(id).Sample
	}
	client := newClient(t)
	get := func(header ...string) { exchangeWith(t, client, http.MethodGet, r.url("/"), nil, header...) }

	r.put(twoReleases(0, v1, v2))
	get()
	r.put(twoReleases(500, v1, v2))
	get(releaseHeader, "candidate")
	get(releaseHeader, "stable")
	if a, b := sample("v1"), sample("v2"); a.Requests+b.Requests != 0 {
		t.Fatalf("sampled: %d of v1, %d of v2", a.Requests, b.Requests)
	}
	for range 100 { // without cookies: everybody is new
		get()
	}
	a, b := sample("v1"), sample("v2")
	if a.Requests+b.Requests != 100 || a.Failures != 0 || b.Failures != b.Requests || b.Requests < 40 {
		t.Errorf("v1: %d, %d failed; v2: %d, %d failed", a.Requests, a.Failures, b.Requests, b.Failures)
	}
	client.Jar, _ = cookiejar.New(nil)
	for range 100 {
		get()
	}
	// One user, who is sampled once a second and at most once when it fails.
	more := sample("v1").Requests + sample("v2").Requests - 100
	if more < 1 || more > 60 {
		t.Errorf("%d of one user's 100 requests were sampled", more)
	}
}
