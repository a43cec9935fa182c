package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/davit-dev/davit"
)

// Without a Gateway, the environment has one Service for each service that takes
// traffic. It selects the pods of the release that has all of it; or, when several
// have some, those of all of them: then every pod gets about the same, whatever the
// split says.

// nobody is selected by no pod.
const nobody = "none"

// plainName names the environment's Service of a service.
func plainName(s scope, service string) string {
	return cut(environmentName(s.application, s.environment)+"-"+dnsLabel(service), labelLimit)
}

// plain returns the Service of a service that these releases have, nil when they
// have none. With no release, nothing is selected.
func plain(s scope, service string, note routeNote, releases []*davit.Release) (*corev1.Service, error) {
	var port corev1.ServicePort
	selector := endpoints(map[string]string{labelApplication: s.application, labelEnvironment: s.environment, labelService: service})
	for _, r := range releases {
		its, ok := r.Config.Services[service]
		if !ok || !its.Traffic {
			continue
		}
		if port.Port != 0 && portOf(its) != port.Port {
			return nil, &davit.Error{
				Code: davit.CodeUnsupported, Message: fmt.Sprintf("service %s listens on port %d in one release and %d in the other, and one Service cannot lead to both", service, port.Port, portOf(its)),
				Hint: "keep the port, or have a Gateway split the traffic",
			}
		}
		port = servicePort(its) // of several releases, what the last one speaks
	}
	switch {
	case len(releases) == 1:
		selector[labelRelease] = labelValue(string(releases[0].ID))
	case len(releases) == 0:
		selector[labelRelease], port = nobody, servicePort(davit.Service{})
	}
	if port.Port == 0 {
		return nil, nil
	}
	text, err := json.Marshal(note)
	if err != nil {
		return nil, fmt.Errorf("encoding the routing: %w", err)
	}
	labels := s.labels()
	labels[labelComponent], labels[labelService] = service, service
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Name: plainName(s, service), Labels: labels, Annotations: map[string]string{annotationRouting: string(text)}},
		Spec: corev1.ServiceSpec{
			Selector: selector,
			Ports:    []corev1.ServicePort{port},
		},
	}, nil
}

// shows reports whether a Service is in view as it was applied.
func (r *Router) shows(applied *corev1.Service) bool {
	return slices.ContainsFunc(r.plainServices(), func(seen *corev1.Service) bool {
		return seen.UID == applied.UID && seen.Annotations[annotationRouting] == applied.Annotations[annotationRouting] &&
			maps.Equal(seen.Spec.Selector, applied.Spec.Selector)
	})
}

// plainServices returns the environment's Services, without those of releases.
func (r *Router) plainServices() []*corev1.Service {
	var found []*corev1.Service
	for _, o := range r.cluster.services.GetIndexer().List() {
		if s, ok := o.(*corev1.Service); ok && scopeOf(s.Labels) == r.scope && s.Annotations[annotationRouting] != "" {
			found = append(found, s)
		}
	}
	return found
}

// routingPlain reads back what the Services select. What several releases get is
// by the numbers of their ready instances.
func (r *Router) routingPlain(ctx context.Context) (davit.Routing, error) {
	if err := r.cluster.ready(ctx); err != nil {
		return davit.Routing{}, err
	}
	routing := davit.Routing{}
	for _, s := range r.plainServices() {
		var note routeNote
		if json.Unmarshal([]byte(s.Annotations[annotationRouting]), &note) != nil {
			continue
		}
		routing.Stable, routing.Candidate = note.Stable, note.Candidate
		only, one := s.Spec.Selector[labelRelease]
		routing.Split = r.numbers()
		for id := range note.Split {
			if one && labelValue(string(id)) == only {
				routing.Split = davit.All(id)
			}
		}
		if only == nobody {
			routing.Split = nil
		}
	}
	return routing, nil
}

// numbers is the split that the numbers of ready instances make.
func (r *Router) numbers() davit.Split {
	ready := map[davit.ReleaseID]int64{}
	instances, _ := r.cluster.Runtime(r.scope.application, r.scope.environment).look()
	for _, i := range instances {
		if i.Condition == davit.Ready && i.Address != "" {
			ready[i.Release]++
		}
	}
	return proportional(ready)
}

// Keeps returns the split that a state has in effect: without a Gateway, what the
// numbers of instances make of it.
func (r *Router) Keeps(state davit.State, releases []*davit.Release) davit.Split {
	if r.options.Name != "" || len(state.Split) < 2 {
		return state.Split
	}
	numbers := map[davit.ReleaseID]int64{}
	for _, release := range releases {
		if release == nil {
			continue
		}
		for name, n := range state.Run[release.ID] {
			if release.Config.Services[name].Traffic {
				numbers[release.ID] += int64(n)
			}
		}
	}
	return proportional(numbers)
}

// routePlain has the Services select what is to have traffic.
func (r *Router) routePlain(ctx context.Context, routing davit.Routing) error {
	if err := routing.Split.Check(); err != nil {
		return &davit.Error{Code: davit.CodeInvalid, Message: "the split cannot be routed", Err: err}
	}
	if err := r.checkReady(ctx, routing); err != nil {
		return err
	}
	before, err := r.routingPlain(ctx)
	if err != nil {
		return err
	}
	releases := slices.DeleteFunc(slices.Clone(routing.Releases), func(r *davit.Release) bool { return routing.Split[r.ID] == 0 })
	wanted := routing.Split
	if len(releases) > 1 {
		if wanted = r.numbers(); !maps.EqualFunc(wanted, routing.Split, func(int, int) bool { return true }) {
			return &davit.Error{
				Code: davit.CodeUnsupported, Message: fmt.Sprintf("without a Gateway every ready instance gets traffic, and those of %s are not to", wanted),
				Hint: "wait until they are gone, or name a Gateway",
			}
		}
	}
	services := map[string]bool{}
	for _, s := range r.plainServices() {
		services[s.Labels[labelService]] = true
	}
	for _, release := range releases {
		for name := range release.Config.Services {
			services[name] = true
		}
	}
	r.holdsPlain(nil)
	var held []*corev1.Service
	note := routeNote{Split: routing.Split, Stable: routing.Stable, Candidate: routing.Candidate}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		s, err := plain(r.scope, name, note, releases)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		applied, err := apply(ctx, r.cluster.api.services(), s)
		if err != nil {
			return err
		}
		runtime := r.cluster.Runtime(r.scope.application, r.scope.environment)
		if err := runtime.await(ctx, func() bool { return r.shows(applied) }); err != nil {
			return err
		}
		held = append(held, applied)
	}
	effect, err := r.observer(routing).observe(ctx, before.Split, wanted)
	if err != nil {
		return err
	}
	if len(releases) > 1 {
		effect = fmt.Sprintf("%s by the numbers of instances; %s", wanted, effect)
	}
	r.took(routing.Split, before.Split, effect)
	r.holdsPlain(held)
	return nil
}
