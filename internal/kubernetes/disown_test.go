package kubernetes

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// What is left to others has no word of Davit, and the pods that the release has.
func TestPlainDeployment(t *testing.T) {
	service := davit.Service{Name: "web", Image: "example.org/web:v1", Traffic: true, Port: 8000, Files: []davit.File{{Path: "a", Content: []byte("a")}}}
	release := &davit.Release{
		ID: "v1-0123456789ab", Application: "shop", Environment: "production", Version: "v1",
		Config: davit.ReleaseConfig{Services: map[string]davit.Service{"web": service}, Routes: []davit.Route{{Host: "shop.example.org", Prefix: "/", Service: "web"}}},
	}
	w := newWorkload(scope{"shop", "production"}, release, service, true)
	from, err := w.deployment(3)
	if err != nil {
		t.Fatal(err)
	}
	plain := w.plain(from)
	if replicas(plain) != 3 {
		t.Errorf("it has %d pods, want 3", replicas(plain))
	}
	for _, texts := range []map[string]string{plain.Labels, plain.Annotations, plain.Spec.Selector.MatchLabels, plain.Spec.Template.Labels, plain.Spec.Template.Annotations} {
		for key, value := range texts {
			if strings.Contains(key, "davit.dev") || value == fieldManager {
				t.Errorf("it says %s: %s", key, value)
			}
		}
	}
	for key, value := range plain.Spec.Selector.MatchLabels {
		if plain.Spec.Template.Labels[key] != value {
			t.Errorf("its pods lack %s: %s", key, value)
		}
	}
	if chosen(from.Spec.Template.Labels, plain.Spec.Selector.MatchLabels) {
		t.Error("it chooses the pods that it takes the place of")
	}
	if files := plain.Spec.Template.Spec.Volumes[0].ConfigMap.Name; files != plain.Name {
		t.Errorf("its files are those of %s, which goes", files)
	}
	if from.Spec.Template.Annotations[annotationRelease] == "" {
		t.Error("the Deployment that it is made of has changed")
	}
	routes := plainRoutes(w.scope, GatewayOptions{Name: "front"}, release, nil)
	if len(routes) != 1 || string(routes[0].Spec.Rules[0].BackendRefs[0].Name) != plain.Name || routes[0].Labels[labelManagedBy] != "" {
		t.Errorf("its routes are %+v", routes)
	}

	if service.Manifest, err = podManifest(plain); err != nil {
		t.Fatal(err)
	}
	again, err := newWorkload(w.scope, release, service, true).deployment(3)
	if err != nil {
		t.Fatal(err)
	}
	if chosen(again.Spec.Template.Labels, plain.Spec.Selector.MatchLabels) {
		t.Error("adopted again, its pods are chosen by what they take the place of")
	}
	if pod := again.Spec.Template.Spec; len(pod.Volumes) != 1 || len(pod.Containers[0].VolumeMounts) != 1 || pod.Volumes[0].ConfigMap.Name != w.name {
		t.Errorf("adopted again, it has the volumes %+v", pod.Volumes)
	}
}

// A host with more paths than one route takes has several, each of another name.
func TestPlainRoutesOfManyPaths(t *testing.T) {
	release := &davit.Release{Config: davit.ReleaseConfig{Services: map[string]davit.Service{"web": {Name: "web", Traffic: true, Port: 8000}}}}
	for _, host := range []string{"a.example.org", "b.example.org"} {
		for n := range 2*maxRules + 1 {
			release.Config.Routes = append(release.Config.Routes, davit.Route{Host: host, Prefix: fmt.Sprintf("/%d", n), Service: "web"})
		}
	}
	paths, names := map[string]bool{}, map[string]bool{}
	for _, r := range plainRoutes(scope{"shop", "production"}, GatewayOptions{Name: "front"}, release, nil) {
		if len(r.Spec.Rules) > maxRules {
			t.Errorf("%s has %d rules, and the API server takes %d", r.Name, len(r.Spec.Rules), maxRules)
		}
		if names[r.Name] {
			t.Errorf("two are named %s", r.Name)
		}
		names[r.Name] = true
		for _, rule := range r.Spec.Rules {
			paths[string(r.Spec.Hostnames[0])+*rule.Matches[0].Path.Value] = true
		}
	}
	if len(paths) != len(release.Config.Routes) || len(names) != 6 {
		t.Errorf("%d paths in %d routes, want %d in 6", len(paths), len(names), len(release.Config.Routes))
	}
}

// A host that a less specific one covers has the paths of that too: not every Gateway
// looks further than at the most specific host.
func TestPlainRoutesOfOverlappingHosts(t *testing.T) {
	release := routed("v1", davit.Route{Prefix: "/", Service: "web"}, davit.Route{Host: "*.example.org", Prefix: "/static", Service: "static"},
		davit.Route{Host: "shop.example.org", Prefix: "/api", Service: "api"})
	got := map[string]string{}
	for _, r := range plainRoutes(shop, public, release, nil) {
		host := ""
		if len(r.Spec.Hostnames) > 0 {
			host = string(r.Spec.Hostnames[0])
		}
		for _, rule := range r.Spec.Rules {
			got[host+*rule.Matches[0].Path.Value] = string(rule.BackendRefs[0].Name)
		}
	}
	web, static, api := plainName(shop, "web"), plainName(shop, "static"), plainName(shop, "api")
	want := map[string]string{
		"/": web, "*.example.org/": web, "*.example.org/static": static,
		"shop.example.org/": web, "shop.example.org/static": static, "shop.example.org/api": api,
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// chosen reports whether a selector chooses pods of such labels.
func chosen(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}
