package validation

import (
	"encoding/json"
	"testing"

	"github.com/davit-dev/davit"
)

// The first answers of PostgreSQL: to be asked for a password, and an error.
const (
	asksWhoOneIs = "R\x00\x00\x00\x08\x00\x00\x00\x03"
	startingUp   = "E\x00\x00\x00\x2bSFATAL\x00C57P03\x00Mit is starting up here!\x00\x00"
)

// params are the settings with which the application passes every check.
func (a *application) params() davit.ValidationParams {
	a.t.Helper()
	with := map[string]string{
		"health.instances":      `{"path": "/ping"}`,
		"identity.consistent":   `{"path": "/who", "requests": 6}`,
		"functional.requests":   `{"requests": [{"path": "/products", "status": 200, "matches": "compass", "json": {"$[*].name": "compass"}, "schema": {"items": {"properties": {"price": {"type": "integer"}}}}}]}`,
		"functional.journeys":   `{"journeys": [{"name": "buy", "steps": [{"method": "POST", "path": "/login", "capture": {"cart": "json:$.cart"}}, {"path": "/cart/{{cart}}", "matches": "cart {{cart}}|cart 7"}]}]}`,
		"functional.redirects":  `{"redirects": [{"from": "/old", "to": "/new", "status": 301}]}`,
		"functional.head":       `{"path": "/head"}`,
		"functional.openapi":    `{"served": true}`,
		"functional.cors":       `{"path": "/cors", "allowed": ["https://friend.test"]}`,
		"dependencies.tcp":      `{"addresses": ["` + either(a, "dependencies.tcp", greeter(a.t, ""), closedAddress(a.t)) + `"]}`,
		"dependencies.postgres": `{"addresses": ["` + greeter(a.t, either(a, "dependencies.postgres", asksWhoOneIs, startingUp)) + `"]}`,
		"dependencies.redis":    `{"addresses": ["` + greeter(a.t, either(a, "dependencies.redis", "+PONG\r\n", "-LOADING\r\n")) + `"]}`,
		// Budgets that a loaded machine keeps too.
		"performance.latency":     `{"path": "/timed", "warmup": 1, "requests": 4, "p50": "300ms", "p95": "10s", "p99": "10s"}`,
		"performance.parallel":    `{"path": "/many"}`,
		"performance.payload":     `{"path": "/large", "bytes": 1000}`,
		"performance.keep-alive":  `{"path": "/kept"}`,
		"runtime.cpu":             `{"window": "10ms"}`,
		"runtime.stop":            `{"path": "/held", "before": "0s", "accepted": "10ms"}`,
		"security.tls-chain":      `{"roots": "` + a.roots + `"}`,
		"security.https-redirect": `{"url": "` + a.plain.URL + `"}`,
		"observability.metrics":   `{"series": ["requests_total"]}`,
	}
	never := 0
	p := davit.ValidationParams{Settings: map[string]davit.CheckSettings{}}
	for _, c := range Checks() {
		s := davit.CheckSettings{Retries: &never, Timeout: ms(60_000)}
		if w, ok := with[c.ID]; ok {
			s.With = json.RawMessage(w)
		}
		p.Settings[c.ID] = s
	}
	return p
}

func (a *application) validate() *Report {
	a.t.Helper()
	suite, err := New(a.params())
	if err != nil {
		a.t.Fatal(err)
	}
	report, err := suite.Run(a.t.Context(), a.target())
	if err != nil {
		a.t.Fatal(err)
	}
	return report
}

func TestAWellKeptApplicationPassesEveryCheck(t *testing.T) {
	r := newApplication(t, "").validate()
	for _, result := range r.Results {
		if result.Outcome != Passed || len(result.Evidence) == 0 {
			t.Errorf("%s: %s with %d pieces of evidence: %s", result.ID, result.Outcome, len(result.Evidence), result.Reason)
		}
	}
	if r.Verdict() != davit.Pass || r.Counts.Passed != len(Checks()) {
		t.Errorf("verdict %s, %+v", r.Verdict(), r.Counts)
	}
}

// TestEachFaultFailsItsCheckAlone breaks the application in one way after the
// other.
func TestEachFaultFailsItsCheckAlone(t *testing.T) {
	for _, c := range Checks() {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			r := newApplication(t, c.ID).validate()
			for _, result := range r.Results {
				want := Passed
				if result.ID == c.ID {
					want = Failed
				}
				if result.Outcome != want {
					t.Errorf("%s: %s, want %s: %s", result.ID, result.Outcome, want, result.Reason)
				}
				if result.ID == c.ID && (result.Hint == "" || len(result.Evidence) == 0 || result.Evidence[0].Held) {
					t.Errorf("%s fails without evidence and hint: %+v", result.ID, result)
				}
			}
			if want := map[davit.Severity]davit.Outcome{davit.Required: davit.Fail, davit.Advisory: davit.Pass}[c.Severity]; r.Verdict() != want {
				t.Errorf("verdict %s, want %s", r.Verdict(), want)
			}
		})
	}
}
