package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// leasedSite is a site whose candidate has a share on a lease. It listens
// nowhere, so that its time can be simulated.
func leasedSite(lease time.Duration) Site {
	site := twoReleases(50, "127.0.0.1:1001", "127.0.0.1:1002")
	site.Front.Listen = nil
	site.Lease = &Lease{Lease: davit.Lease{For: davit.Duration(lease), To: "v1"}, Front: site.Front}
	return site
}

func TestLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put(leasedSite(10 * time.Second))
		for range 5 { // renewed, it holds
			time.Sleep(9 * time.Second)
			if lapsed, err := r.Renew("shop/test", 1); lapsed != nil || err != nil {
				t.Fatalf("renewing: %v, %v", lapsed, err)
			}
		}
		time.Sleep(9 * time.Second)
		site := leasedSite(10 * time.Second) // other instances do not renew it
		site.Releases["v1"] = releaseAt("", "v1", "127.0.0.1:1003")
		r.put(site)
		if got := r.Table().Sites[0].Split["v2"]; got != 50 {
			t.Fatalf("before the lease ran out the candidate has %d", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		table := r.Table()
		if s := table.Sites[0]; table.Number != 3 || !s.Split.Equal(davit.All("v1")) || s.Lapsed["v2"] != 50 || s.Candidate != "v2" {
			t.Errorf("table %d splits %v after %v", table.Number, s.Split, s.Lapsed)
		}
		if lapsed, err := r.Renew("shop/test", 2); lapsed["v2"] != 50 || err != nil {
			t.Errorf("renewed too late: %v, %v", lapsed, err)
		}
		kept, _, err := loadTable(r.dir)
		if err != nil || kept.Number != 3 || !kept.Sites[0].Split.Equal(davit.All("v1")) {
			t.Errorf("kept is %+v, %v", kept, err)
		}
		if s := r.status(identity{}); s.Lapsed["shop/test"]["v2"] != 50 || r.Figures().Lapsed["shop/test"]["v2"] != 50 {
			t.Errorf("the status says %v", s.Lapsed)
		}
		if !strings.Contains(r.stderr.String(), "nobody renewed the lease") {
			t.Errorf("the log says %q", r.stderr)
		}
		// Who has not seen it is told so, and a new split ends it.
		stale := leasedSite(time.Second)
		stale.Split = davit.Split{"v1": 500, "v2": 500}
		if err := r.Apply(t.Context(), &Table{Number: 3, Key: testKey, Sites: []Site{stale}}); !errors.Is(err, ErrStale) {
			t.Errorf("a table by who has not seen the lapse: %v", err)
		}
		if err := r.Apply(t.Context(), &Table{Number: 4, Key: testKey, Sites: []Site{stale}}); err != nil {
			t.Fatal(err)
		}
		if s := r.status(identity{}); s.Lapsed != nil {
			t.Errorf("after a new split the status says %v", s.Lapsed)
		}
		if _, err := r.Renew("shop/test", 3); !errors.Is(err, ErrStale) {
			t.Errorf("a renewal by who knows another split: %v", err)
		}
	})
}

func TestLeaseWithNobodyToGoToStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		site := leasedSite(time.Second)
		site.Releases["v1"] = releaseAt("", "v1")
		r.put(site)
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if got := r.Table().Sites[0].Split["v2"]; got != 50 {
			t.Errorf("traffic went to a release without instances: %v", r.Table().Sites[0].Split)
		}
		site = leasedSite(time.Second) // the instances are back
		r.put(site)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := r.Table().Sites[0].Split; !got.Equal(davit.All("v1")) {
			t.Errorf("with instances of stable the split is %v", got)
		}
	})
}

func TestProxyRestartedAloneKeepsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := newRig(t)
		first.put(leasedSite(10 * time.Second))
		next := New(first.dir, first.stdout, first.stderr)
		defer next.Close(context.Background())
		if err := next.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		first.Close(context.Background())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := next.Table().Sites[0].Split; !got.Equal(davit.All("v1")) {
			t.Errorf("after its lease the restarted proxy splits %v", got)
		}
	})
}

// TestRouterHoldsALease drives a real proxy: an environment's lease runs out,
// another's, which is renewed, does not, and the router finds out.
func TestRouterHoldsALease(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx := testContext(t)
	router, _ := runRouter(t, s.Client)
	e := router.Environment("shop", "test", newFleet(t, "v1-a", "v2-a"))
	routing := testRouting(1000) // stable has no share, and is to be there all the same
	routing.Stable = "v2"
	routing.Lease = davit.Lease{For: davit.Duration(300 * time.Millisecond), To: "v1"}
	if err := e.Route(ctx, routing); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Routing(ctx); err != nil || got.Lease != routing.Lease || got.Lapsed != nil {
		t.Errorf("in effect is %+v, %v", got, err)
	}
	if lapsed, err := e.Renew(ctx); lapsed != nil || err != nil {
		t.Errorf("renewing: %v, %v", lapsed, err)
	}
	eventually(t, "all traffic is on stable", func() bool {
		got, err := e.Routing(ctx)
		return err == nil && got.Split.Equal(davit.All("v1")) && got.Lapsed["v2"] == 1000 && got.Stable == "v1"
	})
	if _, body := exchangeWith(t, newClient(t), http.MethodGet, s.url(), nil); body != "v1-a" {
		t.Errorf("%q answers", body)
	}
	if lapsed, err := e.Renew(ctx); lapsed["v2"] != 1000 || err != nil {
		t.Errorf("renewed too late: %v, %v", lapsed, err)
	}
	var metrics strings.Builder
	if err := s.Metrics(ctx, &metrics); err != nil || !strings.Contains(metrics.String(), `davit_proxy_lease_lapsed{site="shop/test"} 1`) {
		t.Errorf("the metrics do not say it: %v", err)
	}
	if err := e.Route(ctx, testRouting(0)); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Routing(ctx); err != nil || got.Lapsed != nil || got.Lease.For != 0 {
		t.Errorf("routed again: %+v, %v", got, err)
	}
}
