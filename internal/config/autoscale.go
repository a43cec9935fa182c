package config

import "github.com/davit-dev/davit"

// autoscale lets a cluster choose the number of a service's instances.
type autoscale struct {
	most item[int]
	cpu  item[int]
}

func (*autoscale) about() about {
	return about{name: "autoscaling", doc: "How a cluster chooses the number of instances, with a HorizontalPodAutoscaler that " +
		"follows the releases. `replicas` is the least."}
}

func (a *autoscale) fields() []field {
	return []field{
		{key: "max", into: scalar(&a.most, integer(1, maxReplicas)), required: true, doc: "most instances"},
		{
			key: "cpu", into: scalar(&a.cpu, integer(1, 1000)), initial: "70",
			doc: "use of processors that is aimed at, in percent of what an instance asks for by `resources` or in its manifest",
		},
	}
}

// resolveAutoscale returns the autoscaling of a service; nil when its size is fixed.
func (s *service) resolveAutoscale(x *resolver, name string, e *environment) *davit.Autoscale {
	a := s.autoscale.value
	switch {
	case !s.autoscale.set:
		return nil
	case e.platform.value != platformKubernetes:
		x.problem(s.autoscale.at, "remove it, or put it under the services: of an environment on a cluster",
			"the platform of %s is %s, which does not choose the number of instances", x.environment, e.platform.value)
	case s.replicas.value < 1:
		x.problem(s.autoscale.at, "set replicas: to 1 or more", "service %s has no replicas, and an autoscaler cannot start from none", name)
	case a.most.value < s.replicas.value:
		x.problem(a.most.at, "", "service %s has at least its %d replicas, so max cannot be %d", name, s.replicas.value, a.most.value)
	case s.resources.value.cpu.missing() && s.manifest.missing():
		x.problem(s.autoscale.at, "add resources: {cpu: 500m}", "service %s asks for no processors, and autoscaling goes by how much of them is used", name)
	}
	return &davit.Autoscale{Max: a.most.value, CPU: a.cpu.value}
}
