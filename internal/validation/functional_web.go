package validation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// functionalWeb are what an API owes browsers and strangers.
func functionalWeb() []Check {
	return []Check{
		define(Check{
			ID: "functional.openapi", Category: Functional, Severity: davit.Advisory,
			Proves: "the OpenAPI document is served and is one; or, in production, is not served",
			Hint:   "say what is wanted with: {served: true} or {served: false}",
		}, openapiParams{Path: "/openapi.json"}, openapi),
		define(Check{
			ID: "functional.cors", Category: Functional, Severity: davit.Required,
			Proves: "scripts of foreign sites cannot read answers, and those of the origins that are named can",
			Hint:   "do not send the request's Origin back unseen; name the origins that may with: {allowed: [https://…]}",
		}, corsParams{Path: "/", Allowed: []string{}, Refused: []string{"https://davit-validate.invalid", "null"}}, cors),
		define(Check{
			ID: "functional.error-pages", Category: Functional, Severity: davit.Required,
			Proves: "error pages do not show stack traces",
			Hint:   "answer errors with a sentence and a request ID, and keep the trace in the log",
		}, pathsParams{Paths: []string{nowhere, "/davit-validate%00", "/davit-validate/%2e%2e/%ff", "/?davit-validate=%27%22%3C%25%5B"}}, errorPages),
	}
}

type openapiParams struct {
	Path   string `json:"path"`
	Served *bool  `json:"served,omitempty"` // left out: not in an environment called production
}

func (p *openapiParams) check() error { return checkPath(p.Path) }

var openapiInYAML = regexp.MustCompile(`(?m)^(openapi|swagger): *["']?[23]\.`)

func openapi(ctx context.Context, x *exam, p openapiParams) error {
	a, err := x.get(ctx, x.front(), p.Path)
	if err != nil {
		return err
	}
	isOne := openapiInYAML.Match(a.body)
	if doc, err := a.json(); err == nil {
		object, _ := doc.(map[string]any)
		isOne = (object["openapi"] != nil || object["swagger"] != nil) && object["paths"] != nil
	}
	switch {
	case p.Served != nil && !*p.Served, p.Served == nil && x.Environment == "production":
		x.expect(!a.ok() || !isOne, a.asked, a.String(), "not served")
	case p.Served == nil && absent(a):
		return skip("nothing answers at %s; say where it is with: {path: …}", p.Path)
	default:
		x.expect(a.ok() && isOne, a.asked, a.String(), "an OpenAPI document with its version and paths")
	}
	return nil
}

type corsParams struct {
	Path    string   `json:"path"`
	Allowed []string `json:"allowed"`
	Refused []string `json:"refused"`
}

func (p *corsParams) check() error { return checkPath(p.Path) }

func cors(ctx context.Context, x *exam, p corsParams) error {
	for _, origin := range slices.Concat(p.Allowed, p.Refused) {
		wanted := slices.Contains(p.Allowed, origin)
		for _, r := range []request{
			{path: p.Path, header: http.Header{"Origin": {origin}}},
			{method: http.MethodOptions, path: p.Path, header: http.Header{"Origin": {origin}, "Access-Control-Request-Method": {http.MethodPost}}},
		} {
			a, err := x.ask(ctx, x.front(), r)
			if err != nil {
				return err
			}
			given := a.Header.Get("Access-Control-Allow-Origin")
			asked := a.asked + " from " + origin
			came := headerText("Access-Control-Allow-Origin", a.Header.Values("Access-Control-Allow-Origin"))
			switch {
			case wanted:
				x.expect(given == origin || given == "*", asked, came, origin)
			case len(p.Allowed) > 0:
				x.expect(given != origin && given != "*", asked, came, "another origin, or none")
			default: // what everybody may read is no secret, unless it was asked for with somebody's cookies
				cookies := strings.EqualFold(a.Header.Get("Access-Control-Allow-Credentials"), "true")
				x.expect(given != origin || !cookies, asked, came, "not the origin that asked, with its cookies")
			}
		}
	}
	return nil
}

type pathsParams struct {
	Paths []string `json:"paths"`
}

func (p *pathsParams) check() error {
	if len(p.Paths) == 0 {
		return errors.New("paths cannot be empty")
	}
	for _, path := range p.Paths {
		if err := checkPath(path); err != nil {
			return err
		}
	}
	return nil
}

// trace is what stack traces of a language look like.
type trace struct {
	of      string
	pattern *regexp.Regexp
}

func traces() []trace {
	return []trace{
		{"Go", regexp.MustCompile(`goroutine \d+ \[|\.go:\d+ \+0x`)},
		{"Java", regexp.MustCompile(`\bat [\w$.]+\([\w$]+\.(java|kt|scala):\d+\)`)},
		{"Python", regexp.MustCompile(`Traceback \(most recent call last\)|File "[^"]+", line \d+, in `)},
		{"JavaScript", regexp.MustCompile(`\bat .{1,200}\.(js|ts|mjs|cjs):\d+:\d+`)},
		{".NET", regexp.MustCompile(`\bat [\w.<>]+\(.{0,200}\) in .{1,200}:line \d+`)},
		{"Ruby", regexp.MustCompile(`\.rb:\d+:in [` + "`" + `']`)},
		{"PHP", regexp.MustCompile(`(Fatal error|Warning|Notice)(</b>)?: .{1,300} in (<b>)?/.{1,200}\.php|#\d+ /.{1,200}\.php\(\d+\)`)},
		{"Rust", regexp.MustCompile(`thread '.{1,80}' panicked at|RUST_BACKTRACE`)},
	}
}

func errorPages(ctx context.Context, x *exam, p pathsParams) error {
	known := traces()
	for _, path := range p.Paths {
		a, err := x.get(ctx, x.front(), path)
		if err != nil {
			return err
		}
		shown := ""
		for _, t := range known {
			if found := t.pattern.Find(a.body); found != nil {
				shown = fmt.Sprintf("%s shows a stack trace of %s: %s", a.Status, t.of, found)
				break
			}
		}
		if shown == "" {
			x.expect(true, a.asked, a.Status, "no stack trace")
			continue
		}
		x.expect(false, a.asked, shown, "no stack trace")
	}
	return nil
}
