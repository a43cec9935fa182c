package kubernetes

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// Those who name a release, and gRPC calls, are kept nowhere; all others are, at releases
// with a share alone.
func TestRoutesKeepUsers(t *testing.T) {
	to := []davit.Route{{Host: "shop.example.org", Prefix: "/", Service: "web"}, {Host: "calls.example.org", Prefix: "/", Service: "calls"}}
	v1, v2 := routed("v1", to...), routed("v2", to...)
	speak(v1, "calls")
	speak(v2, "calls")
	sticky := public
	sticky.Affinity = true
	for share, backends := range map[int]int{0: 1, 50: 2, davit.Whole: 1} {
		split := davit.Split{v1.ID: davit.Whole - share, v2.ID: share}
		maps.DeleteFunc(split, func(_ davit.ReleaseID, share int) bool { return share == 0 })
		routing := davit.Routing{Split: split, Stable: v1.ID, Candidate: v2.ID, Releases: []*davit.Release{v1, v2}}
		for options, want := range map[GatewayOptions]bool{sticky: true, public: false} {
			routes, err := newDealing(shop, options, routing, nil).routes()
			if err != nil || len(routes) != 2 {
				t.Fatalf("%d routes, %v", len(routes), err)
			}
			for _, route := range routes {
				for _, rule := range route.Spec.Rules {
					named := len(rule.Matches[0].Headers) > 0
					if kept := rule.SessionPersistence != nil; kept != (want && !named && route.Kind == httpRoute) {
						t.Errorf("share %d, affinity %t: rule of %s, named %t, keeps %t", share, want, route.Kind, named, kept)
					}
					if s := rule.SessionPersistence; s != nil && (*s.SessionName != sessionCookie || *s.Type != gatewayv1.CookieBasedSessionPersistence || len(rule.BackendRefs) != backends) {
						t.Errorf("share %d: %s by %s among %d backends", share, *s.SessionName, *s.Type, len(rule.BackendRefs))
					}
				}
			}
		}
	}
}

// Routes without Davit keep users as those with it do, and such a route may be adopted.
func TestPlainRoutesKeepUsers(t *testing.T) {
	release := routed("v1", davit.Route{Host: "shop.example.org", Prefix: "/", Service: "web"}, davit.Route{Host: "calls.example.org", Prefix: "/", Service: "calls"})
	speak(release, "calls")
	for _, affinity := range []bool{true, false} {
		options := public
		options.Affinity = affinity
		for _, route := range plainRoutes(shop, options, release, nil) {
			rule := route.Spec.Rules[0]
			if kept := rule.SessionPersistence != nil; kept != (affinity && route.Kind == httpRoute) {
				t.Errorf("affinity %t: %s keeps %t", affinity, route.Kind, kept)
			}
			if why := beyondDavit(rule, affinity); why != "" {
				t.Errorf("affinity %t: adopting %s is refused: %s", affinity, route.Kind, why)
			}
		}
	}
	rule := gatewayv1.HTTPRouteRule{SessionPersistence: sessions()}
	if why := beyondDavit(rule, false); why != "has session persistence" {
		t.Errorf("without affinity, a route that keeps users is taken: %q", why)
	}
}

// A Gateway that does not heed affinity is told by its answers, to newcomers and to
// those who come back.
func TestObserveAffinity(t *testing.T) {
	for _, c := range []struct {
		name           string
		share          int
		cookies, stays bool
		says           string
	}{
		{"heeds", 50, true, true, ""},
		{"knows no cookies", 50, false, false, "no answer has its user stay"},
		{"gives cookies and forgets them", 50, true, false, "a user who came back met another release"},
		{"forgets half the users", 500, true, false, "a user who came back met another release"},
		{"has one release alone", 1000, true, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := (&gate{before: between(0), after: between(c.share), cookies: c.cookies, stays: c.stays}).observer()
				o.sticky = true
				effect, err := o.observe(t.Context(), between(0), between(c.share))
				if err != nil || !strings.Contains(effect, c.says) || strings.Contains(effect, "does not heed affinity:") != (c.says != "") {
					t.Errorf("%q, %v", effect, err)
				}
			})
		})
	}
}

// A front door that stops answering holds no step up for the sake of affinity.
func TestObserveAffinityOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{before: between(0), after: between(50), cookies: true, shuts: true}
		o := g.observer()
		o.sticky = true
		if effect, err := o.observe(t.Context(), between(0), between(50)); err != nil || strings.Contains(effect, "affinity") || g.returned != 1 {
			t.Errorf("%q, %v; asked %d times", effect, err, g.returned)
		}
	})
}

func TestDoorSeesCookies(t *testing.T) {
	for cookie, want := range map[string]string{"": "", "session=1": "", "davit=eg12; Path=/; HttpOnly": "davit=eg12"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := r.Cookie(sessionCookie); err != nil {
				t.Errorf("it was asked without the cookie of a user who comes back: %v", err)
			}
			if cookie != "" {
				w.Header().Set("Set-Cookie", cookie)
			}
		}))
		if got := newDoor(server.URL).ask(t.Context(), target{path: "/", kind: httpRoute, cookie: "davit=1"}, ""); got.cookie != want || got.err != nil {
			t.Errorf("%q: %+v", cookie, got)
		}
		server.Close()
	}
}
