// Package engine runs plans. It converges an environment to one stage after
// another, judges the gates there, and hauls back when one fails. It knows no
// strategy and no platform.
package engine

import (
	"context"
	"net/http"

	"github.com/davit-dev/davit"
)

// Runtime runs the instances of one environment. Implementations are safe for
// concurrent use, and every method returns soon after its context ends.
type Runtime interface {
	// Pin makes the service's artifact immutable (a copy under its digest, an
	// image resolved to its digest) and returns the digest, "sha256:…"; ""
	// for a service without an artifact.
	Pin(ctx context.Context, service davit.Service) (digest string, err error)
	// Declare says how many instances of each service of a release there
	// should be: a service that size does not name, none. It is idempotent
	// and returns when the declaration is recorded, not when it is reached.
	// Instances beyond the size are drained, then stopped.
	Declare(ctx context.Context, release *davit.Release, size davit.Size) error
	// Instances lists all instances of the environment, of every release.
	Instances(ctx context.Context) ([]davit.Instance, error)
	// Watch returns a channel that receives after instances changed; several
	// changes may come as one. It is closed some time after ctx ends.
	Watch(ctx context.Context) <-chan struct{}
}

// Router splits the traffic of one environment between releases. The same
// rules as for Runtime hold.
type Router interface {
	// Routing returns what is in effect, as the data plane itself says; the
	// zero Routing when nothing is routed.
	Routing(ctx context.Context) (davit.Routing, error)
	// Route puts a routing in effect. It returns nil when it is in effect,
	// not when it was asked for. It is idempotent.
	Route(ctx context.Context, routing davit.Routing) error
	// Drain returns when no request to the release is in flight, or when each of
	// its services has come to its DrainLimit, with the number of those that
	// still are.
	Drain(ctx context.Context, release *davit.Release) (remaining int64, err error)
}

// Claimer is a Runtime whose environments other servers reach too, which know nothing
// of this one's rollouts.
type Claimer interface {
	// Claim takes the environment for this server, or says whose it is. It is
	// idempotent. What runs nothing any more is nobody's again.
	Claim(ctx context.Context) error
}

// Carrier is a Runtime whose instances may listen where nobody here can dial them.
type Carrier interface {
	// Carry returns what carries requests to an instance, whose address they name.
	// An error of it that is a *davit.Error says nothing about the instance.
	Carry(davit.Instance) http.RoundTripper
}

// Observer is a Router that says how it knows that the routing it was last asked
// for is in effect, for people.
type Observer interface {
	Effect() string
}

// Checker is a Router that cannot route everything, and says so before a rollout begins.
type Checker interface {
	// Check returns why traffic could not go from one release, nil for none, to another.
	Check(ctx context.Context, from, to *davit.Release) error
}

// Leaser is a Router whose data plane gives up a split by itself when its lease
// (davit.Routing.Lease) is not renewed in time.
type Leaser interface {
	// Renew renews the lease of the split in effect; it does nothing when that
	// has none. When the lease has run out, it returns the split that was in
	// effect until then.
	Renew(ctx context.Context) (lapsed davit.Split, err error)
}

// Metrics tells how the releases of one environment answer.
type Metrics interface {
	// Figures returns the latest cumulative figures.
	Figures(ctx context.Context) (davit.Figures, error)
	// Watch is as Runtime.Watch, for figures.
	Watch(ctx context.Context) <-chan struct{}
}

// Platform is the pair that an environment runs on, with the figures that
// gates judge by.
type Platform struct {
	Runtime Runtime
	Router  Router
	Metrics Metrics
}
