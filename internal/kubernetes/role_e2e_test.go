//go:build e2e

package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"

	"github.com/davit-dev/davit"
)

// The role in deploy/ is enough for a release's life, and without any verb of any
// rule something of it is forbidden.
func TestRole(t *testing.T) {
	role := shippedRole(t)
	t.Run("whole", func(t *testing.T) {
		b := newBench(t)
		b.as(role.Rules)
		cluster := b.connect()
		if err := errors.Join(live(t, cluster), cluster.stumbledOver()); err != nil {
			t.Error(err)
		}
	})
	for i, rule := range role.Rules {
		if needless(rule) {
			continue
		}
		for _, verb := range rule.Verbs {
			t.Run(fmt.Sprintf("without %s of %s", verb, rule.Resources[0]), func(t *testing.T) {
				less := slices.Clone(role.Rules)
				less[i].Verbs = slices.DeleteFunc(slices.Clone(rule.Verbs), func(v string) bool { return v == verb })
				b := newBench(t)
				b.as(less)
				cluster := b.connect()
				err := live(t, cluster)
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
	defer c.mu.Unlock()
	return c.trouble
}

// needless reports whether a rule is not used here: logs need a kubelet, and
// Gateways a router.
func needless(rule rbacv1.PolicyRule) bool {
	return slices.Contains(rule.Resources, "pods/log") || slices.Contains(rule.APIGroups, "gateway.networking.k8s.io")
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

// live leads a release through its life.
func live(t *testing.T, cluster *Cluster) error {
	t.Helper()
	runtime := cluster.Runtime("shop", "production")
	release := web(t, "v1", func(s *davit.Service) { s.Autoscale = &davit.Autoscale{Max: 3, CPU: 70} })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := runtime.Instances(ctx); err != nil {
		return err
	}
	if _, err := cluster.plainObjects(ctx); err != nil { // as adopting does
		return err
	}
	if _, err := runtime.Pin(ctx, release.Config.Services["web"]); err != nil {
		return err
	}
	if err := runtime.Declare(ctx, release, davit.Size{"web": 1}); err != nil {
		return err
	}
	return runtime.Declare(ctx, release, nil)
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
