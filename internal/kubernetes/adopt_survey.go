package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// survey compares what a namespace has with what a davit.yaml says.
type survey struct {
	plainObjects
	scope     scope
	namespace string
	gateway   GatewayOptions
	config    davit.ReleaseConfig
}

// take returns the application's objects, or what keeps them from being adopted.
func (s *survey) take() (*Plain, error) {
	p := &Plain{scope: s.scope, namespace: s.namespace, deployments: map[string]*appsv1.Deployment{}}
	for i := range s.routes {
		route := &s.routes[i]
		if !s.concerns(route) {
			continue
		}
		if err := s.rules(route, p); err != nil {
			return nil, err
		}
		p.routes = append(p.routes, route)
	}
	if len(p.routes) == 0 {
		return nil, unadoptable(fmt.Sprintf("no HTTPRoute or GRPCRoute in namespace %s leads from Gateway %s to a host of davit.yaml's routes", s.namespace, s.gateway.key(s.namespace)),
			"compare routes: with kubectl get httproutes,grpcroutes; what does not run yet is deployed by davit deploy")
	}
	for _, name := range slices.Sorted(maps.Keys(s.config.Services)) {
		if err := s.service(name, p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// concerns reports whether a route is not Davit's own, and leads from the Gateway to a
// host of the configuration.
func (s *survey) concerns(route *gatewayv1.HTTPRoute) bool {
	attached := slices.ContainsFunc(route.Spec.ParentRefs, func(r gatewayv1.ParentReference) bool {
		key := GatewayOptions{Name: string(r.Name)}
		if r.Namespace != nil {
			key.Namespace = string(*r.Namespace)
		}
		return key.key(s.namespace) == s.gateway.key(s.namespace)
	})
	return attached && scopeOf(route.Labels) == scope{} && slices.ContainsFunc(hostsOf(route), s.serves)
}

// hostsOf returns the patterns of a route's hosts: "" for any.
func hostsOf(route *gatewayv1.HTTPRoute) []string {
	hosts := []string{}
	for _, h := range route.Spec.Hostnames {
		hosts = append(hosts, hostPattern(string(h)))
	}
	if len(hosts) == 0 {
		return []string{""}
	}
	return hosts
}

// serves reports whether davit.yaml has a route for just this host.
func (s *survey) serves(host string) bool {
	return slices.ContainsFunc(s.config.Routes, func(r davit.Route) bool { return hostPattern(r.Host) == host })
}

// rules takes in where a route leads, or says which of its rules davit.yaml has not.
func (s *survey) rules(route *gatewayv1.HTTPRoute, p *Plain) error {
	if err := s.free(route.Kind, route); err != nil {
		return err
	}
	if own := s.gateway.parent(); len(route.Spec.ParentRefs) > 1 || own.SectionName != nil && !sameParent(route.Spec.ParentRefs[0], own, s.namespace) {
		return unadoptable(fmt.Sprintf("%s is attached to more than the Gateway of davit.yaml, or to another listener of it", refOf(route)),
			"detach it from there, or name the listener as gateway: {section: …}")
	}
	for i, rule := range route.Spec.Rules {
		what := fmt.Sprintf("rule %d of %s", i+1, refOf(route))
		if why := beyondDavit(rule, s.gateway.Affinity); why != "" {
			return unadoptable(what+" "+why+", which davit.yaml does not say", "take that out of the route, or do it in the application or in a route of its own")
		}
		prefixes := []string{"/"}
		if len(rule.Matches) > 0 {
			prefixes = nil
		}
		for _, m := range rule.Matches {
			prefix := "/"
			if m.Path != nil && m.Path.Value != nil {
				prefix = *m.Path.Value
			}
			prefixes = append(prefixes, prefix)
		}
		for _, host := range hostsOf(route) {
			for _, prefix := range prefixes {
				name, ok := s.routed(host, prefix)
				if !ok {
					return unadoptable(fmt.Sprintf("%s leads %s%s to Service %s, and davit.yaml has no route for that", what, host, prefix, rule.BackendRefs[0].Name),
						fmt.Sprintf("add it to routes:, as {host: %q, prefix: %s, service: …}", host, prefix))
				}
				if want := kindOf(s.config.Services[name]); want != route.Kind {
					return unadoptable(fmt.Sprintf("%s leads %s%s to %s, which davit.yaml routes by an %s", what, host, prefix, name, want),
						"protocol: grpc of a service means a GRPCRoute, anything else an HTTPRoute")
				}
				if err := s.backend(rule.BackendRefs[0], name, p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// beyondDavit says what a rule does that no davit.yaml can say; "" when there is
// nothing. Davit has users stay itself where affinity is asked for.
func beyondDavit(rule gatewayv1.HTTPRouteRule, affinity bool) string {
	for _, m := range rule.Matches {
		if len(m.Headers) > 0 || len(m.QueryParams) > 0 || m.Method != nil {
			return "matches more than a path"
		}
		if m.Path != nil && m.Path.Type != nil && *m.Path.Type != gatewayv1.PathMatchPathPrefix {
			return "matches a path by " + string(*m.Path.Type)
		}
	}
	switch {
	case len(rule.Filters) > 0:
		return "has filters"
	case rule.Timeouts != nil || rule.Retry != nil:
		return "has timeouts or retries"
	case rule.SessionPersistence != nil && !affinity:
		return "has session persistence"
	case len(rule.BackendRefs) != 1:
		return fmt.Sprintf("leads to %d backends", len(rule.BackendRefs))
	}
	ref := rule.BackendRefs[0]
	if len(ref.Filters) > 0 || ref.Kind != nil && *ref.Kind != "Service" || ref.Namespace != nil || ref.Port == nil {
		return "leads to something else than a Service of the namespace"
	}
	return ""
}

// routed returns the service that davit.yaml has at just this host and prefix.
func (s *survey) routed(host, prefix string) (service string, ok bool) {
	i := slices.IndexFunc(s.config.Routes, func(r davit.Route) bool {
		return hostPattern(r.Host) == host && strings.TrimRight(r.Prefix, "/") == strings.TrimRight(prefix, "/")
	})
	if i < 0 {
		return "", false
	}
	return s.config.Routes[i].Service, true
}

// backend takes in the Deployment behind a Service as that of a service of
// davit.yaml.
func (s *survey) backend(ref gatewayv1.HTTPBackendRef, name string, p *Plain) error {
	i := slices.IndexFunc(s.services, func(v corev1.Service) bool { return v.Name == string(ref.Name) })
	if i < 0 {
		return unadoptable(fmt.Sprintf("there is no Service %s", ref.Name), "mend the route first")
	}
	service := &s.services[i]
	d, err := s.behind(service)
	if err != nil {
		return err
	}
	if other := p.deployments[name]; other != nil && other.Name != d.Name {
		return unadoptable(fmt.Sprintf("Deployments %s and %s both serve what davit.yaml calls %s", other.Name, d.Name, name), "give each of them a service in davit.yaml")
	}
	want := portOf(s.config.Services[name])
	if port := targetPort(service, int32(*ref.Port), d); port != want {
		return unadoptable(fmt.Sprintf("Service %s leads to port %d of its pods, and davit.yaml says %d", service.Name, port, want), fmt.Sprintf("write port: %d", port))
	}
	for other, taken := range p.deployments {
		if other != name && taken.Name == d.Name {
			return unadoptable(fmt.Sprintf("Deployment %s serves what davit.yaml calls %s and %s", d.Name, min(name, other), max(name, other)), "make them one service in davit.yaml")
		}
	}
	if p.deployments[name] == nil {
		p.notes = append(p.notes, fmt.Sprintf("Service %s stays, for those in the cluster who call it: it leads to all pods that carry its labels, %s", service.Name, labels.Set(service.Spec.Selector)))
	}
	p.deployments[name] = d
	return nil
}

// behind returns the one Deployment whose pods a Service leads to.
func (s *survey) behind(service *corev1.Service) (*appsv1.Deployment, error) {
	var found []*appsv1.Deployment
	selector := labels.SelectorFromSet(service.Spec.Selector)
	for i := range s.deployments {
		d := &s.deployments[i]
		if len(service.Spec.Selector) > 0 && scopeOf(d.Labels) == (scope{}) && selector.Matches(labels.Set(d.Spec.Template.Labels)) {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		return nil, unadoptable(fmt.Sprintf("Service %s leads to the pods of %d Deployments, and it takes one", service.Name, len(found)),
			"StatefulSets, DaemonSets and pods without a Deployment cannot be adopted: run them beside Davit")
	}
	return found[0], nil
}

// targetPort returns the port of the pods that a Service's port leads to; 0 when it
// has none.
func targetPort(service *corev1.Service, port int32, d *appsv1.Deployment) int32 {
	for _, p := range service.Spec.Ports {
		switch {
		case p.Port != port:
		case p.TargetPort.Type == intstr.String:
			for _, c := range d.Spec.Template.Spec.Containers {
				for _, named := range c.Ports {
					if named.Name == p.TargetPort.StrVal {
						return named.ContainerPort
					}
				}
			}
		case p.TargetPort.IntVal != 0:
			return p.TargetPort.IntVal
		default:
			return p.Port
		}
	}
	return 0
}

// service checks that a service's Deployment, if it has one, can become a release.
func (s *survey) service(name string, p *Plain) error {
	service, d := s.config.Services[name], p.deployments[name]
	if d == nil && !service.Traffic {
		i := slices.IndexFunc(s.deployments, func(d appsv1.Deployment) bool { return d.Name == name && scopeOf(d.Labels) == scope{} })
		if i < 0 {
			return nil // it is new
		}
		d = &s.deployments[i]
		p.deployments[name] = d
	}
	if d == nil {
		return nil
	}
	if err := s.free("Deployment", d); err != nil {
		return err
	}
	if replicas(d) == 0 {
		return unadoptable(fmt.Sprintf("Deployment %s has no pods", d.Name), "scale it up, or delete it")
	}
	manifest, err := podManifest(d)
	if err != nil {
		return err
	}
	_, container, err := parseManifest(manifest, name)
	if err != nil {
		return unadoptable(fmt.Sprintf("Deployment %s has %d containers, and none is named %s", d.Name, len(d.Spec.Template.Spec.Containers), name), "name the service in davit.yaml as its container")
	}
	if service.Image != "" && service.Image != container.Image {
		return unadoptable(fmt.Sprintf("Deployment %s runs image %s, and davit.yaml says %s", d.Name, container.Image, service.Image), "name the version that runs: davit adopt ENVIRONMENT VERSION")
	}
	return s.beside(name, d, p)
}

// beside looks at what else is there for a Deployment.
func (s *survey) beside(name string, d *appsv1.Deployment, p *Plain) error {
	for _, h := range s.scalers {
		if h.Spec.ScaleTargetRef.Kind != "Deployment" || h.Spec.ScaleTargetRef.Name != d.Name {
			continue
		}
		if s.config.Services[name].Autoscale == nil {
			return unadoptable(fmt.Sprintf("HorizontalPodAutoscaler %s scales Deployment %s, and davit.yaml does not", h.Name, d.Name),
				fmt.Sprintf("add autoscale: {max: %d, …} to service %s", h.Spec.MaxReplicas, name))
		}
		p.notes = append(p.notes, fmt.Sprintf("HorizontalPodAutoscaler %s has nothing to scale afterwards: delete it", h.Name))
	}
	for _, b := range s.budgets {
		if scopeOf(b.Labels) != (scope{}) {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err == nil && selector.Matches(labels.Set(d.Spec.Template.Labels)) {
			p.notes = append(p.notes, fmt.Sprintf("delete PodDisruptionBudget %s: Davit's pods have their own, and the cluster evicts no pod that two of them cover", b.Name))
		}
	}
	return nil
}

// owners are the labels and annotations by which others say that an object is theirs
// to write.
var owners = []struct{ key, tool string }{
	{"meta.helm.sh/release-name", "Helm, by release"},
	{"argocd.argoproj.io/tracking-id", "Argo CD, by application"},
	{"argocd.argoproj.io/instance", "Argo CD, by application"},
	{"helm.toolkit.fluxcd.io/name", "Flux, by HelmRelease"},
	{"kustomize.toolkit.fluxcd.io/name", "Flux, by Kustomization"},
}

// free refuses an object that somebody else would make again, or that is another
// environment's already.
func (s *survey) free(kind string, o metav1.Object) error {
	owner := ""
	for _, by := range owners {
		if value := o.GetAnnotations()[by.key] + o.GetLabels()[by.key]; value != "" && owner == "" {
			owner = by.tool + " " + value
		}
	}
	if refs := o.GetOwnerReferences(); len(refs) > 0 && owner == "" {
		owner = refs[0].Kind + " " + refs[0].Name
	}
	if owner != "" {
		return unadoptable(fmt.Sprintf("%s %s belongs to %s, which would make it again", kind, o.GetName(), owner),
			"take it out of there first, such that it is left running")
	}
	if by := o.GetLabels()[labelAdopting]; by != "" && by != adopting(s.scope) {
		return unadoptable(fmt.Sprintf("%s %s is being adopted by another environment", kind, o.GetName()), "end that first")
	}
	return nil
}
