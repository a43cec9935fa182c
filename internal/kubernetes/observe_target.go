package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/davit-dev/davit"
)

// observer returns what sees a routing through the front door.
func (r *Router) observer(routing davit.Routing) *observer {
	o := &observer{known: map[string]davit.ReleaseID{}, sticky: r.options.Affinity}
	for _, release := range routing.Releases {
		if address := release.Config.Front.Address; address != "" && (o.door == nil || release.ID == routing.Stable) {
			o.door = newDoor(address)
		}
		o.knows(release.ID)
	}
	d := newDealing(r.scope, r.options, routing, nil)
	if d.check() == nil {
		o.targets = d.targets()
	}
	return o
}

// FrontDoor returns the URL that the Gateway says it answers at. chooses is false
// without a Gateway: then nothing is known of a front door, and no request can choose
// a release by its header.
func (r *Router) FrontDoor(ctx context.Context) (address string, chooses bool, err error) {
	if r.options.Name == "" {
		return "", false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	_, gateway, err := r.doors(ctx)
	if err != nil {
		return "", true, fmt.Errorf("looking for the front door: %w", err)
	}
	address = addressOf(gatewayIn(gateway), r.options.Section)
	if address == "" {
		return "", true, &davit.Error{
			Code: davit.CodeUnavailable, Message: fmt.Sprintf("the Gateway %s does not say where it answers", r.options.key(r.cluster.namespace)),
			Hint: "is it programmed? name its address in davit.yaml: kubernetes: {address: https://…}",
		}
	}
	return address, true, nil
}

// addressOf returns the URL that a Gateway says it answers at, by the listener of
// that name or its first one for HTTP; "" when it does not say.
func addressOf(g *gatewayv1.Gateway, section string) string {
	if g == nil || len(g.Status.Addresses) == 0 {
		return ""
	}
	for _, l := range g.Spec.Listeners {
		scheme := map[gatewayv1.ProtocolType]string{gatewayv1.HTTPProtocolType: "http", gatewayv1.HTTPSProtocolType: "https"}[l.Protocol]
		if scheme != "" && (section == "" || section == string(l.Name)) {
			return scheme + "://" + net.JoinHostPort(g.Status.Addresses[0].Value, strconv.Itoa(int(l.Port)))
		}
	}
	return ""
}

// knows has the observer tell a release's answers: by the Gateway's mark, or by
// the ID that the application itself may tell.
func (o *observer) knows(id davit.ReleaseID) {
	o.known[releaseMark(id)], o.known[string(id)] = id, id
}

// targets are what to ask to see the split, one for each host: a path at which
// every release with a share has a service. A readiness probe asks for nothing that
// could do harm; where no route leads to one, the shortest path that has a route is
// asked for, as the witness does. Of gRPC, a call that does nothing is asked for.
func (d *dealing) targets() []target {
	var all []target
	previews := d.previews()
	for _, host := range d.hosts() {
		if slices.Contains(previews, host) {
			continue
		}
		kind := d.kind(host)
		for _, path := range d.paths(host, kind) {
			if len(d.serving) > 0 && len(d.backends(host, path, d.routing.Split, d.serving...)) == len(d.serving) {
				all = append(all, target{host: strings.Replace(host, "*", "davit", 1), path: path, kind: kind})
				break
			}
		}
	}
	return all
}

// paths are those that may be asked for at a host, the best first.
func (d *dealing) paths(host, kind string) []string {
	prefixes := d.prefixes(host)
	slices.Reverse(prefixes)
	if kind == httpRoute {
		return append(d.readinessPaths(host), prefixes...)
	}
	var calls []string
	for _, prefix := range prefixes {
		if call := harmless(prefix); call != "" {
			calls = append(calls, call)
		}
	}
	return calls
}

// readinessPaths are those at which the front door leads to the readiness probe of
// a service.
func (d *dealing) readinessPaths(host string) []string {
	var paths []string
	for _, id := range d.serving {
		config := d.releases[id].Config
		for _, name := range slices.Sorted(maps.Keys(config.Services)) {
			probe := config.Services[name].Readiness
			if probe != nil && probe.HTTP != nil && probe.HTTP.Port == 0 && serviceAt(config.Routes, host, probe.HTTP.Path) == name {
				paths = append(paths, probe.HTTP.Path)
			}
		}
	}
	return paths
}

// reach takes the door away when nothing answers there, or not in time: a door
// behind a firewall swallows what knocks.
func (o *observer) reach(ctx context.Context) {
	if o.door == nil || len(o.targets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	var err error
	for range strangers {
		if err = o.door.ask(ctx, o.targets[0], "").err; err == nil {
			return
		}
	}
	o.door, o.absent = nil, "the front door cannot be reached from the server: "+err.Error()
}
