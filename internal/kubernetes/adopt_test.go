package kubernetes

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// plainWeb is a namespace with one plain application, and the davit.yaml of it.
func plainWeb() *survey {
	labels := map[string]string{"app": "web"}
	return &survey{
		scope: scope{"shop", "production"}, namespace: "shop", gateway: GatewayOptions{Name: "front"},
		config: davit.ReleaseConfig{
			Services: map[string]davit.Service{"web": {Name: "web", Traffic: true, Port: 8000, Image: "example.org/web:v1"}},
			Routes:   []davit.Route{{Host: "shop.example.org", Prefix: "/", Service: "web"}},
		},
		plainObjects: plainObjects{
			deployments: []appsv1.Deployment{{
				ObjectMeta: metav1.ObjectMeta{Name: "web-plain"},
				Spec: appsv1.DeploymentSpec{Replicas: new(int32(4)), Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.org/web:v1", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8000}}}}},
				}},
			}},
			services: []corev1.Service{{
				ObjectMeta: metav1.ObjectMeta{Name: "web"},
				Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http")}}},
			}},
			routes: []gatewayv1.HTTPRoute{{
				TypeMeta:   metav1.TypeMeta{Kind: httpRoute},
				ObjectMeta: metav1.ObjectMeta{Name: "web"},
				Spec: gatewayv1.HTTPRouteSpec{
					CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{Name: "front"}}},
					Hostnames:       []gatewayv1.Hostname{"shop.example.org"},
					Rules:           []gatewayv1.HTTPRouteRule{{BackendRefs: []gatewayv1.HTTPBackendRef{backendTo("web")}}},
				},
			}},
		},
	}
}

// A GRPCRoute is taken over by a service that speaks gRPC alone.
func TestSurveyOfCalls(t *testing.T) {
	for method, prefix := range map[*gatewayv1.GRPCMethodMatch]string{
		nil:                           "/",
		{Service: new("shop.Orders")}: "/shop.Orders",
		{Service: new("shop.Orders"), Method: new("Place"), Type: new(gatewayv1.GRPCMethodMatchExact)}: "/shop.Orders/Place",
	} {
		s := plainWeb()
		calls := callsOf(&s.routes[0])
		calls.Spec.Rules[0].Matches = []gatewayv1.GRPCRouteMatch{{Method: method}}
		s.routes[0] = *routeOf(calls)
		s.config.Routes[0].Prefix = prefix
		if _, err := s.take(); davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "which davit.yaml routes by an HTTPRoute") {
			t.Errorf("%s: without protocol: grpc: %v", prefix, err)
		}
		web := s.config.Services["web"]
		web.Protocol = davit.ProtocolGRPC
		s.config.Services["web"] = web
		p, err := s.take()
		if err != nil || len(p.routes) != 1 || !strings.Contains(strings.Join(p.Steps("v1"), "\n"), "GRPCRoute web") {
			t.Errorf("%s: %v", prefix, err)
		}
		calls.Spec.Rules[0].Matches = []gatewayv1.GRPCRouteMatch{{Method: &gatewayv1.GRPCMethodMatch{Method: new("Place")}}}
		s.routes[0] = *routeOf(calls)
		if _, err := s.take(); davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), "matches a path by RegularExpression") {
			t.Errorf("%s: a method of any service: %v", prefix, err)
		}
	}
}

func backendTo(service string) gatewayv1.HTTPBackendRef {
	return gatewayv1.HTTPBackendRef{BackendRef: gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{
		Name: gatewayv1.ObjectName(service), Port: new(gatewayv1.PortNumber(80)),
	}}}
}

func TestSurvey(t *testing.T) {
	s := plainWeb()
	p, err := s.take()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.routes) != 1 || p.deployments["web"] == nil {
		t.Fatalf("found %d routes and %v", len(p.routes), p.deployments)
	}
	config, err := p.Config(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if n := config.Services["web"].Replicas; n != 4 {
		t.Errorf("the release has %d pods, want the 4 of the Deployment", n)
	}
	template, container, err := parseManifest(config.Services["web"].Manifest, "web")
	if err != nil || template.Labels["app"] != "web" || container.Name != "main" {
		t.Errorf("the release's template is %+v (%v), want the Deployment's", template, err)
	}
	if s.config.Services["web"].Replicas != 0 {
		t.Error("the configuration that was asked with has changed")
	}
}

func TestSurveyRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*survey)
		want   string
	}{
		{"no route", func(s *survey) { s.routes = nil }, "no HTTPRoute or GRPCRoute in namespace shop"},
		{"another gateway", func(s *survey) { s.gateway.Name = "other" }, "no HTTPRoute or GRPCRoute in namespace shop"},
		{"filters", func(s *survey) { s.routes[0].Spec.Rules[0].Filters = []gatewayv1.HTTPRouteFilter{{}} }, "rule 1 of HTTPRoute web has filters"},
		{"a header", func(s *survey) {
			s.routes[0].Spec.Rules[0].Matches = []gatewayv1.HTTPRouteMatch{{Headers: []gatewayv1.HTTPHeaderMatch{{}}}}
		}, "matches more than a path"},
		{"an unknown path", func(s *survey) {
			s.routes[0].Spec.Rules[0].Matches = []gatewayv1.HTTPRouteMatch{{Path: pathMatch("/admin")}}
		}, "davit.yaml has no route for that"},
		{"another Gateway's too", func(s *survey) {
			s.routes[0].Spec.ParentRefs = append(s.routes[0].Spec.ParentRefs, gatewayv1.ParentReference{Name: "internal"})
		}, "attached to more than the Gateway"},
		{"another listener", func(s *survey) { s.gateway.Section = "https" }, "another listener"},
		{"two services", func(s *survey) {
			s.config.Services["api"] = davit.Service{Name: "api", Traffic: true, Port: 8000}
			s.config.Routes = append(s.config.Routes, davit.Route{Host: "shop.example.org", Prefix: "/api", Service: "api"})
			s.routes[0].Spec.Rules = append(s.routes[0].Spec.Rules, gatewayv1.HTTPRouteRule{
				Matches: []gatewayv1.HTTPRouteMatch{{Path: pathMatch("/api")}}, BackendRefs: []gatewayv1.HTTPBackendRef{backendTo("web")},
			})
		}, "Deployment web-plain serves what davit.yaml calls api and web"},
		{"two backends", func(s *survey) {
			s.routes[0].Spec.Rules[0].BackendRefs = append(s.routes[0].Spec.Rules[0].BackendRefs, backendTo("old"))
		}, "leads to 2 backends"},
		{"no Deployment", func(s *survey) { s.deployments = nil }, "the pods of 0 Deployments"},
		{"no pods", func(s *survey) { s.deployments[0].Spec.Replicas = new(int32(0)) }, "has no pods"},
		{"another port", func(s *survey) { s.services[0].Spec.Ports[0].TargetPort = intstr.FromInt32(9000) }, "leads to port 9000"},
		{"another image", func(s *survey) { s.deployments[0].Spec.Template.Spec.Containers[0].Image = "example.org/web:v0" }, "runs image example.org/web:v0"},
		{"several containers", func(s *survey) {
			pod := &s.deployments[0].Spec.Template.Spec
			pod.Containers = append(pod.Containers, corev1.Container{Name: "sidecar"})
		}, "has 2 containers, and none is named web"},
		{"Helm", func(s *survey) {
			s.deployments[0].Annotations = map[string]string{"meta.helm.sh/release-name": "shop"}
		}, "Deployment web-plain belongs to Helm, by release shop"},
		{"an owner", func(s *survey) {
			s.routes[0].OwnerReferences = []metav1.OwnerReference{{Kind: "Shop", Name: "main"}}
		}, "HTTPRoute web belongs to Shop main"},
		{"another environment's", func(s *survey) {
			s.routes[0].Labels = map[string]string{labelAdopting: adopting(scope{"shop", "staging"})}
		}, "adopted by another environment"},
		{"an autoscaler", func(s *survey) {
			s.scalers = []autoscalingv2.HorizontalPodAutoscaler{{
				ObjectMeta: metav1.ObjectMeta{Name: "web"},
				Spec:       autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "web-plain"}, MaxReplicas: 9},
			}}
		}, "HorizontalPodAutoscaler web scales Deployment web-plain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := plainWeb()
			test.change(s)
			_, err := s.take()
			if davit.ErrorCode(err) != davit.CodeRefused || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the survey says %v, want a refusal with %q", err, test.want)
			}
		})
	}
}
