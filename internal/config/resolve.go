package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/davit-dev/davit"
)

// resolver turns a document into what the domain knows, for one environment,
// and checks what no single value can tell.
type resolver struct {
	*reader
	folder string // absolute, of davit.yaml
	disk   bool   // read and look for files

	verifier *CheckVerifier // nil: names and settings of checks are taken as they are

	environment string
	at          position // of the environment
	services    []string
	routes      []davit.Route
	hints       []string
}

func (x *resolver) hint(format string, args ...any) {
	x.hints = append(x.hints, fmt.Sprintf(format, args...))
}

// path returns an absolute path for one that is relative to davit.yaml.
func (x *resolver) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(x.folder, p)
}

// exists tells when the file or folder that an item names is not there. What
// cannot be looked at is left to whoever has to open it.
func (x *resolver) exists(what string, i item[string]) {
	if !x.disk || !i.set {
		return
	}
	if _, err := os.Stat(x.path(i.value)); errors.Is(err, fs.ErrNotExist) {
		x.problem(i.at, "build it first, or correct the path", "the %s %s does not exist", what, x.path(i.value))
	}
}

// resolve returns the document as it is in an environment; nil after a problem
// that leaves nothing to check.
func (d *document) resolve(x *resolver, name string) *Resolved {
	declared := entryOf(&d.environments, name)
	if declared == nil {
		return nil
	}
	var env item[environment]
	x.key = name
	object(&env).read(x.reader, declared.value)
	if !env.set {
		return nil
	}
	x.environment, x.at = name, declared.at
	e := &env.value
	d.override(x, e)

	result := &Resolved{
		Application: d.application.value, Environment: name, Platform: e.platform.value, Site: e.site(x),
		Config: davit.ReleaseConfig{Services: map[string]davit.Service{}},
	}
	for i := range d.services.value {
		s := &d.services.value[i]
		x.services = append(x.services, s.name)
		if s.set {
			result.Config.Services[s.name] = s.value.resolve(x, s.name, s.at, e)
		}
	}
	if len(x.services) == 0 && d.services.set {
		x.problem(d.services.at, "", "there is no service")
	}
	result.Config.Routes = d.resolveRoutes(x, e, result.Config.Services)
	x.routes = result.Config.Routes
	result.Config.Front = e.front(x)
	result.Policy = e.policy(x, result.Config)
	result.Hints = x.hints
	return result
}

// override merges the services of the environment into those of the document.
func (d *document) override(x *resolver, e *environment) {
	n := e.services.value
	if n == nil {
		return
	}
	known := make([]string, 0, len(d.services.value))
	for _, s := range d.services.value {
		known = append(known, s.name)
	}
	merged := &node{at: n.at, kind: n.kind, text: n.text, items: n.items}
	for _, entry := range n.entries {
		if !slices.Contains(known, entry.key.text) {
			x.problem(entry.key.at, suggest(entry.key.text, known),
				"environment %s overrides service %q, which does not exist", x.environment, clip(entry.key.text))
			continue
		}
		merged.entries = append(merged.entries, entry)
	}
	x.key = "services"
	positions := d.services.value
	at := make([]position, len(positions))
	for i, s := range positions {
		at[i] = s.at
	}
	tableOf(&d.services, maxServices, label(), object[service]).read(x.reader, merged)
	for i := range at { // what is missing is missing where the service is declared
		d.services.value[i].at = at[i]
	}
}

// resolveRoutes returns the routes of the environment.
func (d *document) resolveRoutes(x *resolver, e *environment, services map[string]davit.Service) []davit.Route {
	declared := d.routes
	if !e.routes.missing() {
		declared = e.routes
	}
	if declared.missing() {
		return d.onlyRoute(x, services)
	}
	var routes []davit.Route
	seen := map[davit.Route]position{}
	for _, i := range declared.value {
		r := i.value
		resolved := davit.Route{Host: r.host.value, Prefix: r.prefix.value, Service: r.service.value}
		if r.service.set {
			x.servesTraffic("a route leads to", r.service, services)
		}
		match := davit.Route{Host: resolved.Host, Prefix: resolved.Prefix}
		if r.host.wrong() || r.prefix.wrong() {
			continue
		}
		if earlier, ok := seen[match]; ok {
			x.problem(i.at, "remove one of the two", "this route matches the same requests as the one in line %d", earlier.line)
		}
		seen[match] = i.at
		routes = append(routes, resolved)
	}
	return routes
}

// onlyRoute leads everything to the only service that takes traffic.
func (d *document) onlyRoute(x *resolver, services map[string]davit.Service) []davit.Route {
	var takers []string
	for _, name := range x.services {
		if services[name].Traffic {
			takers = append(takers, name)
		}
	}
	switch len(takers) {
	case 0:
		return nil
	case 1:
		return []davit.Route{{Prefix: "/", Service: takers[0]}}
	}
	x.problem(d.services.at, "add routes: with - {prefix: /, service: "+takers[0]+"}, or set traffic: false on workers",
		"%s take traffic, and there are no routes that say which requests go where", andWords(takers))
	return nil
}

// servesTraffic checks a reference to a service that gets requests.
func (x *resolver) servesTraffic(who string, ref item[string], services map[string]davit.Service) {
	s, ok := services[ref.value]
	switch {
	case !ok && slices.Contains(x.services, ref.value): // it could not be read, and that was told
	case !ok:
		x.problem(ref.at, suggest(ref.value, x.services), "%s service %q, which does not exist", who, ref.value)
	case !s.Traffic:
		x.problem(ref.at, "remove traffic: false from the service, or name another one", "%s service %s, which takes no traffic", who, ref.value)
	case s.Replicas == 0:
		x.problem(ref.at, "give it 1 replica or more", "%s service %s, which has 0 replicas in %s", who, ref.value, x.environment)
	}
}
