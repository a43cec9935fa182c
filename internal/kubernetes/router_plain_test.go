package kubernetes

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	speak(v2, "web")
	if s, err := plain(shop, "web", routeNote{}, []*davit.Release{v2}); err != nil || s.Spec.Ports[0].AppProtocol == nil || *s.Spec.Ports[0].AppProtocol != "kubernetes.io/h2c" {
		t.Errorf("the Service of gRPC does not say so: %+v, %v", s, err)
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

// Of a Service, only where it leads is Davit's.
func TestLeadsAlike(t *testing.T) {
	v1 := routed("v1", davit.Route{Prefix: "/", Service: "web"})
	for name, c := range map[string]struct {
		change func(*corev1.Service)
		want   bool
	}{
		"nothing":       {func(*corev1.Service) {}, true},
		"another":       {func(s *corev1.Service) { s.UID = "2" }, false},
		"its pods":      {func(s *corev1.Service) { delete(s.Spec.Selector, labelRelease) }, false},
		"its port":      {func(s *corev1.Service) { s.Spec.Ports[0].Port = 1 }, false},
		"its protocol":  {func(s *corev1.Service) { s.Spec.Ports[0].AppProtocol = new("https") }, false},
		"its type":      {func(s *corev1.Service) { s.Spec.Type, s.Spec.Ports[0].NodePort = corev1.ServiceTypeNodePort, 30000 }, true},
		"an annotation": {func(s *corev1.Service) { metav1.SetMetaDataAnnotation(&s.ObjectMeta, "team", "checkout") }, true},
	} {
		want, err := plain(shop, "web", routeNote{}, []*davit.Release{v1})
		if err != nil {
			t.Fatal(err)
		}
		seen := want.DeepCopy()
		c.change(seen)
		if got := leadsAlike(seen, want); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
