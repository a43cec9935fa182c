package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// Plain is an application as it runs on the cluster without Davit, as far as a
// davit.yaml says the same of it.
type Plain struct {
	scope       scope
	namespace   string
	deployments map[string]*appsv1.Deployment // by service
	routes      []*gatewayv1.HTTPRoute
	notes       []string
}

// Survey finds the plain objects that an environment's configuration describes: the
// routes of its hosts at the Gateway, the Services that they lead to, and the
// Deployments behind these; of a service without traffic, the Deployment of its name.
// What cannot be taken over as it is, is refused by name.
func (c *Cluster) Survey(ctx context.Context, application, environment string, gateway GatewayOptions, config davit.ReleaseConfig) (*Plain, error) {
	if gateway.Name == "" {
		return nil, unadoptable("the environment has no Gateway", "name the one that the application's route is attached to, as kubernetes: {gateway: {name: …}}")
	}
	found, err := c.plainObjects(ctx, called(&davit.Release{Config: config}))
	if err != nil {
		return nil, err
	}
	s := &survey{plainObjects: found, scope: scope{application, environment}, namespace: c.namespace, gateway: gateway, config: config}
	return s.take()
}

// Config returns the configuration with which the application runs as it does now: a
// service's pods are those of its Deployment, and as many, with what davit.yaml says
// put in.
func (p *Plain) Config(config davit.ReleaseConfig) (davit.ReleaseConfig, error) {
	config.Services = maps.Clone(config.Services)
	for name, d := range p.deployments {
		manifest, err := podManifest(d)
		if err != nil {
			return config, err
		}
		service := config.Services[name]
		service.Manifest, service.Replicas = manifest, replicas(d)
		config.Services[name] = service
	}
	return config, nil
}

// Steps says what adopting does, in its order, for people.
func (p *Plain) Steps(version string) []string {
	steps := []string{}
	for _, name := range slices.Sorted(maps.Keys(p.deployments)) {
		d := p.deployments[name]
		steps = append(steps, fmt.Sprintf("run %d pods of service %s of %s beside Deployment %s, from the same pod template, until they are ready", replicas(d), name, version, d.Name))
	}
	for _, route := range p.routes {
		steps = append(steps, fmt.Sprintf("reach them through the Gateway, and route to them in place of %s, which is deleted", refOf(route)))
	}
	for _, name := range slices.Sorted(maps.Keys(p.deployments)) {
		steps = append(steps, fmt.Sprintf("delete Deployment %s after the requests in flight had their time (drain)", p.deployments[name].Name))
	}
	return steps
}

// Notes say what stays, and is to be looked after by people.
func (p *Plain) Notes() []string { return p.notes }

// replicas returns how many pods a Deployment is to have.
func replicas(d *appsv1.Deployment) int {
	if d.Spec.Replicas == nil {
		return 1 // the API's default
	}
	return int(*d.Spec.Replicas)
}

// podManifest returns the pod template of a Deployment as a manifest.
func podManifest(d *appsv1.Deployment) ([]byte, error) {
	t := corev1.PodTemplate{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodTemplate"}, Template: *d.Spec.Template.DeepCopy()}
	data, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encoding the pod template of Deployment %s: %w", d.Name, err)
	}
	return data, nil
}

// plainObjects are the objects of a namespace that may be an application's.
type plainObjects struct {
	deployments []appsv1.Deployment
	services    []corev1.Service
	routes      []gatewayv1.HTTPRoute
	scalers     []autoscalingv2.HorizontalPodAutoscaler
	budgets     []policyv1.PodDisruptionBudget
}

// plainObjects reads them as they are now. GRPCRoutes that the account may not see, or
// the cluster does not know, are none, unless the application is called by gRPC.
func (c *Cluster) plainObjects(ctx context.Context, called bool) (plainObjects, error) {
	deployments, services, routes := &appsv1.DeploymentList{}, &corev1.ServiceList{}, &gatewayv1.HTTPRouteList{}
	scalers, budgets := &autoscalingv2.HorizontalPodAutoscalerList{}, &policyv1.PodDisruptionBudgetList{}
	err := cmp.Or(
		list(ctx, c.api.deployments(), deployments), list(ctx, c.api.services(), services), list(ctx, c.api.routes(), routes),
		list(ctx, c.api.autoscalers(), scalers), list(ctx, c.api.budgets(), budgets),
	)
	if err != nil {
		return plainObjects{}, err
	}
	found := plainObjects{deployments.Items, services.Items, routes.Items, scalers.Items, budgets.Items}
	for i := range found.routes {
		found.routes[i].Kind = httpRoute
	}
	calls := &gatewayv1.GRPCRouteList{}
	err = list(ctx, c.api.calls(), calls)
	if !called && (apierrors.IsForbidden(err) || apierrors.IsNotFound(err)) {
		return found, nil
	}
	for i := range calls.Items {
		found.routes = append(found.routes, *routeOf(&calls.Items[i]))
	}
	return found, err
}

// list reads all objects of a kind in the namespace.
func list[T runtime.Object](ctx context.Context, k kind[T], into runtime.Object) error {
	return persist(ctx, "listing "+k.resource, func(ctx context.Context) error {
		return k.client.Get().Namespace(k.namespace).Resource(k.resource).Do(ctx).Into(into)
	})
}

// unadoptable refuses to adopt.
func unadoptable(why, hint string) error {
	return &davit.Error{Code: davit.CodeRefused, Message: "cannot be adopted: " + why, Hint: hint}
}
