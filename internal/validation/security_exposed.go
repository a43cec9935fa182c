package validation

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"

	"github.com/davit-dev/davit"
)

// exposure is a path under which something is served that is nobody's business,
// told by what it looks like: many applications answer any path with a page.
type exposure struct {
	path  string
	looks *regexp.Regexp
}

// securityExposed look for what was never meant to be served.
func securityExposed() []Check {
	looks := regexp.MustCompile
	return []Check{
		exposedCheck("security.exposed-git", "the repository is not served", "do not copy .git into what is deployed",
			exposure{"/.git/HEAD", looks(`^(ref: refs/|[0-9a-f]{40}\b)`)}, exposure{"/.git/config", looks(`\[core\]`)}),
		exposedCheck("security.exposed-env", "files with settings and secrets are not served", "serve a folder of its own, not the one that the program runs in; change the secrets",
			exposure{"/.env", looks(`(?m)^(export )?[A-Z][A-Z0-9_]*=`)}, exposure{"/.env.production", looks(`(?m)^(export )?[A-Z][A-Z0-9_]*=`)},
			exposure{"/.aws/credentials", looks(`aws_access_key_id`)}, exposure{"/.npmrc", looks(`_authToken`)}),
		exposedCheck("security.exposed-debug", "profiles, diagnostics and consoles are not served", "serve them on another port, that the public does not reach",
			exposure{"/debug/pprof/", looks(`(?i)goroutine|/debug/pprof`)}, exposure{"/debug/vars", looks(`"memstats"`)},
			exposure{"/actuator", looks(`"_links"`)}, exposure{"/actuator/env", looks(`"propertySources"`)},
			exposure{"/server-status", looks(`Apache Server Status`)}, exposure{"/phpinfo.php", looks(`(?i)phpinfo\(\)`)}),
		exposedCheck("security.exposed-metrics", "metrics are not served at the public address", "serve them to those who ask an instance itself, or on another port",
			exposure{"/metrics", looks(`(?m)^# (TYPE|HELP) `)}, exposure{"/actuator/prometheus", looks(`(?m)^# (TYPE|HELP) `)}),
	}
}

func exposedCheck(id, proves, hint string, exposures ...exposure) Check {
	return define(Check{
		ID: id, Category: Security, Severity: davit.Required, Proves: proves, Hint: hint,
	}, alsoParams{Also: []string{}}, func(ctx context.Context, x *exam, p alsoParams) error {
		all := slices.Clone(exposures)
		for _, path := range p.Also {
			all = append(all, exposure{path, regexp.MustCompile("")})
		}
		for _, e := range all {
			a, err := x.get(ctx, x.front(), e.path)
			if err != nil {
				return err
			}
			came := a.Status
			exposed := a.ok() && e.looks.Match(a.body)
			if exposed {
				came += ", and it looks like it" // what it says stays out of the evidence
			}
			x.expect(!exposed, a.asked, came, "not served")
		}
		return nil
	})
}

type alsoParams struct {
	Also []string `json:"also"` // further paths, none of which is to succeed
}

func (p *alsoParams) check() error {
	for _, path := range p.Also {
		if err := checkPath(path); err != nil {
			return err
		}
	}
	return nil
}

// securityTrace wants nobody to answer TRACE with the request's own header: that
// tells scripts the cookies that they cannot see.
func securityTrace() []Check {
	return []Check{define(Check{
		ID: "security.trace", Category: Security, Severity: davit.Required,
		Proves: "TRACE does not send the header of the request back",
		Hint:   "answer TRACE with 405",
	}, pathParams{"/"}, func(ctx context.Context, x *exam, p pathParams) error {
		secret := newRequestID()
		a, err := x.ask(ctx, x.front(), request{method: http.MethodTrace, path: p.Path, header: http.Header{"Davit-Validate": {secret}}})
		if err != nil {
			return err
		}
		x.expect(!bytes.Contains(a.body, []byte(secret)), a.asked, a.String(), "status 405, or nothing of the request")
		return nil
	})}
}
