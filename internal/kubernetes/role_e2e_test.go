//go:build e2e

package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// The role in deploy/ is enough for a release's life, and without any verb of any
// rule something of it is forbidden.
func TestRole(t *testing.T) {
	role := shippedRole(t)
	t.Run("whole", func(t *testing.T) {
		b := newBench(t)
		b.node()
		b.as(role.Rules)
		cluster := b.connect()
		if err := errors.Join(live(b, cluster), cluster.stumbledOver()); err != nil {
			t.Error(err)
		}
	})
	for i, rule := range role.Rules {
		for _, verb := range rule.Verbs {
			t.Run(fmt.Sprintf("without %s of %s", verb, rule.Resources[0]), func(t *testing.T) {
				less := slices.Clone(role.Rules)
				less[i].Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb })
				if len(less[i].Verbs) == 0 {
					less = slices.Delete(less, i, i+1)
				}
				b := newBench(t)
				b.node()
				b.as(less)
				cluster := b.connect()
				err := live(b, cluster)
				b.poll("something forbidden", func() bool {
					return apierrors.IsForbidden(err) || apierrors.IsForbidden(cluster.stumbledOver())
				})
			})
		}
	}
}

// stumbledOver returns what the watches ran into last.
func (c *Cluster) stumbledOver() error {
	c.mu.Lock()
	err, d := c.trouble, c.gatewayAPI
	c.mu.Unlock()
	if d == nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(append(slices.Collect(maps.Values(d.troubles)), err)...)
}

func shippedRole(t *testing.T) *rbacv1.Role {
	t.Helper()
	text, err := os.ReadFile("../../deploy/kubernetes/base/account.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		role := &rbacv1.Role{}
		if err := documents.Decode(role); errors.Is(err, io.EOF) {
			t.Fatal("there is no Role")
		} else if err != nil {
			t.Fatal(err)
		}
		if role.Kind == "Role" {
			return role
		}
	}
}

// live leads a release through its life, on a node that only says that it runs pods
// and behind a Gateway that only says that it routes.
func live(b *bench, cluster *Cluster) error {
	b.Helper()
	runtime := cluster.Runtime("shop", "production")
	release := web(b.T, "v1", func(s *davit.Service) { s.Autoscale = &davit.Autoscale{Max: 3, CPU: 70} })
	calls := web(b.T, "v1").Config.Services["web"]
	calls.Name, calls.Protocol = "calls", davit.ProtocolGRPC
	release.Config.Services["calls"] = calls
	release.Config.Routes = []davit.Route{{Host: "shop.example.org", Prefix: "/", Service: "web"}, {Host: "calls.example.org", Prefix: "/", Service: "calls"}}
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	if _, err := runtime.Instances(ctx); err != nil {
		return err
	}
	if _, err := cluster.plainObjects(ctx, true); err != nil { // as adopting does
		return err
	}
	if _, err := runtime.Pin(ctx, release.Config.Services["web"]); err != nil {
		return err
	}
	if err := runtime.Declare(ctx, release, davit.Size{"web": 1, "calls": 1}); err != nil {
		return err
	}
	before := web(b.T, "v0")
	if err := runtime.Declare(ctx, before, davit.Size{"web": 2}); err != nil {
		return err
	}
	var err error
	b.poll("pods of the release before", func() bool {
		err = cluster.stumbledOver()
		return err != nil || len(cluster.podsOf(runtime.scope, "web/"+string(before.ID))) == 2
	})
	if err == nil {
		err = errors.Join(runtime.Declare(ctx, before, davit.Size{"web": 1}), runtime.Declare(ctx, before, nil))
	}
	if err != nil {
		return err
	}
	b.poll("a pod that is ready", func() bool {
		var all []davit.Instance
		if all, err = runtime.Instances(ctx); err == nil {
			err = cluster.stumbledOver()
		}
		return err != nil || slices.ContainsFunc(all, func(i davit.Instance) bool { return i.Release == release.ID && i.Condition == davit.Ready })
	})
	if err != nil {
		return err
	}
	// The node has no address, so there is nothing to read.
	if err := runtime.Logs(ctx, LogQuery{}, func(LogLine) error { return nil }); apierrors.IsForbidden(err) {
		return err
	}
	router := cluster.Router("shop", "production", GatewayOptions{Name: b.gateway(ctx)})
	routing := davit.Routing{Split: davit.All(release.ID), Releases: []*davit.Release{release}, Stable: release.ID}
	if err := router.Route(ctx, routing); err != nil {
		return err
	}
	if err := cluster.stumbledOver(); err != nil {
		return err
	}
	release.Config.Routes = nil
	if err := router.Route(ctx, routing); err != nil {
		return err
	}
	if err := asks(ctx, runtime); err != nil {
		return err
	}
	return runtime.Declare(ctx, release, nil) // the last one, so that the environment is nobody's again
}

// asks has every instance asked, as gates do, and returns what is forbidden; it waits
// for an answer a moment only, as there is nobody who could give one.
func asks(ctx context.Context, runtime *Runtime) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	all, err := runtime.Instances(ctx)
	for _, i := range all {
		var request *http.Request
		if request, err = http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.Address+"/", http.NoBody); err != nil {
			return err
		}
		res, asked := runtime.Carry(i).RoundTrip(request)
		if apierrors.IsForbidden(asked) {
			return asked
		}
		if asked == nil {
			err = errors.Join(err, res.Body.Close())
		}
	}
	return err
}

// gateway makes a Gateway, and has it and all routes of the namespace say that they
// are in effect until the context ends.
func (b *bench) gateway(ctx context.Context) string {
	b.Helper()
	admin := b.cluster.api // made before the middleman spoke as somebody else
	front := &gatewayv1.Gateway{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "Gateway"},
		ObjectMeta: metav1.ObjectMeta{Name: "front"},
		Spec:       gatewayv1.GatewaySpec{GatewayClassName: "none", Listeners: []gatewayv1.Listener{{Name: "http", Protocol: gatewayv1.HTTPProtocolType, Port: 80}}},
	}
	made, err := apply(ctx, admin.gateways(), front)
	if err != nil {
		b.Fatal(err)
	}
	b.says(ctx, admin.gateways().client, "gateways", made, map[string]any{"conditions": holds(made, "Accepted", "Programmed")})
	d, err := b.cluster.doors()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.kinds(true); err != nil {
		b.Fatal(err)
	}
	changes := d.changes.subscribe(ctx, b.runtime.scope)
	b.cluster.run(func(context.Context) {
		for range changes {
			for _, route := range d.routesOf(b.runtime.scope) {
				if len(route.Status.Parents) > 0 {
					continue
				}
				b.says(ctx, admin.routes().client, strings.ToLower(route.Kind)+"s", route, map[string]any{"parents": []any{map[string]any{
					"controllerName": "davit.dev/test", "parentRef": map[string]any{"name": front.Name},
					"conditions": holds(route, "Accepted", "ResolvedRefs"),
				}}})
			}
		}
	})
	return front.Name
}

// holds are conditions that an object meets.
func holds(o metav1.Object, names ...string) []metav1.Condition {
	var all []metav1.Condition
	for _, name := range names {
		all = append(all, metav1.Condition{
			Type: name, Status: metav1.ConditionTrue, Reason: name, ObservedGeneration: o.GetGeneration(), LastTransitionTime: metav1.Now(),
		})
	}
	return all
}

// says sets the status of an object, as a controller does.
func (b *bench) says(ctx context.Context, client rest.Interface, resource string, o metav1.Object, status any) {
	b.Helper()
	data, err := json.Marshal(map[string]any{"status": status})
	if err == nil {
		err = client.Patch(types.MergePatchType).Namespace(b.namespace).Resource(resource).Name(o.GetName()).SubResource("status").Body(data).Do(ctx).Error()
	}
	if err != nil && ctx.Err() == nil {
		b.Errorf("saying how %s is: %v", o.GetName(), err)
	}
}

// as makes an account with the rights, and has the middleman speak as it.
func (b *bench) as(rules []rbacv1.PolicyRule) {
	b.Helper()
	ctx, meta := b.Context(), metav1.ObjectMeta{Name: "davit"}
	must := func(_ any, err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	accounts := b.admin.CoreV1().ServiceAccounts(b.namespace)
	must(accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{}))
	must(b.admin.RbacV1().Roles(b.namespace).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{}))
	must(b.admin.RbacV1().RoleBindings(b.namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "davit"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "davit", Namespace: b.namespace}},
	}, metav1.CreateOptions{}))
	token, err := accounts.CreateToken(ctx, "davit", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	config := rest.AnonymousClientConfig(b.config)
	config.BearerToken = token.Status.Token
	b.api = newMiddleman(b.T, config)
}
