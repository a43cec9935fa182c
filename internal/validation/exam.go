package validation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/davit-dev/davit"
)

// Evidence is one thing that was looked at.
type Evidence struct {
	Asked    string `json:"asked"`
	Came     string `json:"came"`
	Expected string `json:"expected"`
	Held     bool   `json:"held"` // what came is what was expected
}

// exam is one try of one check: what it may look at, and what it saw.
type exam struct {
	*Target
	base       *url.URL // of Target.URL
	transports *transports
	configured bool // the check has parameters of its own

	mu       sync.Mutex
	evidence []Evidence
	summary  string
}

// The evidence that a check keeps at most: reports go into the journal. What did
// not hold comes first when it is cut.
const (
	evidenceLimit  = 30
	evidenceOfPass = 6
)

// expect keeps evidence and returns whether it held.
func (x *exam) expect(held bool, asked, came, expected string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.evidence = append(x.evidence, Evidence{Asked: clip(asked), Came: clip(came), Expected: clip(expected), Held: held})
	return held
}

// expectf is expect for what is composed of figures.
func (x *exam) expectf(held bool, asked, expected, came string, args ...any) bool {
	return x.expect(held, asked, fmt.Sprintf(came, args...), expected)
}

// summarize says in a sentence what a pass rests on.
func (x *exam) summarize(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.summary = fmt.Sprintf(format, args...)
}

// skipped is why a check does not apply.
type skipped string

func (s skipped) Error() string { return string(s) }

func skip(format string, args ...any) error { return skipped(fmt.Sprintf(format, args...)) }

// unknowable is why nothing can be said about the application: Davit itself, or
// what it runs on, does not answer.
type unknowable struct{ error }

func (u unknowable) Unwrap() error { return u.error }

// failure is an answer that did not come.
type failure struct{ asked, came string }

func (f failure) Error() string { return f.asked + ": " + f.came }

// place is an address that a check asks.
type place struct {
	name     string // for people
	base     *url.URL
	host     string // asked for, when it is another than base's
	header   http.Header
	managed  bool
	h2c      bool
	instance *davit.Instance // nil at the front door
	carried  bool            // by Target.Carry
}

// url returns the address of a path at the place.
func (p *place) url(path string) (*url.URL, error) {
	u, err := p.base.Parse(strings.TrimSuffix(p.base.Path, "/") + path)
	if err != nil {
		return nil, fmt.Errorf("the path %q: %w", clip(path), err)
	}
	if u.Host != p.base.Host || u.Scheme != p.base.Scheme { // such as //elsewhere
		return nil, fmt.Errorf("the path %q leads to another server", clip(path))
	}
	return u, nil
}

// front is where users come in.
func (x *exam) front() place {
	return place{name: x.base.Host, base: x.base, host: x.Host, header: x.Header, managed: x.Managed}
}

// instances lists the release's instances that are not leaving.
func (x *exam) instances(ctx context.Context) ([]davit.Instance, error) {
	return x.instancesOf(ctx, func(id davit.ReleaseID) bool { return x.Release != nil && id == x.Release.ID })
}

func (x *exam) instancesOf(ctx context.Context, wanted func(davit.ReleaseID) bool) ([]davit.Instance, error) {
	if x.Instances == nil {
		return nil, skip("a URL alone does not tell its instances")
	}
	all, err := x.Instances(ctx)
	if err != nil {
		return nil, unknowable{fmt.Errorf("listing the instances: %w", err)}
	}
	var of []davit.Instance
	for _, i := range all {
		if wanted(i.Release) && i.Condition != davit.Draining {
			of = append(of, i)
		}
	}
	return of, nil
}

// addressed returns the release's ready instances that can be asked.
func (x *exam) addressed(ctx context.Context) ([]place, error) {
	all, err := x.instances(ctx)
	var places []place
	for _, i := range all {
		if i.Address != "" && i.Condition == davit.Ready {
			places = append(places, x.at(i))
		}
	}
	return places, err
}

// at returns the place of an instance. It is asked as Davit's proxy asks it, so
// that it stays on its release when it calls a sibling.
func (x *exam) at(i davit.Instance) place {
	return place{
		name: i.ID, base: &url.URL{Scheme: "http", Host: i.Address}, host: x.Host, instance: &i, carried: x.Carry != nil,
		header: http.Header{"Davit-Release": {string(i.Release)}},
		h2c:    x.Release != nil && x.Release.Config.Services[i.Service].Protocol.HTTP2(),
	}
}

// everywhere returns the front door and the instances, if these are known.
func (x *exam) everywhere(ctx context.Context) ([]place, error) {
	instances, err := x.addressed(ctx)
	if _, unknown := errors.AsType[skipped](err); err != nil && !unknown {
		return nil, err
	}
	return append([]place{x.front()}, instances...), nil
}

// clip makes foreign text fit to be shown: one line, without control
// characters, not too long.
func clip(s string) string {
	const most = 300
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			return ' '
		case c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029' || c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069':
			return '?'
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
