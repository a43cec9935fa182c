package validation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// journey is several requests of one user, who keeps cookies and remembers
// values.
type journey struct {
	Name  string `json:"name"`
	Steps []step `json:"steps"`
}

// step is an exchange of a journey. {{name}} in its path, headers and body
// stands for a value that was captured before.
type step struct {
	exchange
	// Capture maps names to where the value is: json:PATH, header:NAME,
	// cookie:NAME, or body:EXPRESSION whose first group it is.
	Capture map[string]string `json:"capture,omitempty"`
}

type journeysParams struct {
	Journeys []journey `json:"journeys"`
}

var captureName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func (p *journeysParams) check() error {
	p.Journeys = slices.Clone(p.Journeys)
	for i := range p.Journeys {
		j := &p.Journeys[i]
		if len(j.Steps) == 0 {
			return fmt.Errorf("journey %q has no steps", j.Name)
		}
		j.Steps = slices.Clone(j.Steps)
		for n := range j.Steps {
			if err := j.Steps[n].check(); err != nil {
				return fmt.Errorf("journey %q, step %d: %w", j.Name, n+1, err)
			}
		}
	}
	return nil
}

func (s *step) check() error {
	for name, source := range s.Capture {
		if !captureName.MatchString(name) {
			return fmt.Errorf("%q is no name for a captured value", name)
		}
		if _, err := captor(source); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(s.Path, "{{") { // the start may be captured too
		return s.exchange.check()
	}
	return s.compile()
}

// functionalJourneys go where users go.
func functionalJourneys() []Check {
	return []Check{define(Check{
		ID: "functional.journeys", Category: Functional, Severity: davit.Required, Timeout: 4 * defaultTimeout,
		Proves: "scripted journeys, with their cookies and captured values, arrive",
		Hint:   "the evidence shows the step that went wrong",
	}, journeysParams{Journeys: []journey{}}, func(ctx context.Context, x *exam, p journeysParams) error {
		if len(p.Journeys) == 0 {
			return skip("no journey is described; describe one with: {journeys: [{name: …, steps: [{path: …}]}]}")
		}
		for _, j := range p.Journeys {
			if err := j.travel(ctx, x); err != nil {
				return fmt.Errorf("journey %s: %w", j.Name, err)
			}
		}
		x.summarize("%d journeys arrived", len(p.Journeys))
		return nil
	})}
}

// travel takes the steps until one does not hold.
func (j *journey) travel(ctx context.Context, x *exam) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	values := map[string]string{}
	for n, s := range j.Steps {
		r, at := s.filled(values), x.front()
		target, err := at.url(r.path)
		if err != nil {
			return fmt.Errorf("step %d: %w", n+1, err)
		}
		var cookies []string
		for _, c := range jar.Cookies(target) {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		if len(cookies) > 0 {
			r.header.Set("Cookie", strings.Join(cookies, "; "))
		}
		a, err := x.ask(ctx, at, r)
		if err != nil {
			return fmt.Errorf("step %d: %w", n+1, err)
		}
		jar.SetCookies(target, a.Cookies())
		if !s.judge(x, a) {
			return nil
		}
		for _, name := range slices.Sorted(maps.Keys(s.Capture)) {
			capture, err := captor(s.Capture[name])
			if err != nil {
				return err
			}
			value, ok := capture(a)
			if !ok {
				x.expect(false, a.asked, a.String(), name+" from "+s.Capture[name])
				return nil
			}
			values[name] = value
		}
	}
	return nil
}

// filled returns the request with captured values in their places.
func (s *step) filled(values map[string]string) request {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, "{{"+name+"}}", values[name])
	}
	fill := strings.NewReplacer(pairs...).Replace
	r := s.request()
	r.path, r.body = fill(r.path), fill(r.body)
	for name := range r.header {
		r.header.Set(name, fill(r.header.Get(name)))
	}
	return r
}

// captor returns what reads a value from an answer.
func captor(source string) (func(*answer) (string, bool), error) {
	kind, what, _ := strings.Cut(source, ":")
	switch kind {
	case "header":
		return func(a *answer) (string, bool) { v := a.Header.Get(what); return v, v != "" }, nil
	case "cookie":
		return func(a *answer) (string, bool) {
			i := slices.IndexFunc(a.Cookies(), func(c *http.Cookie) bool { return c.Name == what })
			if i < 0 {
				return "", false
			}
			return a.Cookies()[i].Value, true
		}, nil
	case "body":
		expression, err := regexp.Compile(what)
		if err == nil && expression.NumSubexp() == 0 {
			err = errors.New("it has no group")
		}
		if err != nil {
			return nil, fmt.Errorf("the expression %q: %w", what, err)
		}
		return func(a *answer) (string, bool) {
			found := expression.FindSubmatch(a.body)
			if found == nil {
				return "", false
			}
			return string(found[1]), true
		}, nil
	case "json":
		path, err := parsePath(what)
		if err != nil {
			return nil, err
		}
		return func(a *answer) (string, bool) {
			doc, err := a.json()
			if err != nil {
				return "", false
			}
			value := path.First(doc)
			if text, ok := value.(string); ok {
				return text, true
			}
			return valueText(value), value != nil
		}, nil
	}
	return nil, fmt.Errorf("%q does not begin with json:, header:, cookie: or body:, and so does not say where the value is", source)
}
