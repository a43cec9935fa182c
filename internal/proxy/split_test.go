package proxy

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
)

// ask sends a request to the handler itself, from the given peer.
func (r *rig) ask(peer, path string, header ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.RemoteAddr = peer
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	r.serve(anyPort, rec, req)
	return rec
}

// The figure to reach: the realised share is within half a percentage point of
// the weight over 10,000 new users. A whole answer each would take long, so the
// choice alone is asked here; TestSplitEndToEnd does it with answers.
func TestShareOfNewUsers(t *testing.T) {
	for _, share := range []int{1, 10, 50, 100, 250, 333, 500, 750, 990, 999} {
		for trial := range 20 {
			users, on := newSequence(), 0
			candidate := newArc(davit.ReleaseID(fmt.Sprint("v", trial)), share)
			for range 10_000 {
				if candidate.holds(users.take()) {
					on++
				}
			}
			if got := float64(on) / 100; math.Abs(got-float64(share)/10) > 0.5 {
				t.Errorf("share %s: %.2f%% of 10,000 new users", davit.Percent(share), got)
			}
		}
	}
}

func TestUsersOnlyMoveToTheCandidate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidate := davit.ReleaseID(rapid.String().Draw(t, "candidate"))
		user := position(rapid.Uint16().Draw(t, "user"))
		less := rapid.IntRange(0, davit.Whole).Draw(t, "less")
		more := rapid.IntRange(less, davit.Whole).Draw(t, "more")
		if newArc(candidate, less).holds(user) && !newArc(candidate, more).holds(user) {
			t.Fatalf("user %d left the candidate as its share grew from %d to %d", user, less, more)
		}
		if newArc(candidate, 0).holds(user) || !newArc(candidate, davit.Whole).holds(user) {
			t.Fatal("nobody is on a share of nothing, everybody on all")
		}
	})
}

func TestSplitEndToEnd(t *testing.T) {
	r := newRig(t)
	v1, v2 := backendServer(t, says("v1")), backendServer(t, says("v2"))
	r.put(twoReleases(100, v1, v2))
	jars := make([]http.CookieJar, 200)
	client := newClient(t)
	side := make([]string, len(jars))
	round := func() {
		for i := range jars {
			if jars[i] == nil {
				jars[i], _ = cookiejar.New(nil)
			}
			client.Jar = jars[i]
			_, got := exchangeWith(t, client, http.MethodGet, r.url("/"), nil)
			if side[i] == "v2" && got != "v2" {
				t.Fatalf("user %d went back from v2 to %s", i, got)
			}
			side[i] = got
		}
	}
	for _, share := range []int{100, 100, 250, 500, 1000} {
		r.put(twoReleases(share, v1, v2))
		before := strings.Join(side, "")
		round()
		on := 0
		for _, s := range side {
			if s == "v2" {
				on++
			}
		}
		if want := len(jars) * share / davit.Whole; on < want-3 || on > want+3 {
			t.Errorf("share %s: %d of %d users, want about %d", davit.Percent(share), on, len(jars), want)
		}
		if share == 100 && before != "" && before != strings.Join(side, "") {
			t.Error("users moved while the share stayed")
		}
	}
}

func TestClientsWithoutCookiesGetTheShareToo(t *testing.T) {
	r := newRig(t)
	r.put(twoReleases(50, backendServer(t, says("v1")), backendServer(t, says("v2"))))
	client, on := newClient(t), 0
	for range 1000 {
		if _, got := exchangeWith(t, client, http.MethodGet, r.url("/"), nil); got == "v2" {
			on++
		}
	}
	if on < 45 || on > 55 {
		t.Errorf("%d of 1000 requests went to the candidate, want 50", on)
	}
}

func TestCookieOnlyWhileTheSplitIsActive(t *testing.T) {
	r := newRig(t)
	v1, v2 := backendServer(t, says("v1")), backendServer(t, says("v2"))
	for _, c := range []struct {
		share int
		set   bool
	}{{0, false}, {1, true}, {999, true}, {1000, false}} {
		r.put(twoReleases(c.share, v1, v2))
		rec := r.ask("192.0.2.1:1", "/")
		cookie := rec.Header().Get("Set-Cookie")
		if (cookie != "") != c.set {
			t.Errorf("share %d: cookie %q", c.share, cookie)
		}
		if c.set && (!strings.Contains(cookie, "; Path=/;") || !strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Lax")) {
			t.Errorf("cookie %q lacks an attribute", cookie)
		}
	}
}

func TestForgedCookieIsANewcomers(t *testing.T) {
	r := newRig(t)
	r.put(twoReleases(500, backendServer(t, says("v1")), backendServer(t, says("v2"))))
	genuine := newSigner(testKey).encode(7)
	if rec := r.ask("192.0.2.1:1", "/", "Cookie", "a=b; davit="+genuine); rec.Header().Get("Set-Cookie") != "" {
		t.Error("a genuine cookie was replaced")
	}
	last := "A"
	if strings.HasSuffix(genuine, last) {
		last = "B"
	}
	for _, forged := range []string{"", "x", genuine[:len(genuine)-1], genuine[:len(genuine)-1] + last, "AAAAAAAAAAAAAAAA", newSigner([]byte("another key, long enough")).encode(7), genuine + "A"} {
		if rec := r.ask("192.0.2.1:1", "/", "Cookie", "davit="+forged); rec.Header().Get("Set-Cookie") == "" {
			t.Errorf("the forged cookie %q was believed", forged)
		}
	}
	// One of several may be ours.
	if rec := r.ask("192.0.2.1:1", "/", "Cookie", "davit=forged; davit="+genuine); rec.Header().Get("Set-Cookie") != "" {
		t.Error("a genuine cookie after a forged one was replaced")
	}
}

func FuzzCookie(f *testing.F) {
	s := newSigner(testKey)
	f.Add(s.encode(0))
	f.Add(s.encode(65535))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, value string) {
		if p, ok := s.decode(value); ok && s.encode(p) != value {
			t.Fatalf("%q was believed, the genuine cookie is %q", value, s.encode(p))
		}
		s.find(http.Header{"Cookie": {value, "davit=" + value}})
	})
}

func TestWhoMayPreview(t *testing.T) {
	v1, v2 := backendServer(t, says("v1")), backendServer(t, says("v2"))
	const local, far, lb = "127.0.0.1:1", "192.0.2.1:1", "10.0.0.1:1"
	for _, c := range []struct {
		name   string
		front  func(*davit.Front)
		peer   string
		header []string
		want   string
	}{
		{"local, by role", nil, local, []string{"Davit-Release", "candidate"}, "v2"},
		{"local, stable", nil, local, []string{"Davit-Release", "stable"}, "v1"},
		{"local, by ID", nil, local, []string{"Davit-Release", "v2"}, "v2"},
		{"local, unknown ID", nil, local, []string{"Davit-Release", "v7"}, "v1"},
		{"IPv6 loopback", nil, "[::1]:1", []string{"Davit-Release", "candidate"}, "v2"},
		{"far", nil, far, []string{"Davit-Release", "candidate"}, "v1"},
		{"through a local proxy", nil, local, []string{"Davit-Release", "candidate", "X-Forwarded-For", "127.0.0.1"}, "v1"},
		{"through a local proxy that says Via", nil, local, []string{"Davit-Release", "candidate", "Via", "1.1 x"}, "v1"},
		{"allowed network", allow("192.0.2.0/24"), far, []string{"Davit-Release", "candidate"}, "v2"},
		{"allowed network, local not in it", allow("192.0.2.0/24"), local, []string{"Davit-Release", "candidate"}, "v1"},
		{"forwarded by an untrusted peer", allow("192.0.2.0/24"), lb, []string{"Davit-Release", "candidate", "X-Forwarded-For", "192.0.2.1"}, "v1"},
		{"forwarded by a trusted peer", trust(allow("192.0.2.0/24"), "10.0.0.0/8"), lb, []string{"Davit-Release", "candidate", "X-Forwarded-For", "192.0.2.1"}, "v2"},
		{"forged before a trusted peer", trust(allow("192.0.2.0/24"), "10.0.0.0/8"), lb, []string{"Davit-Release", "candidate", "X-Forwarded-For", "192.0.2.1, 198.51.100.7"}, "v1"},
		{"trusted peer that does not say for whom", trust(nil, "127.0.0.1"), local, []string{"Davit-Release", "candidate"}, "v1"},
		{"by host, from anywhere", func(f *davit.Front) { f.Preview.Hosts = []string{"preview.example"} }, far, []string{"Host", "Preview.example:80"}, "v2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			site := twoReleases(0, v1, v2)
			if c.front != nil {
				c.front(&site.Front)
			}
			r.put(site)
			if got := r.ask(c.peer, "/", c.header...).Body.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func allow(cidr string) func(*davit.Front) {
	return func(f *davit.Front) { f.Preview.Allow = []string{cidr} }
}

func trust(also func(*davit.Front), cidr string) func(*davit.Front) {
	return func(f *davit.Front) {
		if also != nil {
			also(f)
		}
		f.TrustedProxies = []string{cidr}
	}
}

func TestSeveralServicesAreOneRelease(t *testing.T) {
	site := twoReleases(500, backendServer(t, says("web 1")), backendServer(t, says("web 2")))
	for id, n := range map[davit.ReleaseID]string{"v1": "1", "v2": "2"} {
		release := site.Releases[id]
		release.Routes = append(release.Routes, davit.Route{Prefix: "/api", Service: "api"})
		release.Services["api"] = Service{Backends: []Backend{{Instance: "api-" + n, Address: backendServer(t, says("api "+n))}}}
		site.Releases[id] = release
	}
	r := newRig(t)
	r.put(site)
	client := newClient(t)
	for range 20 {
		client.Jar, _ = cookiejar.New(nil)
		_, web := exchangeWith(t, client, http.MethodGet, r.url("/apis"), nil) // no segment of /api
		_, api := exchangeWith(t, client, http.MethodGet, r.url("/api/x"), nil)
		if !strings.HasPrefix(web, "web") || !strings.HasPrefix(api, "api") || web[4:] != api[4:] {
			t.Fatalf("a user got %s and %s", web, api)
		}
	}
}

// Swaps under load: every answer is whole and right, and what is in flight is
// counted exactly, so that a release is never reported as drained too early.
func TestSwapsUnderLoadLoseNothing(t *testing.T) {
	var inside [2]atomic.Int64
	count := func(i int, name string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			inside[i].Add(1)
			defer inside[i].Add(-1)
			says(name)(w, req)
		}
	}
	v1, v2 := backendServer(t, count(0, "v1")), backendServer(t, count(1, "v2"))
	r := newRig(t)
	r.put(twoReleases(0, v1, v2))
	target := r.url("/")
	var (
		load  sync.WaitGroup
		stop  atomic.Bool
		total atomic.Int64
	)
	for i := range 8 {
		client := newClient(t)
		client.Transport.(*http.Transport).DisableKeepAlives = i%4 == 3
		load.Go(func() {
			for n := 0; !stop.Load(); n++ {
				method, body := http.MethodGet, ""
				if n%2 == 1 {
					method, body = http.MethodPost, strings.Repeat("b", n%5000)
				}
				req, _ := http.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
				res, err := client.Do(req)
				if err != nil {
					t.Errorf("%s: %v", method, err)
					return
				}
				data, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK || (string(data) != "v1" && string(data) != "v2") {
					t.Errorf("%s: %s %q %v", method, res.Status, data, err)
					return
				}
				total.Add(1)
			}
		})
	}
	ctx := testContext(t)
	for swap := range 100 {
		share, drained, i := davit.Whole, davit.ReleaseID("v1"), 0
		if swap%2 == 1 {
			share, drained, i = 0, "v2", 1
		}
		r.put(twoReleases(share, v1, v2))
		if remaining := r.Drain(ctx, drainOf(drained, "", patience)); remaining != 0 {
			t.Errorf("%d in flight to %s", remaining, drained)
		}
		if n := inside[i].Load(); n != 0 && !t.Failed() {
			// The instance may still be returning from an answer that has been
			// received; it must be done soon, and get no other.
			eventually(t, "the drained release is idle", func() bool { return inside[i].Load() == 0 })
		}
	}
	stop.Store(true)
	load.Wait()
	if got := r.traffic("v1").Requests + r.traffic("v2").Requests; got != total.Load() {
		t.Errorf("counted %d requests, %d were answered", got, total.Load())
	}
	if r.traffic("v1").Failures+r.traffic("v2").Failures != 0 {
		t.Error("failures were counted")
	}
}

func TestDrainReturnsAtItsLimitWithWhatRemains(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{}, 3)
	backend := backendServer(t, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-release })
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolHTTP1, backend))
	var load sync.WaitGroup
	client, target := newClient(t), r.url("/")
	for range 3 {
		load.Go(func() {
			if res, err := client.Get(target); err == nil {
				_ = res.Body.Close()
			}
		})
	}
	for range 3 {
		<-arrived
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, what := range [][2]string{{"v1", ""}, {"", "v1-web-a"}} {
		if n := r.Drain(ended, drainOf(davit.ReleaseID(what[0]), what[1], patience)); n != 3 {
			t.Errorf("drain of %v at its limit: %d remain, want 3", what, n)
		}
	}
	drained := make(chan int64)
	go func() { drained <- r.Drain(context.Background(), drainOf("v1", "", patience)) }()
	select {
	case <-drained:
		t.Fatal("drained while three are in flight")
	default:
	}
	close(release)
	if n := <-drained; n != 0 {
		t.Errorf("%d remain", n)
	}
	load.Wait()
}

func TestSitesShareAListenerByHost(t *testing.T) {
	r := newRig(t)
	shop, blog := oneRelease("", backendServer(t, says("shop"))), oneRelease("", backendServer(t, says("blog")))
	blog.Name = "blog/test"
	setHost := func(s *Site, host string) {
		release := s.Releases["v1"]
		release.Routes = []davit.Route{{Host: host, Prefix: "/", Service: "web"}}
		s.Releases["v1"] = release
	}
	setHost(&shop, "shop.example")
	setHost(&blog, "*.blog.example")
	if err := r.Apply(context.Background(), &Table{Number: 1, Key: testKey, Sites: []Site{shop, blog}}); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"shop.example": "shop", "SHOP.example:8080": "shop", "a.b.blog.example": "blog", "blog.example": "", "x.example": ""} {
		rec := r.ask("192.0.2.1:1", "/", "Host", host)
		if want == "" && rec.Code != http.StatusNotFound || want != "" && rec.Body.String() != want {
			t.Errorf("%s: got %d %q, want %q", host, rec.Code, rec.Body, want)
		}
	}
	setHost(&blog, "shop.example")
	err := r.Apply(context.Background(), &Table{Number: 2, Key: testKey, Sites: []Site{shop, blog}})
	if davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), "blog/test") {
		t.Errorf("two sites for a host: %v", err)
	}
	if got := r.ask("192.0.2.1:1", "/", "Host", "a.blog.example").Body.String(); got != "blog" {
		t.Errorf("after a refused table: got %q", got)
	}
}
