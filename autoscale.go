package davit

import "maps"

// Autoscale is how a platform chooses the number of a service's instances by
// itself. What a State says of such a service is the least that run; a platform
// never has fewer, and takes away what is beyond only by its own judgement, or
// when there are to be none.
type Autoscale struct {
	Max int `json:"max"` // instances
	// CPU is the use of processors that is aimed at, in percent of what an instance
	// asks for.
	CPU int `json:"cpu"`
}

// Autoscaled reports whether the platform chooses how many instances of a service
// of the release run.
func (r *Release) Autoscaled(service string) bool { return r.Config.Services[service].Autoscale != nil }

// at returns the release as if the present sizes were the full ones of services
// that are autoscaled, within their bounds.
func (r *Release) at(present Size) *Release {
	if r == nil || len(present) == 0 {
		return r
	}
	sized := *r
	sized.Config.Services = maps.Clone(r.Config.Services)
	for name, s := range sized.Config.Services {
		if s.Autoscale != nil {
			s.Replicas = max(s.Replicas, min(present[name], s.Autoscale.Max))
			sized.Config.Services[name] = s
		}
	}
	return &sized
}
