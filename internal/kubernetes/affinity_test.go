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

// A Gateway that does not heed affinity is told by its answers.
func TestObserveAffinity(t *testing.T) {
	const says = "does not heed affinity:"
	for _, stays := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o := (&gate{before: between(0), after: between(50), stays: stays}).observer()
			o.sticky = true
			effect, err := o.observe(t.Context(), between(0), between(50))
			if err != nil || strings.Contains(effect, says) == stays {
				t.Errorf("answers stay: %t; %q, %v", stays, effect, err)
			}
		})
	}
}

func TestDoorSeesCookies(t *testing.T) {
	for cookie, want := range map[string]bool{"": false, "session=1": false, "davit=eg12; Path=/; HttpOnly": true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if cookie != "" {
				w.Header().Set("Set-Cookie", cookie)
			}
		}))
		if got := newDoor(server.URL).ask(t.Context(), target{path: "/", kind: httpRoute}, ""); got.stays != want || got.err != nil {
			t.Errorf("%q: %+v", cookie, got)
		}
		server.Close()
	}
}
