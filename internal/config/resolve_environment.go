package config

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// front returns the front door of the environment.
func (e *environment) front(x *resolver) davit.Front {
	l := e.limits.value
	front := davit.Front{
		Preview: davit.Preview{Hosts: items(e.preview.value.hosts), Allow: items(e.preview.value.allow)},
		Limits: davit.Limits{
			HeaderBytes: l.headerBytes.value, BodyBytes: l.bodyBytes.value, HeaderTimeout: l.headerTimeout.value,
			IdleTimeout: l.idleTimeout.value, ResponseTimeout: l.responseTimeout.value, Connections: l.connections.value,
		},
		TrustedProxies: items(e.trustedProxies), AccessLog: e.accessLog.value,
		Address: e.kubernetes.value.address.value,
	}
	e.checkPreview(x)
	if (e.listen.missing() || e.listen.set && len(e.listen.value) == 0) && len(x.routes) > 0 && e.platform.value == platformProcess {
		x.problem(x.at, `add listen: [":8080"]`, "environment %s has routes and listens nowhere", x.environment)
	}
	seen := map[string]bool{}
	for _, i := range e.listen.value {
		front.Listen = append(front.Listen, i.value.resolve(x, i.at))
		if address := i.value.address; address.set && seen[address.value] {
			x.problem(address.at, "remove one of the two", "%s is listened on twice", address.value)
		}
		seen[i.value.address.value] = true
	}
	return front
}

// resolve returns the listener, with absolute paths.
func (l *listener) resolve(x *resolver, at position) davit.Listener {
	resolved := davit.Listener{Address: l.address.value}
	switch {
	case l.cert.set && !l.key.set:
		x.problem(at, "add key: and the file of its private key", "the listener has a certificate and no key")
	case l.key.set && !l.cert.set:
		x.problem(at, "add cert: and the file of its certificate", "the listener has a key and no certificate")
	}
	x.exists("certificate", l.cert)
	x.exists("key", l.key)
	if l.cert.set {
		resolved.Cert = x.path(l.cert.value)
	}
	if l.key.set {
		resolved.Key = x.path(l.key.value)
	}
	return resolved
}

// checkPreview checks that a preview's host is nobody else's.
func (e *environment) checkPreview(x *resolver) {
	seen := map[string]bool{}
	for _, h := range e.preview.value.hosts.value {
		if seen[h.value] {
			x.problem(h.at, "remove one of the two", "the preview host %s is named twice", h.value)
		}
		seen[h.value] = true
		for _, r := range x.routes {
			if r.Host == h.value {
				x.problem(h.at, "give the preview a host of its own, such as next."+h.value,
					"the preview host %s is the host of a route too, so everybody would get the candidate", h.value)
				break
			}
		}
	}
}

// items returns the values of a sequence, nil when it is empty.
func items[T any](s sequence[T]) []T {
	var values []T
	for _, i := range s.value {
		values = append(values, i.value)
	}
	return values
}

// policy returns how the environment is deployed to.
func (e *environment) policy(x *resolver, config davit.ReleaseConfig) davit.Policy {
	policy := davit.Policy{
		Strategy: e.strategy.value.resolve(x), Gates: e.resolveGates(x, config.Services), Holds: e.holds(x), Freezes: e.resolveFreezes(x),
		Deadline: e.deadline.value, Patience: e.patience.value,
		RollbackWindow: e.rollbackWindow.value, OnInterrupt: e.onInterrupt.value, OnDrift: e.onDrift.value,
		Witness: e.witness.value.resolve(),
	}
	if len(policy.Gates) == 0 {
		x.hint("environment %s has no gates, so that only an instance that does not become ready can stop a bad release: add gates: [{errors: {max: 1%%}}]", x.environment)
	}
	if policy.RollbackWindow == 0 {
		x.hint("the rollbackWindow of %s is 0, so that going back after promotion has to start the old release first", x.environment)
	}
	if len(x.problems) == 0 {
		e.checkPlan(x, policy, config)
	}
	return policy
}

// checkPlan computes the plan of a deployment from one release to the next, and
// checks that it can keep its own deadline.
func (e *environment) checkPlan(x *resolver, policy davit.Policy, config davit.ReleaseConfig) {
	stable := &davit.Release{ID: "stable", Config: config}
	target := &davit.Release{ID: "candidate", Config: config}
	plan, err := davit.NewPlan(stable, target, policy)
	if err != nil {
		x.problem(x.or(e.strategy.at), "", "environment %s: %s", x.environment, err)
		return
	}
	if least := plan.Least(); least >= policy.Deadline.D() {
		x.problem(x.or(e.deadline.at), fmt.Sprintf("set deadline: to more than %s, or bake shorter", davit.Duration(least)),
			"the deadline of %s is %s, and the bakes of its %s strategy alone take %s",
			x.environment, policy.Deadline, policy.Strategy.Kind, davit.Duration(least))
	}
}

// or returns at, or the environment's position for what was not given.
func (x *resolver) or(at position) position {
	if at == (position{}) {
		return x.at
	}
	return at
}

// resolve returns the strategy with the options of its kind.
func (s *strategy) resolve(x *resolver) davit.Strategy {
	switch resolved := (davit.Strategy{Kind: s.kind()}); resolved.Kind {
	case davit.KindCanary:
		resolved.Canary = s.canary.value.resolve(x)
		return resolved
	case davit.KindRolling:
		resolved.Rolling = s.rolling.value.resolve(x, s.rolling.at)
		return resolved
	default:
		resolved.BlueGreen = davit.BlueGreenOptions{Bake: s.blueGreen.value.bake.value}
		return resolved
	}
}

func (c *canary) resolve(x *resolver) davit.CanaryOptions {
	options := davit.CanaryOptions{DynamicStableScale: c.dynamic.value}
	last := 0
	for _, i := range c.steps.value {
		s := i.value
		bake := c.bake.value
		if s.bake.set {
			bake = s.bake.value
		}
		if s.weight.set && s.weight.value <= last {
			x.problem(s.weight.at, "", "the step of %s is not more than %s before it", davit.Percent(s.weight.value), davit.Percent(last))
		}
		last = s.weight.value
		options.Steps = append(options.Steps, davit.CanaryStep{Weight: s.weight.value, Bake: bake})
	}
	if n := len(c.steps.value); c.steps.set && n == 0 {
		x.problem(c.steps.at, "write [1, 5, 25, 50, 100], or leave steps out", "there are no steps")
	} else if c.steps.set && last != davit.Whole && c.steps.value[n-1].value.weight.set {
		x.problem(c.steps.value[n-1].at, "let the last step be 100", "the steps end at %s, so that the candidate would never be promoted", davit.Percent(last))
	}
	return options
}

func (r *rolling) resolve(x *resolver, at position) davit.RollingOptions {
	none := davit.Amount{}
	if r.maxSurge.value == none && r.maxUnavailable.value == none {
		x.problem(x.or(at), "set maxSurge: 1", "rolling with maxSurge 0 and maxUnavailable 0 could never replace an instance")
	}
	if r.batch.value == none {
		x.problem(x.or(r.batch.at), "set batch: 1", "a batch of 0 replaces nothing")
	}
	return davit.RollingOptions{
		Batch: r.batch.value, MaxSurge: r.maxSurge.value, MaxUnavailable: r.maxUnavailable.value, Bake: r.bake.value,
	}
}
