package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/flowcontrol"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// gatewayGroup is the Gateway API's.
var gatewayGroup = schema.GroupVersion(gatewayv1.GroupVersion)

// What the API server is asked at most, in requests a second. It says itself when
// that is too much, by 429, and is asked again when it wants to be.
const (
	requestsPerSecond = 100
	requestsAtOnce    = 200
)

// api is the part of Kubernetes' API that Davit uses, in one namespace. The client
// set of client-go knows all of it, which every start of the program would pay for.
type api struct {
	namespace string
	groups    map[schema.GroupVersion]rest.Interface
	base      *url.URL          // of the API server
	transport http.RoundTripper // to it, as the server's account
}

func newAPI(config *rest.Config, namespace string) (api, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = fieldManager
	config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(requestsPerSecond, requestsAtOnce) // of all groups together
	known := runtime.NewScheme()
	add := runtime.NewSchemeBuilder(corev1.AddToScheme, appsv1.AddToScheme, autoscalingv2.AddToScheme, policyv1.AddToScheme, discoveryv1.AddToScheme,
		coordinationv1.AddToScheme, gatewayv1.Install)
	if err := add.AddToScheme(known); err != nil {
		return api{}, fmt.Errorf("registering the kinds of objects: %w", err)
	}
	config.NegotiatedSerializer = serializer.NewCodecFactory(known).WithoutConversion()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return api{}, fmt.Errorf("making a client of %s: %w", config.Host, err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return api{}, fmt.Errorf("making a client of %s: %w", config.Host, err)
	}
	a := api{namespace: namespace, groups: map[schema.GroupVersion]rest.Interface{}, base: base, transport: client.Transport}
	for _, group := range []schema.GroupVersion{
		corev1.SchemeGroupVersion, appsv1.SchemeGroupVersion, autoscalingv2.SchemeGroupVersion, policyv1.SchemeGroupVersion,
		discoveryv1.SchemeGroupVersion, coordinationv1.SchemeGroupVersion, gatewayGroup,
	} {
		config.GroupVersion, config.APIPath = &group, "/apis"
		if group.Group == "" {
			config.APIPath = "/api"
		}
		if a.groups[group], err = rest.RESTClientForConfigAndClient(config, client); err != nil {
			return api{}, fmt.Errorf("making a client of %s: %w", config.Host, err)
		}
	}
	return a, nil
}

// kind is the client of one kind of object in the namespace.
type kind[T runtime.Object] struct {
	client    rest.Interface
	namespace string
	resource  string // the plural in paths
	fresh     func() T
}

func (a api) deployments() kind[*appsv1.Deployment] {
	return kind[*appsv1.Deployment]{a.groups[appsv1.SchemeGroupVersion], a.namespace, "deployments", func() *appsv1.Deployment { return new(appsv1.Deployment) }}
}

func (a api) pods() kind[*corev1.Pod] {
	return kind[*corev1.Pod]{a.groups[corev1.SchemeGroupVersion], a.namespace, "pods", func() *corev1.Pod { return new(corev1.Pod) }}
}

func (a api) services() kind[*corev1.Service] {
	return kind[*corev1.Service]{a.groups[corev1.SchemeGroupVersion], a.namespace, "services", func() *corev1.Service { return new(corev1.Service) }}
}

func (a api) slices() kind[*discoveryv1.EndpointSlice] {
	return kind[*discoveryv1.EndpointSlice]{a.groups[discoveryv1.SchemeGroupVersion], a.namespace, "endpointslices", func() *discoveryv1.EndpointSlice { return new(discoveryv1.EndpointSlice) }}
}

func (a api) configMaps() kind[*corev1.ConfigMap] {
	return kind[*corev1.ConfigMap]{a.groups[corev1.SchemeGroupVersion], a.namespace, "configmaps", func() *corev1.ConfigMap { return new(corev1.ConfigMap) }}
}

func (a api) events() kind[*corev1.Event] {
	return kind[*corev1.Event]{a.groups[corev1.SchemeGroupVersion], a.namespace, "events", func() *corev1.Event { return new(corev1.Event) }}
}

func (a api) budgets() kind[*policyv1.PodDisruptionBudget] {
	return kind[*policyv1.PodDisruptionBudget]{a.groups[policyv1.SchemeGroupVersion], a.namespace, "poddisruptionbudgets", func() *policyv1.PodDisruptionBudget { return new(policyv1.PodDisruptionBudget) }}
}

func (a api) autoscalers() kind[*autoscalingv2.HorizontalPodAutoscaler] {
	return kind[*autoscalingv2.HorizontalPodAutoscaler]{a.groups[autoscalingv2.SchemeGroupVersion], a.namespace, "horizontalpodautoscalers", func() *autoscalingv2.HorizontalPodAutoscaler { return new(autoscalingv2.HorizontalPodAutoscaler) }}
}

func (a api) leases() kind[*coordinationv1.Lease] {
	return kind[*coordinationv1.Lease]{a.groups[coordinationv1.SchemeGroupVersion], a.namespace, "leases", func() *coordinationv1.Lease { return new(coordinationv1.Lease) }}
}

func (a api) routes() kind[*gatewayv1.HTTPRoute] {
	return kind[*gatewayv1.HTTPRoute]{a.groups[gatewayGroup], a.namespace, "httproutes", func() *gatewayv1.HTTPRoute { return new(gatewayv1.HTTPRoute) }}
}

func (a api) calls() kind[*gatewayv1.GRPCRoute] {
	return kind[*gatewayv1.GRPCRoute]{a.groups[gatewayGroup], a.namespace, "grpcroutes", func() *gatewayv1.GRPCRoute { return new(gatewayv1.GRPCRoute) }}
}

func (a api) gateways() kind[*gatewayv1.Gateway] {
	return kind[*gatewayv1.Gateway]{a.groups[gatewayGroup], a.namespace, "gateways", func() *gatewayv1.Gateway { return new(gatewayv1.Gateway) }}
}

// in returns the client of the kind in another namespace.
func (k kind[T]) in(namespace string) kind[T] {
	k.namespace = namespace
	return k
}

// patch changes an object, or makes it when the patch is an apply, and returns what
// it has become.
func (k kind[T]) patch(ctx context.Context, name string, form types.PatchType, data []byte, options metav1.PatchOptions) (T, error) {
	patched := k.fresh()
	err := k.client.Patch(form).Namespace(k.namespace).Resource(k.resource).Name(name).
		VersionedParams(&options, metav1.ParameterCodec).Body(data).Do(ctx).Into(patched)
	return patched, err
}

// create makes an object that there is none of yet.
func (k kind[T]) create(ctx context.Context, object T) error {
	return k.client.Post().Namespace(k.namespace).Resource(k.resource).Body(object).Do(ctx).Error()
}

// remove deletes an object.
func (k kind[T]) remove(ctx context.Context, name string, options metav1.DeleteOptions) error {
	return k.client.Delete().Namespace(k.namespace).Resource(k.resource).Name(name).Body(&options).Do(ctx).Error()
}

// logs asks for the log of an object, which is a pod.
func (k kind[T]) logs(name string) *rest.Request {
	return k.client.Get().Namespace(k.namespace).Resource(k.resource).Name(name).SubResource("log")
}

// proxy asks an object, which is a pod, by its name and port.
func (k kind[T]) proxy(nameAndPort string) *rest.Request {
	return k.client.Get().Namespace(k.namespace).Resource(k.resource).Name(nameAndPort).SubResource("proxy")
}

// informer keeps the objects that chosen chooses in view, once it is run.
func (k kind[T]) informer(indexers cache.Indexers, chosen func(*metav1.ListOptions)) cache.SharedIndexInformer {
	return cache.NewSharedIndexInformer(listing{cache.NewFilteredListWatchFromClient(k.client, k.resource, k.namespace, chosen)}, k.fresh(), 0, indexers)
}

// listing has an informer list before it watches. One that lists by watching sleeps
// off refused connections for up to a minute, which no context ends, and tells
// nobody why.
type listing struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is what informers ask for.
func (listing) IsWatchListSemanticsUnSupported() bool { return true }
