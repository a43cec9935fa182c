package validation

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// results runs a suite with its defaults, and returns its results by ID.
func results(t *testing.T, target *Target, p davit.ValidationParams) map[string]Result {
	t.Helper()
	suite, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	report, err := suite.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]Result{}
	for _, r := range report.Results {
		byID[r.ID] = r
	}
	return byID
}

// TestWhatDoesNotApplyIsSkipped validates a server of plain HTTP that has one
// page, and of which nothing is known but its URL.
func TestWhatDoesNotApplyIsSkipped(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	defer server.Close()
	got := results(t, &Target{URL: server.URL}, davit.ValidationParams{})
	for id, why := range map[string]string{
		"health.startup": "nothing answers at /startupz", "health.liveness": "nothing answers", "health.readiness": "nothing answers", "health.system": "nothing answers",
		"health.instances": "a URL alone", "health.restarts": "a URL alone",
		"identity.version": "--version", "identity.release": "a URL alone", "identity.configuration": "a URL alone", "identity.consistent": "no version", "identity.artifact": "a URL alone",
		"functional.journeys": "no journey", "functional.redirects": "no redirect", "functional.openapi": "nothing answers",
		"security.tls-chain": "plain HTTP", "security.tls-name": "plain HTTP", "security.tls-expiry": "plain HTTP", "security.tls-versions": "plain HTTP",
		"security.tls-ciphers": "plain HTTP", "security.https-redirect": "plain HTTP", "security.hsts": "plain HTTP", "security.cookies": "no cookie",
		"dependencies.reported": "nothing answers", "dependencies.tcp": "no server", "dependencies.postgres": "no server", "dependencies.redis": "no server",
		"performance.compression": "0 bytes",
		"runtime.memory":          "a URL alone", "runtime.files": "a URL alone", "runtime.cpu": "a URL alone", "runtime.user": "a URL alone", "runtime.stop": "only a rollout",
		"runtime.readonly": "a URL alone", "runtime.privileges": "a URL alone", "runtime.resources": "a URL alone", "runtime.probes": "a URL alone",
		"runtime.image": "a URL alone", "runtime.budget": "a URL alone", "runtime.spread": "a URL alone",
		"observability.metrics": "nothing answers", "observability.logs": "a URL alone",
	} {
		if r := got[id]; r.Outcome != Skipped || !strings.Contains(r.Reason, why) || len(r.Evidence) > 0 {
			t.Errorf("%s: %s with %d pieces of evidence: %s", id, r.Outcome, len(r.Evidence), r.Reason)
		}
		delete(got, id)
	}
	for id, r := range got {
		if r.Outcome == Skipped {
			t.Errorf("%s is skipped: %s", id, r.Reason)
		}
	}
}

// TestAConfiguredPathIsNoGuess wants what was configured to be there.
func TestAConfiguredPathIsNoGuess(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	settings := map[string]davit.CheckSettings{}
	for _, id := range []string{"health.readiness", "health.system", "dependencies.reported", "identity.version", "observability.metrics"} {
		settings[id] = davit.CheckSettings{With: []byte(`{"path": "/there"}`)}
	}
	got := results(t, &Target{URL: server.URL, Version: "v1"}, davit.ValidationParams{Settings: settings})
	for id := range settings {
		if got[id].Outcome != Failed {
			t.Errorf("%s: %s: %s", id, got[id].Outcome, got[id].Reason)
		}
	}
}

// TestWhatDavitCannotSeeIsInconclusive takes away Davit's own parts.
func TestWhatDavitCannotSeeIsInconclusive(t *testing.T) {
	a := newApplication(t, "")
	target := a.target()
	target.Instances = func(context.Context) ([]davit.Instance, error) { return nil, errors.New("the platform is away") }
	target.Managed, target.URL = true, "https://"+closedAddress(t)
	for id, r := range results(t, target, a.params()) {
		switch id {
		case "security.https-redirect", "dependencies.tcp", "dependencies.postgres", "dependencies.redis", "performance.keep-alive":
			continue // ask elsewhere too
		}
		if r.Outcome != Inconclusive {
			t.Errorf("%s: %s: %s", id, r.Outcome, r.Reason)
		}
	}
	target.Managed = false
	if r := results(t, target, davit.ValidationParams{Checks: []string{"functional.requests"}})["functional.requests"]; r.Outcome != Failed {
		t.Errorf("an application that does not answer: %s: %s", r.Outcome, r.Reason)
	}
}

func TestNoInstancesIsNoPass(t *testing.T) {
	a := newApplication(t, "")
	target := a.target()
	target.Instances = func(context.Context) ([]davit.Instance, error) { return nil, nil }
	got := results(t, target, davit.ValidationParams{Checks: []string{"health.instances", "health.restarts", "identity.artifact", "runtime"}})
	for id, r := range got {
		if r.Outcome == Passed {
			t.Errorf("%s passed: %s", id, r.Reason)
		}
	}
}

// TestAnAPIWithoutAPageFailsNothingThatIsRequired validates what answers 404, or
// wants a password, wherever it is asked.
func TestAnAPIWithoutAPageFailsNothingThatIsRequired(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusUnauthorized, http.StatusFound} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		for id, r := range results(t, &Target{URL: server.URL, Version: "v1"}, davit.ValidationParams{}) {
			if r.Outcome == Failed && r.Severity == davit.Required {
				t.Errorf("%d: %s: %s", status, id, r.Reason)
			}
		}
		server.Close()
	}
}
