//go:build e2e && linux

package kubernetes

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"
)

// place is a namespace of one test.
type place struct {
	*testing.T
	namespace string
}

// newPlace makes a namespace that goes with the test. When the test failed, it
// shows what the cluster says.
func newPlace(t *testing.T) *place {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-"))
	p := &place{T: t, namespace: fmt.Sprintf("davit-%s-%04x", name, rand.IntN(1<<16))}
	p.kubectl("create", "namespace", p.namespace)
	t.Cleanup(func() {
		if t.Failed() {
			for _, what := range []string{"all,httproutes", "events"} {
				out, err := p.try("get", what, "--output=wide")
				t.Logf("%s\n%v", out, err)
			}
		}
		p.kubectl("delete", "httproutes", "--all") // which others would share the gateway with
		p.kubectl("delete", "namespace", p.namespace, "--wait=false")
	})
	return p
}

// kubectl runs kubectl in the place, and returns what it prints.
func (p *place) kubectl(args ...string) string {
	p.Helper()
	out, err := p.try(args...)
	if err != nil {
		p.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (p *place) try(args ...string) (string, error) {
	out, err := exec.Command("kubectl", append([]string{"--namespace=" + p.namespace}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// apply applies a template of testdata.
func (p *place) apply(name string, values any) {
	p.Helper()
	parsed, err := template.ParseFiles(filepath.Join("testdata", name))
	if err != nil {
		p.Fatal(err)
	}
	var manifest bytes.Buffer
	if err := parsed.Execute(&manifest, values); err != nil {
		p.Fatal(err)
	}
	apply := exec.Command("kubectl", "--namespace="+p.namespace, "apply", "--filename=-")
	apply.Stdin = &manifest
	if out, err := apply.CombinedOutput(); err != nil {
		p.Fatalf("applying %s: %v\n%s", name, err, out)
	}
}

// rolledOut waits until deployments run as declared.
func (p *place) rolledOut(deployments ...string) {
	p.Helper()
	for _, d := range deployments {
		p.kubectl("rollout", "status", "deployment/"+d, "--timeout=2m")
	}
}

// gateway returns the namespace and the name of the Gateway that routes attach
// to: what GATEWAY says, or the one of the tests' own cluster.
func gateway(t *testing.T) (namespace, name string) {
	t.Helper()
	namespace, name, ok := strings.Cut(cmp.Or(os.Getenv("GATEWAY"), "default/front"), "/")
	if !ok {
		t.Fatalf("GATEWAY is %q, want NAMESPACE/NAME", os.Getenv("GATEWAY"))
	}
	return namespace, name
}

// front returns the address of the Gateway: "host:port".
func (p *place) front() string {
	p.Helper()
	namespace, name := gateway(p.T)
	var g struct {
		Spec struct {
			Listeners []struct {
				Port     int
				Protocol string
			}
		}
		Status struct{ Addresses []struct{ Value string } }
	}
	if err := json.Unmarshal([]byte(p.kubectl("get", "gateway", name, "--namespace="+namespace, "--output=json")), &g); err != nil {
		p.Fatal(err)
	}
	for _, l := range g.Spec.Listeners {
		if l.Protocol == "HTTP" && len(g.Status.Addresses) > 0 {
			return net.JoinHostPort(g.Status.Addresses[0].Value, strconv.Itoa(l.Port))
		}
	}
	p.Fatalf("the Gateway %s/%s has no address for HTTP: %+v", namespace, name, g)
	return ""
}

// until waits until the answer is nil. The world that is asked tells nobody when
// it changes.
func (p *place) until(what string, ask func(context.Context) error) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			p.Fatalf("waiting until %s: %v", what, err)
		case <-ticker.C:
		}
	}
}

// route is what the manifests say about the Gateway.
type route struct{ GatewayNamespace, Gateway string }

func (p *place) route() route {
	p.Helper()
	namespace, name := gateway(p.T)
	return route{namespace, name}
}
