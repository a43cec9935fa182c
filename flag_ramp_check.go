package davit

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// How often the source of a ramp is asked: when nothing is said, and at most.
const (
	rampEvery      = Duration(5 * time.Second)
	rampLeastEvery = Duration(100 * time.Millisecond)
)

// Checked returns the ramp with what was left out. It refuses by an *Error of
// CodeInvalid what no flag can be ramped by.
func (r FlagRamp) Checked() (FlagRamp, error) {
	invalid := func(hint, format string, args ...any) (FlagRamp, error) {
		return FlagRamp{}, &Error{Code: CodeInvalid, Message: "the ramp " + fmt.Sprintf(format, args...), Hint: hint}
	}
	s := &r.Source
	sourced := s.Prometheus != "" || s.JSON != ""
	if sourced && s.Every == 0 {
		s.Every = rampEvery
	}
	switch {
	case r.Bake < 0, r.Patience < 0, r.Latency < 0:
		return invalid("", "has a time below 0")
	case !(r.MaxErrors >= 0 && r.MaxErrors <= 1), r.MinRequests < 1:
		return invalid("", "needs a share of failures from 0 to 1, and at least 1 outcome")
	case !slices.Contains([]OnHarm{"", HarmOff, HarmOrigin}, r.OnHarm):
		return invalid("use off or origin", "cannot serve %q after harm", r.OnHarm)
	case !sourced && *s != (AnalysisSource{}):
		return invalid("name the Prometheus: --prometheus", "has queries, and no source that they are for")
	case sourced && (s.Requests == "" || s.Errors == ""):
		return invalid("give --requests and --errors", "has a source, and does not say how it counts both requests and failures")
	case s.Prometheus != "" && s.JSON != "":
		return invalid("", "has two sources")
	case sourced && !webURL(s.Prometheus+s.JSON):
		return invalid("write it as http://prometheus:9090", "has a source that is no URL of http or https")
	case s.JSON != "" && !pointers(s.Requests, s.Errors, s.Slow):
		return invalid("write it as /stats/requests", "counts by JSON pointers that do not begin with /")
	case sourced && s.Every < rampLeastEvery:
		return invalid("", "asks its source every %s, and not every %s at most", s.Every, rampLeastEvery)
	case (r.Latency > 0) != (s.Slow != ""):
		return invalid("give --latency and --slow, or neither", "has to say both what is slow and how that is counted")
	case r.Notify != "" && !secretReference(r.Notify) && !webURL(r.Notify):
		return invalid("write https://host/path, or env:NAME when it holds a secret", "cannot post to what is no URL of http or https")
	case r.NotifyKey != "" && (r.Notify == "" || !secretReference(r.NotifyKey)):
		return invalid("write env:NAME or file:PATH beside --notify", "signs by what is no reference to a key, or posts to nobody")
	}
	for _, h := range r.Holds {
		if h.Gate.Kind != GateApproval && h.Gate.Kind != GateHook {
			return invalid("", "takes approvals and hooks between its steps, and no gate of the kind %q", h.Gate.Kind)
		}
	}
	return r, nil
}

// Beyond says what a ramp asks of the server that reaches beyond flags, and so is for
// those who operate it; "" when there is nothing.
func (r FlagRamp) Beyond() string {
	switch {
	case r.Source != (AnalysisSource{}):
		return "a source that is asked"
	case r.Notify != "" || r.NotifyKey != "":
		return "an address that is told"
	case len(r.Holds) > 0:
		return "approvals or hooks"
	}
	return ""
}

// holds returns what comes between the ramp's steps, and who is told of its end.
func (r FlagRamp) holds() []Hold {
	holds := slices.Clone(r.Holds)
	if r.Notify == "" {
		return holds
	}
	const tries = 3 // after the first
	told := Hook(HookParams{Hook: "notify", Post: r.Notify, Key: r.NotifyKey, Timeout: Duration(10 * time.Second), Retries: tries})
	told.Advisory = true
	return append(holds, Hold{At: Moment{Kind: AfterHaulBack}, Gate: told})
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func secretReference(text string) bool {
	return strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:")
}

// pointers reports whether texts are JSON pointers, or empty.
func pointers(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(t string) bool { return t != "" && t[0] != '/' })
}
