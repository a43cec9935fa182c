package validation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// runtimeSetup wants instances to be run as the platform's own guides ask for.
func runtimeSetup() []Check {
	return []Check{
		setup("runtime.readonly", "instances cannot write their root file system",
			"set readOnlyRootFilesystem in the manifest, and mount a volume where it writes",
			"root file system", "read-only", func(s *davit.Setup, _ davit.Service) (string, bool) {
				return sayIf(s.ReadOnlyRoot, "read-only", "writable"), s.ReadOnlyRoot
			}),
		setup("runtime.privileges", "instances cannot gain privileges",
			"set allowPrivilegeEscalation: false, and not privileged, in the manifest",
			"privileges", "none that it did not begin with", func(s *davit.Setup, _ davit.Service) (string, bool) {
				return sayIf(s.Unprivileged, "none that it did not begin with", "it may gain more"), s.Unprivileged
			}),
		setup("runtime.resources", "instances have memory and processors kept free for them, and a bound of memory",
			"add resources: {memory: 256Mi, cpu: 500m}",
			"resources", "requests of memory and cpu, and a limit of memory", func(s *davit.Setup, _ davit.Service) (string, bool) {
				came := fmt.Sprintf("requests %d bytes and %dm, limit %d bytes", s.Requests.MemoryBytes, s.Requests.MilliCPU, s.Limits.MemoryBytes)
				return came, s.Requests.MemoryBytes > 0 && s.Requests.MilliCPU > 0 && s.Limits.MemoryBytes > 0
			}),
		setup("runtime.probes", "instances with traffic are asked whether they are ready",
			"add probes: {readiness: {http: /healthz}}",
			"readiness probe", "one", func(s *davit.Setup, service davit.Service) (string, bool) {
				return sayIf(s.Readiness, "one", "none"), s.Readiness || !service.Traffic
			}),
		setup("runtime.image", "instances run an image that is named for good",
			"name the image by its version, as in image: registry.example.org/shop/web:${version}",
			"image", "a digest, or a tag that is not latest", func(s *davit.Setup, _ davit.Service) (string, bool) {
				return s.Image, lasting(s.Image)
			}),
		setup("runtime.budget", "a machine is emptied of instances only while others serve",
			"deploy again, which makes the PodDisruptionBudget",
			"disruption budget", "one", func(s *davit.Setup, _ davit.Service) (string, bool) {
				return sayIf(s.Budgeted, "one", "none"), s.Budgeted
			}),
		define(Check{
			ID: "runtime.spread", Category: Runtime, Severity: davit.Advisory,
			Proves: "the instances of a service are on more than one machine",
			Hint:   "add topologySpreadConstraints to the manifest, and nodes to the cluster",
		}, none{}, spread),
	}
}

// setup returns the check that looks at how each instance is set up.
func setup(id, proves, hint, what, expected string, look func(*davit.Setup, davit.Service) (came string, held bool)) Check {
	return define(Check{
		ID: id, Category: Runtime, Severity: davit.Advisory, Proves: proves, Hint: hint,
	}, none{}, func(ctx context.Context, x *exam, _ none) error {
		instances, err := x.instances(ctx)
		if err != nil {
			return err
		}
		for _, i := range instances {
			if i.Setup != nil {
				came, held := look(i.Setup, x.Release.Config.Services[i.Service])
				x.expect(held, what+" of "+i.ID, came, expected)
			}
		}
		if len(x.evidence) == 0 {
			return skip("the platform does not tell how instances are set up")
		}
		return nil
	})
}

func sayIf(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// lasting reports whether an image's name means the same image tomorrow.
func lasting(image string) bool {
	if strings.Contains(image, "@") {
		return true
	}
	_, tag, tagged := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tagged && tag != "latest"
}

// spread wants a service with several instances to survive the loss of a machine.
func spread(ctx context.Context, x *exam, _ none) error {
	instances, err := x.instances(ctx)
	if err != nil {
		return err
	}
	count, nodes := map[string]int{}, map[string]map[string]bool{}
	for _, i := range instances {
		if i.Setup == nil || i.Setup.Node == "" {
			continue
		}
		if count[i.Service]++; nodes[i.Service] == nil {
			nodes[i.Service] = map[string]bool{}
		}
		nodes[i.Service][i.Setup.Node] = true
	}
	for _, service := range slices.Sorted(maps.Keys(count)) {
		if n := count[service]; n > 1 {
			on := len(nodes[service])
			x.expectf(on > 1, fmt.Sprintf("machines of the %d instances of %s", n, service), "2 or more", "%d", on)
		}
	}
	if len(x.evidence) == 0 {
		return skip("no service has two instances whose machines the platform tells")
	}
	return nil
}
