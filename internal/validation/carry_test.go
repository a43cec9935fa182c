package validation

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// way carries requests to where an instance really is, or not at all.
type way struct {
	to      string
	between error
}

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.between != nil {
		return nil, w.between
	}
	r = r.Clone(r.Context())
	r.URL.Host = w.to
	return http.DefaultTransport.RoundTrip(r)
}

// afar returns the application's target with instances that cannot be dialled; with
// between, they cannot be carried to either.
func (a *application) afar(between error) *Target {
	a.t.Helper()
	near, err := a.list(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	addresses := map[string]string{}
	for _, i := range near {
		addresses[i.ID] = i.Address
	}
	nowhere := closedAddress(a.t)
	target := a.target()
	target.Instances = func(ctx context.Context) ([]davit.Instance, error) {
		all, err := a.list(ctx)
		for n := range all {
			all[n].Address = nowhere
		}
		return all, err
	}
	target.Carry = func(i davit.Instance) http.RoundTripper { return way{addresses[i.ID], between} }
	return target
}

// What is wrong on the way to an instance says nothing about it.
func TestInstancesThatCannotBeDialled(t *testing.T) {
	asking := davit.ValidationParams{Checks: []string{"health.instances", "identity.version", "health.readiness"}}
	for name, c := range map[string]struct {
		between error
		h2c     bool
		want    Outcome
		says    string
	}{
		"carried":               {nil, false, Passed, ""},
		"the instance's doing":  {errors.New("connection refused"), false, Failed, "no answer: connection refused"},
		"the way is closed":     {&davit.Error{Code: davit.CodeRefused, Message: "pods/proxy is forbidden"}, false, Inconclusive, "pods/proxy is forbidden"},
		"nobody can carry that": {nil, true, Inconclusive, "HTTP/2 without TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			target := newApplication(t, "").afar(c.between)
			if c.h2c {
				target.Release.Config.Services["web"] = davit.Service{Name: "web", Traffic: true, Protocol: davit.ProtocolH2C}
			}
			for id, r := range results(t, target, asking) {
				if r.Outcome != c.want || c.want != Passed && !strings.Contains(r.Reason, c.says) {
					t.Errorf("%s: %s, want %s: %s", id, r.Outcome, c.want, r.Reason)
				}
			}
		})
	}
}

// An instance that is ill is so from afar too.
func TestIllFromAfar(t *testing.T) {
	a := newApplication(t, "health.instances")
	if r := results(t, a.afar(nil), a.params())["health.instances"]; r.Outcome != Failed || !strings.Contains(r.Reason, "500") {
		t.Errorf("%s: %s", r.Outcome, r.Reason)
	}
}
