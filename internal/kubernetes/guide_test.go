package kubernetes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/config"
)

// What the guide says to run already can be adopted by its davit.yaml, with its
// Deployment as the manifest, and deployed: its pods are the same.
func TestGuide(t *testing.T) {
	blocks := guide(t, "From a Deployment that you have")
	if len(blocks) != 2 {
		t.Fatalf("the guide shows %d pieces of YAML, want what runs and davit.yaml", len(blocks))
	}
	objects := strings.Split(blocks[0], "---\n")
	if len(objects) != 3 {
		t.Fatalf("%d objects run, want 3", len(objects))
	}
	resolved := resolvedFrom(t, map[string]string{"davit.yaml": blocks[1], "kubernetes/web.yaml": objects[0]})
	s := &survey{scope: shop, namespace: "shop", gateway: GatewayOptions{Name: resolved.Site.Kubernetes.Gateway.Name, Namespace: resolved.Site.Kubernetes.Gateway.Namespace}, config: resolved.Config}
	s.deployments, s.services, s.routes = make([]appsv1.Deployment, 1), make([]corev1.Service, 1), make([]gatewayv1.HTTPRoute, 1)
	for i, into := range []any{&s.deployments[0], &s.services[0], &s.routes[0]} {
		if err := yaml.UnmarshalStrict([]byte(objects[i]), into); err != nil {
			t.Fatalf("object %d: %v", i, err)
		}
	}
	runs := &s.deployments[0]
	found, err := s.take()
	if err != nil {
		t.Fatal(err)
	}
	if found.deployments["web"] != runs || len(found.routes) != 1 {
		t.Errorf("it finds %+v", found)
	}
	release := &davit.Release{ID: "v1-0123456789ab", Application: "shop", Environment: "production", Version: "v1", Config: resolved.Config}
	d, err := newWorkload(shop, release, resolved.Config.Services["web"], true).deployment(replicas(runs))
	if err != nil {
		t.Fatal(err)
	}
	was, is := runs.Spec.Template.Spec, d.Spec.Template.Spec
	if is.ServiceAccountName != was.ServiceAccountName || len(is.Volumes) != 1 || len(is.Containers) != 1 || is.Containers[0].Image != was.Containers[0].Image {
		t.Errorf("its pods are %+v, want them as %+v", is, was)
	}
	if n := resolved.Config.Services["web"].Replicas; n != replicas(runs) {
		t.Errorf("there are to be %d of them, want %d", n, replicas(runs))
	}
}

// guide returns the YAML of a section of the guide.
func guide(t *testing.T, section string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/how-to/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n## "+section+"\n")
	if !found {
		t.Fatalf("the guide has no section %q", section)
	}
	after, _, _ = strings.Cut(after, "\n## ")
	var blocks []string
	for _, rest := range strings.Split(after, "```yaml\n")[1:] {
		block, _, _ := strings.Cut(rest, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

// resolvedFrom reads the davit.yaml among the files, for production.
func resolvedFrom(t *testing.T, files map[string]string) *config.Resolved {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := config.Load(filepath.Join(dir, "davit.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := file.Resolve("production", "v1")
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}
