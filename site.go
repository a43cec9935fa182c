package davit

import "reflect"

// Site is where on its platform an environment is, and what the platform has to
// know of it that no release says. The zero Site is a platform's only one.
type Site struct {
	Kubernetes *Kubernetes `json:"kubernetes,omitempty"`
	Flag       *FlagSite   `json:"flag,omitempty"`
}

// Kubernetes is a namespace of a cluster, and how traffic gets into it.
type Kubernetes struct {
	// Kubeconfig is the path of a kubeconfig on the server, Context one of its
	// contexts. When both are empty, a server that runs in a cluster means its own.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`
	// Namespace is where instances run; the context's own when empty.
	Namespace string `json:"namespace,omitempty"`
	// Gateway is what splits the traffic; nil leaves it to the numbers of
	// instances.
	Gateway *Gateway `json:"gateway,omitempty"`
	// Prometheus is the base URL that figures are read from; "" when there is none.
	Prometheus string `json:"prometheus,omitempty"`
	// NodePatience is how long an instance may wait for a node before it counts as
	// failed.
	NodePatience Duration `json:"nodePatience,omitempty"`
	// ProbePatience is how long after its start an instance's readiness probe may
	// fail before it counts as failed; zero leaves that to the deadline.
	ProbePatience Duration `json:"probePatience,omitempty"`
}

// Gateway names a Gateway of the Gateway API.
type Gateway struct {
	Name string `json:"name"`
	// Namespace of the Gateway; the environment's own when empty.
	Namespace string `json:"namespace,omitempty"`
	// Section is the listener; all of them when empty.
	Section string `json:"section,omitempty"`
	// Affinity is how users stay at a release while two have a share: AffinityCookie,
	// or "" for not.
	Affinity string `json:"affinity,omitempty"`
}

// AffinityCookie has the Gateway give every user a cookie that names where they were.
const AffinityCookie = "cookie"

// Equal reports whether both say the same.
func (s Site) Equal(other Site) bool { return reflect.DeepEqual(s, other) }

// Elsewhere reports whether what runs at one site is not to be found at the
// other.
func (s Site) Elsewhere(other Site) bool {
	var a, b Kubernetes
	if s.Kubernetes != nil {
		a = *s.Kubernetes
	}
	if other.Kubernetes != nil {
		b = *other.Kubernetes
	}
	return a.Kubeconfig != b.Kubeconfig || a.Context != b.Context || a.Namespace != b.Namespace
}
