package kubernetes

import (
	"testing"

	"github.com/davit-dev/davit"
)

func TestPlainServices(t *testing.T) {
	v1, v2 := routed("v1", davit.Route{Prefix: "/", Service: "web"}), routed("v2", davit.Route{Prefix: "/", Service: "web"})
	for _, c := range []struct {
		releases []*davit.Release
		release  string // selected
	}{{[]*davit.Release{v1}, string(v1.ID)}, {[]*davit.Release{v1, v2}, ""}, {nil, nobody}} {
		s, err := plain(shop, "web", routeNote{}, c.releases)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != "shop-production-web" || s.Spec.Selector[labelService] != "web" || s.Spec.Selector[labelRelease] != c.release {
			t.Errorf("%s selects %v, want release %q", s.Name, s.Spec.Selector, c.release)
		}
	}
	if s, err := plain(shop, "worker", routeNote{}, []*davit.Release{v1}); s != nil || err != nil {
		t.Errorf("a worker has the Service %v, %v", s, err)
	}
	moved := routed("v3", davit.Route{Prefix: "/", Service: "web"})
	its := moved.Config.Services["web"]
	its.Port = 9000
	moved.Config.Services["web"] = its
	if _, err := plain(shop, "web", routeNote{}, []*davit.Release{v1, moved}); davit.ErrorCode(err) != davit.CodeUnsupported {
		t.Errorf("one Service for two ports: %v", err)
	}
}

func TestKeeps(t *testing.T) {
	v1, v2 := routed("v1", davit.Route{Prefix: "/", Service: "web"}), routed("v2", davit.Route{Prefix: "/", Service: "web"})
	state := davit.State{
		Run:   map[davit.ReleaseID]davit.Size{v1.ID: {"web": 3, "worker": 5}, v2.ID: {"web": 1, "worker": 1}},
		Split: davit.Split{v1.ID: 950, v2.ID: 50},
	}
	both := []*davit.Release{v1, v2}
	plain, gateway := &Router{}, &Router{options: public}
	if got := plain.Keeps(state, both); !got.Equal(davit.Split{v1.ID: 750, v2.ID: 250}) {
		t.Errorf("without a Gateway it is %s", got)
	}
	if got := gateway.Keeps(state, both); !got.Equal(state.Split) {
		t.Errorf("with a Gateway it is %s", got)
	}
	state.Split = davit.All(v1.ID)
	if got := plain.Keeps(state, append(both, nil)); !got.Equal(state.Split) {
		t.Errorf("all is %s", got)
	}
}
