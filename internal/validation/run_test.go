package validation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// suiteOf is a suite of checks that a test makes.
func suiteOf(t *testing.T, checks ...Check) *Suite {
	t.Helper()
	s := &Suite{}
	for _, c := range checks {
		bound, err := c.with(davit.CheckSettings{})
		if err != nil {
			t.Fatal(err)
		}
		s.checks = append(s.checks, bound)
	}
	return s
}

func made(id string, do func(context.Context, *exam) error) Check {
	return define(Check{ID: id, Category: Health, Severity: davit.Required, Retries: -1, Hint: "mend it"}, none{}, func(ctx context.Context, x *exam, _ none) error { return do(ctx, x) })
}

var somewhere = &Target{URL: "http://127.0.0.1:1"}

func TestRunIsBoundedAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, alone atomic.Int64
		var checks []Check
		for n := range 40 {
			c := made(fmt.Sprintf("health.check-%02d", n), func(ctx context.Context, x *exam) error {
				if running := now.Add(1); running > most.Load() {
					most.Store(running)
				}
				if now.Load() == 1 {
					alone.Add(1)
				}
				rest(ctx, time.Duration(40-n)*time.Millisecond) // the first takes longest
				now.Add(-1)
				x.expect(true, "asked", "came", "expected")
				return nil
			})
			c.Alone = n == 3 || n == 7
			checks = append(checks, c)
		}
		report, err := suiteOf(t, checks...).Run(t.Context(), somewhere)
		if err != nil {
			t.Fatal(err)
		}
		for n, r := range report.Results {
			if r.ID != checks[n].ID || r.Outcome != Passed {
				t.Errorf("result %d is %s of %s", n, r.Outcome, r.ID)
			}
		}
		if most.Load() != parallel {
			t.Errorf("%d checks ran at the same time, want %d", most.Load(), parallel)
		}
		if report.Results[3].Took.D() < 37*time.Millisecond || alone.Load() < 2 {
			t.Errorf("checks that run alone did not: %d, %s", alone.Load(), report.Results[3].Took)
		}
	})
}

func TestTriesAndTimeOuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		second := made("health.second", func(_ context.Context, x *exam) error {
			tries++
			x.expect(tries == 2, "try", fmt.Sprint(tries), "2")
			return nil
		})
		second.Retries = 3
		hangs := made("health.hangs", func(ctx context.Context, _ *exam) error { <-ctx.Done(); return ctx.Err() })
		silent := made("health.silent", func(context.Context, *exam) error { return nil })
		start := time.Now()
		report, err := suiteOf(t, second, hangs, silent).Run(t.Context(), somewhere)
		if err != nil {
			t.Fatal(err)
		}
		if r := report.Results[0]; r.Outcome != Passed || r.Tries != 2 || r.Hint != "" || len(r.Evidence) != 1 {
			t.Errorf("a check that passes at the second try: %+v", r)
		}
		if r := report.Results[1]; r.Outcome != Failed || !strings.Contains(r.Reason, "5s") || r.Hint != "mend it" {
			t.Errorf("a check that hangs: %+v", r)
		}
		if r := report.Results[2]; r.Outcome != Inconclusive {
			t.Errorf("a check that looked at nothing: %+v", r)
		}
		if took := time.Since(start); took != defaultTimeout {
			t.Errorf("it took %s, want %s", took, defaultTimeout)
		}
	})
}

func TestAnInterruptedRunIsInconclusive(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	waits := made("health.waits", func(ctx context.Context, _ *exam) error { cancel(); <-ctx.Done(); return ctx.Err() })
	report, err := suiteOf(t, waits).Run(ctx, somewhere)
	if err != nil || report.Results[0].Outcome != Inconclusive || report.Verdict() != davit.Inconclusive {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestVerdict(t *testing.T) {
	result := func(s davit.Severity, o Outcome) Result { return Result{Severity: s, Outcome: o} }
	passed := result(davit.Required, Passed)
	for name, c := range map[string]struct {
		results []Result
		want    davit.Outcome
	}{
		"nothing":                     {nil, davit.Inconclusive},
		"all skipped":                 {[]Result{result(davit.Required, Skipped)}, davit.Inconclusive},
		"passed":                      {[]Result{passed, result(davit.Required, Skipped)}, davit.Pass},
		"advisory failed":             {[]Result{passed, result(davit.Advisory, Failed)}, davit.Pass},
		"advisory not told":           {[]Result{passed, result(davit.Advisory, Inconclusive)}, davit.Pass},
		"required not told":           {[]Result{passed, result(davit.Required, Inconclusive)}, davit.Inconclusive},
		"required failed, one untold": {[]Result{result(davit.Required, Inconclusive), result(davit.Required, Failed)}, davit.Fail},
	} {
		r := &Report{Results: c.results}
		r.count()
		if got := r.Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNewChoosesAndRefuses(t *testing.T) {
	ids := func(p davit.ValidationParams) string {
		s, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range s.checks {
			all = append(all, c.ID)
		}
		return strings.Join(all, " ")
	}
	if got, want := ids(davit.ValidationParams{Checks: []string{"observability", "health.system"}}), "health.system observability.metrics observability.logs"; got != want {
		t.Errorf("chosen %q, want %q", got, want)
	}
	if got, want := ids(davit.ValidationParams{Checks: []string{"observability"}, Without: []string{"observability.logs"}}), "observability.metrics"; got != want {
		t.Errorf("chosen %q, want %q", got, want)
	}
	two := 2
	s, err := New(davit.ValidationParams{Checks: []string{"health.liveness"}, Settings: map[string]davit.CheckSettings{
		"health.liveness": {Severity: davit.Advisory, Timeout: ms(7), Retries: &two, With: json.RawMessage(`{"path": "/alive"}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.checks[0]; c.Severity != davit.Advisory || c.Timeout != 7*time.Millisecond || c.Retries != 2 || !c.configured {
		t.Errorf("settings did not arrive: %+v", c)
	}
	for name, setting := range map[string]davit.CheckSettings{
		"health.moon":             {},
		"health":                  {Severity: "grave"},
		"health.liveness":         {Severity: "grave"},
		"health.readiness":        {With: json.RawMessage(`{"paht": "/"}`)},
		"health.startup":          {With: json.RawMessage(`{"path": "no slash"}`)},
		"functional.requests":     {With: json.RawMessage(`{"requests": []}`)},
		"functional.journeys":     {With: json.RawMessage(`{"journeys": [{"steps": [{"path": "/", "capture": {"a": "moon"}}]}]}`)},
		"functional.redirects":    {With: json.RawMessage(`{"redirects": [{"from": "/a"}]}`)},
		"identity.version":        {With: json.RawMessage(`{"field": "$["}`)},
		"dependencies.redis":      {With: json.RawMessage(`{"addresses": ["nowhere"]}`)},
		"performance.latency":     {With: json.RawMessage(`{"requests": 0}`)},
		"performance.payload":     {With: json.RawMessage(`{"bytes": 0}`)},
		"runtime.memory":          {With: json.RawMessage(`{"ratio": 0.5}`)},
		"runtime.stop":            {With: json.RawMessage(`{"clients": 0}`)},
		"security.https-redirect": {With: json.RawMessage(`{"url": "ftp://x"}`)},
	} {
		if err := Verify(name, setting); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%s with %+v: %v", name, setting, err)
		}
	}
	if err := VerifyName("moon"); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("a name that is none: %v", err)
	}
}

func TestWhatIsNoTarget(t *testing.T) {
	suite, err := New(davit.ValidationParams{})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"", "shop.example.org", "ftp://shop", "http://", "http://user:secret@shop", ":"} {
		if _, err := suite.Run(t.Context(), &Target{URL: url}); davit.ErrorCode(err) != davit.CodeInvalid {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := Reach(t.Context(), &Target{URL: "http://" + closedAddress(t)}); davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("where nobody listens: %v", err)
	}
}

// TestHostileAnswers wants what an application says to stay one line of text.
func TestHostileAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("\x1b[2J\r\n::error::no\u202egnp" + strings.Repeat("long ", 1000)))
	}))
	defer server.Close()
	r := results(t, &Target{URL: server.URL}, davit.ValidationParams{Checks: []string{"functional.requests"}})["functional.requests"]
	if r.Outcome != Failed || strings.ContainsAny(r.Reason+r.Evidence[0].Came, "\x1b\n\r\u202e") || len(r.Evidence[0].Came) > 1000 {
		t.Errorf("%+v", r)
	}
}

func TestAPathCannotLeadElsewhere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	r := results(t, &Target{URL: server.URL}, davit.ValidationParams{Checks: []string{"functional.not-found"}, Settings: map[string]davit.CheckSettings{
		"functional.not-found": {With: json.RawMessage(`{"path": "//elsewhere.test/"}`)},
	}})["functional.not-found"]
	if r.Outcome != Failed || !strings.Contains(r.Reason, "another server") {
		t.Errorf("%+v", r)
	}
}
