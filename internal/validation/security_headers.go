package validation

import (
	"context"
	"regexp"
	"strings"

	"github.com/davit-dev/davit"
)

// securityHeaders are those that tell browsers what not to do.
func securityHeaders() []Check {
	return []Check{
		headerCheck("security.nosniff", "browsers do not guess content types",
			"send X-Content-Type-Options: nosniff",
			"X-Content-Type-Options: nosniff", func(a *answer) bool {
				return strings.EqualFold(strings.TrimSpace(a.Header.Get("X-Content-Type-Options")), "nosniff")
			}, "X-Content-Type-Options"),
		headerCheck("security.frames", "no foreign page can frame the application",
			"send Content-Security-Policy: frame-ancestors 'none', or 'self'",
			"frame-ancestors in Content-Security-Policy, or X-Frame-Options", framesRefused,
			"Content-Security-Policy", "X-Frame-Options"),
		headerCheck("security.referrer", "addresses are not told to other sites",
			"send Referrer-Policy: strict-origin-when-cross-origin, or stricter",
			"Referrer-Policy that keeps paths to itself", referrerKept, "Referrer-Policy"),
		headerCheck("security.banner", "the server does not tell its software's version",
			"turn off Server tokens, X-Powered-By and the like", "no version of software", noBanner,
			"Server", "X-Powered-By", "X-AspNet-Version", "X-AspNetMvc-Version", "X-Generator"),
	}
}

// headerCheck returns a check on headers of one page. shown are the headers
// that the evidence shows.
func headerCheck(id, proves, hint, expected string, holds func(*answer) bool, shown ...string) Check {
	return define(Check{
		ID: id, Category: Security, Severity: davit.Advisory, Proves: proves, Hint: hint,
	}, pathParams{Path: "/"}, func(ctx context.Context, x *exam, p pathParams) error {
		a, err := x.get(ctx, x.front(), p.Path)
		if err != nil {
			return err
		}
		var came []string
		for _, name := range shown {
			if values := a.Header.Values(name); len(values) > 0 {
				came = append(came, headerText(name, values))
			}
		}
		if len(came) == 0 {
			came = []string{"no " + strings.Join(shown, ", no ")}
		}
		x.expect(holds(a), a.asked, strings.Join(came, "; "), expected)
		return nil
	})
}

func framesRefused(a *answer) bool {
	for _, policy := range a.Header.Values("Content-Security-Policy") {
		for directive := range strings.SplitSeq(policy, ";") {
			words := strings.Fields(strings.ToLower(directive))
			if len(words) >= 2 && words[0] == "frame-ancestors" {
				return words[1] != "*" // the newer header wins over the older one
			}
		}
	}
	switch strings.ToUpper(strings.TrimSpace(a.Header.Get("X-Frame-Options"))) {
	case "DENY", "SAMEORIGIN":
		return true
	}
	return false
}

// referrerKept judges the last policy that is known, as browsers do.
func referrerKept(a *answer) bool {
	kept := false
	for policy := range strings.SplitSeq(strings.Join(a.Header.Values("Referrer-Policy"), ","), ",") {
		switch strings.ToLower(strings.TrimSpace(policy)) {
		case "no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin":
			kept = true
		case "unsafe-url", "no-referrer-when-downgrade":
			kept = false
		}
	}
	return kept
}

var versionNumber = regexp.MustCompile(`\d+\.\d|/\d`)

func noBanner(a *answer) bool {
	for _, name := range []string{"X-Powered-By", "X-AspNet-Version", "X-AspNetMvc-Version"} {
		if a.Header.Get(name) != "" {
			return false
		}
	}
	return !versionNumber.MatchString(a.Header.Get("Server")) && !versionNumber.MatchString(a.Header.Get("X-Generator"))
}
