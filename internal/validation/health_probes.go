package validation

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/davit-dev/davit"
)

// pathParams are the parameters of a check that asks for one path.
type pathParams struct {
	Path string `json:"path"`
}

func (p *pathParams) check() error { return checkPath(p.Path) }

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return errors.New("a path starts with /")
	}
	return nil
}

// healthProbes are the endpoints that a platform asks. On instances the paths
// of the release's own probes are asked.
func healthProbes() []Check {
	return []Check{
		probeCheck("health.startup", "/startupz", "it says that it has started, at the front door and on every instance",
			func(s davit.Service) *davit.Probe { return s.Startup }),
		probeCheck("health.liveness", "/livez", "it says that it lives, at the front door and on every instance",
			func(s davit.Service) *davit.Probe { return s.Liveness }),
		probeCheck("health.readiness", "/readyz", "it says that it is ready for requests, at the front door and on every instance",
			func(s davit.Service) *davit.Probe { return s.Readiness }),
	}
}

func probeCheck(id, path, proves string, probeOf func(davit.Service) *davit.Probe) Check {
	return define(Check{
		ID: id, Category: Health, Severity: davit.Required, Proves: proves,
		Hint: "look at davit logs; if it answers under another path, set it with: {path: …}",
	}, pathParams{Path: path}, func(ctx context.Context, x *exam, p pathParams) error {
		places, err := x.everywhere(ctx)
		if err != nil {
			return err
		}
		for _, at := range places {
			if err := askProbe(ctx, x, at, p, probeOf); err != nil {
				return err
			}
		}
		return nil
	})
}

// askProbe asks one place. A path that is only a guess, and is not there, says
// nothing.
func askProbe(ctx context.Context, x *exam, at place, p pathParams, probeOf func(davit.Service) *davit.Probe) error {
	path, guess, header := p.Path, !x.configured, http.Header(nil)
	if at.instance != nil && guess {
		probe := probeOf(x.Release.Config.Services[at.instance.Service])
		if probe != nil && probe.HTTP != nil && probe.HTTP.Port == 0 {
			path, guess, header = cmp.Or(probe.HTTP.Path, "/"), false, http.Header{}
			for name, value := range probe.HTTP.Headers {
				header.Set(name, value)
			}
		}
	}
	a, err := x.ask(ctx, at, request{path: path, header: header})
	if err != nil {
		return err
	}
	if guess && absent(a) {
		if at.instance == nil && x.Instances == nil {
			return skip("nothing answers at %s; name the path with: {path: …}", path)
		}
		return nil
	}
	x.expect(a.StatusCode >= 200 && a.StatusCode < 400, a.asked, a.String(), "status 200 to 399")
	return nil
}

// absent reports whether the answer says that there is nothing at the path, or
// nothing for strangers. A page says so too: applications that are made of
// scripts answer any path with one.
func absent(a *answer) bool {
	switch a.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return true
	}
	return a.ok() && strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
}
