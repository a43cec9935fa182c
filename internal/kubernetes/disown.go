package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// Disown has an environment's release run as plain objects too, which nobody would
// know Davit by: its pods as many and the same, with a Service and routes like
// Davit's. It returns when they are ready and the Gateway reaches them, so that
// Davit's can go. Asked again, it goes on where it was.
func (c *Cluster) Disown(ctx context.Context, release *davit.Release, gateway GatewayOptions) error {
	if gateway.Name == "" {
		return &davit.Error{Code: davit.CodeUnsupported, Message: "an environment without a Gateway cannot be disowned", Hint: "lead its traffic elsewhere, then davit down"}
	}
	s := scope{release.Application, release.Environment}
	if err := c.ready(ctx); err != nil {
		return err
	}
	if err := c.claimed(s); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(release.Config.Services)) {
		if release.Config.Services[name].Autoscale != nil {
			return &davit.Error{Code: davit.CodeUnsupported, Message: "service " + name + " is autoscaled, which plain objects would not be", Hint: "deploy it without autoscale: first"}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(release.Config.Services)) {
		if err := c.free(ctx, newWorkload(s, release, release.Config.Services[name], false)); err != nil {
			return err
		}
	}
	return c.Router(s.application, s.environment, gateway).handOver(ctx, release)
}

// free runs a service as plain objects, and waits until they are ready.
func (c *Cluster) free(ctx context.Context, w workload) error {
	from := c.deploymentOf(w.name)
	if from == nil {
		return &davit.Error{Code: davit.CodeUnavailable, Message: fmt.Sprintf("there is no Deployment %s to make a plain one of", w.name), Hint: "davit status says what runs"}
	}
	if files := w.files(nil); files != nil {
		files.ObjectMeta, files.Immutable = w.plainMeta(), nil
		if _, err := give(ctx, c.api.configMaps(), files); err != nil {
			return err
		}
	}
	if w.service.Traffic {
		service := w.endpoint(nil)
		service.ObjectMeta, service.Spec.Selector = w.plainMeta(), w.plainLabels()
		if _, err := give(ctx, c.api.services(), service); err != nil {
			return err
		}
	}
	d, err := give(ctx, c.api.deployments(), w.plain(from))
	if err != nil {
		return err
	}
	return awaitOne(ctx, c.api.deployments(), d.Name, func(seen *appsv1.Deployment) string {
		if seen.Generation < d.Generation || seen.Status.ObservedGeneration < seen.Generation || int(seen.Status.ReadyReplicas) < replicas(seen) {
			return fmt.Sprintf("Deployment %s has %d of %d pods ready", seen.Name, seen.Status.ReadyReplicas, replicas(seen))
		}
		return ""
	})
}

// plainLabels are those of the plain objects of an environment. No pod of Davit's has
// them all: these leave, and the plain Service is not to lead to one that does.
func (s scope) plainLabels() map[string]string {
	return map[string]string{labelName: s.application, labelInstance: environmentName(s.application, s.environment) + "-plain"}
}

// plainLabels are those that plain pods are chosen by.
func (w workload) plainLabels() map[string]string {
	labels := w.scope.plainLabels()
	labels[labelComponent] = w.service.Name
	return labels
}

func (w workload) plainMeta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: plainName(w.scope, w.service.Name), Labels: w.plainLabels()}
}

// plain returns the Deployment that runs the same pods as another one, without what
// is Davit's in them.
func (w workload) plain(from *appsv1.Deployment) *appsv1.Deployment {
	template := from.Spec.Template.DeepCopy()
	for _, texts := range []map[string]string{template.Labels, template.Annotations} {
		maps.DeleteFunc(texts, func(key, value string) bool {
			return strings.HasPrefix(key, "davit.dev/") || key == labelManagedBy && value == fieldManager
		})
	}
	maps.Copy(template.Labels, w.plainLabels())
	for i := range template.Spec.Volumes {
		if v := &template.Spec.Volumes[i]; v.Name == filesVolume && v.ConfigMap != nil {
			v.ConfigMap.Name = plainName(w.scope, w.service.Name)
		}
	}
	return &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: w.plainMeta(),
		Spec: appsv1.DeploymentSpec{
			Replicas: from.Spec.Replicas, Selector: &metav1.LabelSelector{MatchLabels: w.plainLabels()}, Strategy: from.Spec.Strategy, Template: *template,
		},
	}
}

// plainRoutes are the routes of a release for good, or, with a header, for those
// alone who send it; their answers then have it too. There are several of a host where
// one cannot take all its rules.
func plainRoutes(s scope, gateway GatewayOptions, release *davit.Release, header *gatewayv1.HTTPHeader) []*gatewayv1.HTTPRoute {
	d := newDealing(s, gateway, davit.Routing{Split: davit.All(release.ID), Stable: release.ID, Releases: []*davit.Release{release}}, nil)
	var all []*gatewayv1.HTTPRoute
	for _, host := range d.hosts() {
		var rules []gatewayv1.HTTPRouteRule
		for _, prefix := range d.prefixes(host) {
			service := release.Config.Services[serviceAt(release.Config.Routes, host, prefix)]
			rules = append(rules, plainRule(s, gateway, service, prefix, header))
		}
		for part := range slices.Chunk(rules, maxRules) {
			r := plainRoute(s, gateway, d.kind(host), host, part)
			if len(all) > 0 && strings.HasPrefix(all[len(all)-1].Name, r.Name) {
				r.Name = fmt.Sprintf("%s-%d", r.Name, len(all))
			}
			all = append(all, r)
		}
	}
	return all
}

func plainRule(s scope, gateway GatewayOptions, service davit.Service, prefix string, header *gatewayv1.HTTPHeader) gatewayv1.HTTPRouteRule {
	match := gatewayv1.HTTPRouteMatch{Path: pathMatch(prefix)}
	rule := gatewayv1.HTTPRouteRule{BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
		BackendObjectReference: gatewayv1.BackendObjectReference{Name: gatewayv1.ObjectName(plainName(s, service.Name)), Port: new(portOf(service))},
	}}}}
	if header != nil {
		match.Headers = []gatewayv1.HTTPHeaderMatch{{Type: new(gatewayv1.HeaderMatchExact), Name: header.Name, Value: header.Value}}
		rule.Filters = answerHeaders(*header)
	} else if gateway.Affinity && kindOf(service) == httpRoute {
		rule.SessionPersistence = sessions()
	}
	rule.Matches = []gatewayv1.HTTPRouteMatch{match}
	return rule
}

func plainRoute(s scope, gateway GatewayOptions, kind, host string, rules []gatewayv1.HTTPRouteRule) *gatewayv1.HTTPRoute {
	route := &gatewayv1.HTTPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: kind},
		ObjectMeta: metav1.ObjectMeta{Name: routeName(s, host) + "-plain", Labels: s.plainLabels()},
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{gateway.parent()}}, Rules: rules,
		},
	}
	if host != "" {
		route.Spec.Hostnames = []gatewayv1.Hostname{gatewayv1.Hostname(host)}
	}
	return route
}
