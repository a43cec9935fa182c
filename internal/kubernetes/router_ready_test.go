package kubernetes

import (
	"testing"

	"github.com/davit-dev/davit"
)

// A release gets traffic when each of its services that take it can answer.
func TestUnserved(t *testing.T) {
	service := func(traffic bool, replicas int) davit.Service {
		return davit.Service{Traffic: traffic, Replicas: replicas}
	}
	release := func(id davit.ReleaseID) *davit.Release {
		return &davit.Release{ID: id, Config: davit.ReleaseConfig{Services: map[string]davit.Service{
			"api": service(true, 2), "web": service(true, 1), "worker": service(false, 1), "idle": service(true, 0),
		}}}
	}
	at := func(id davit.ReleaseID, name string, c davit.Condition) davit.Instance {
		return davit.Instance{Release: id, Service: name, Condition: c}
	}
	both := []davit.Instance{at("v1", "api", davit.Ready), at("v1", "web", davit.Ready)}
	for name, c := range map[string]struct {
		split     davit.Split
		instances []davit.Instance
		want      string
	}{
		"all can answer":          {davit.All("v1"), both, ""},
		"nothing is ready":        {davit.All("v1"), nil, "v1"},
		"one cannot":              {davit.All("v1"), []davit.Instance{both[0], at("v1", "web", davit.Starting)}, "web of v1"},
		"one is not there":        {davit.All("v1"), []davit.Instance{both[1], at("v1", "worker", davit.Ready)}, "api of v1"},
		"one of the other cannot": {davit.Split{"v1": 500, "v2": 500}, append(both, at("v2", "api", davit.Ready)), "web of v2"},
		"the other has no share":  {davit.All("v1"), append(both, at("v2", "api", davit.Ready)), ""},
		"nobody has any":          {nil, nil, ""},
	} {
		routing := davit.Routing{Split: c.split, Releases: []*davit.Release{release("v1"), release("v2")}}
		if got := unserved(routing, c.instances); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
