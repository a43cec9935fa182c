//go:build e2e && linux

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// analysisRate is the load, in requests a second, under which releases are
// compared: DAVIT_ANALYSIS_RATE, which CI leaves at what any machine can bear.
func analysisRate(t *testing.T) float64 {
	t.Helper()
	text := os.Getenv("DAVIT_ANALYSIS_RATE")
	if text == "" {
		return 400
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return rate
}

// analysed is a machine with a server, whose staging compares the candidate with
// stable at 10% of the traffic for up to two minutes.
func analysed(t *testing.T, gate string) *machine {
	t.Helper()
	m := newMachine(t)
	m.edit("strategy: {canary: {steps: [10, 50, 100], bake: 300ms}}", "strategy: {canary: {steps: [{weight: 10, bake: 2m}, {weight: 100, bake: 1s}]}}")
	m.edit("gates: [{errors: {max: 5%, minRequests: 5}}]", "gates: ["+gate+"]")
	m.edit("deadline: 1m\n    patience: 20s", "deadline: 4m\n    patience: 30s")
	m.serve()
	m.must(0, "deploy", "staging", "v1")
	return m
}

func TestAnalysisHaulsBackWhatFailsALittle(t *testing.T) {
	m := analysed(t, "{analysis: {early: false}}")
	m.write("releases/v2.json", `{"api": {"errorRate": 0.005}}`)
	m.traffic(analysisRate(t), func() {
		r := m.must(3, "deploy", "staging", "v2", "--output", "json")
		m.write("journal.json", r.stdout)
	})
	if r := m.must(0, "analyze", "journal.json", "--svg", "evidence.svg"); !strings.Contains(r.stdout, "e-value") {
		t.Errorf("analyze said:\n%s", r.stdout)
	}
	// The receipt is sound, and its report draws what the gate rested on.
	m.must(0, "receipt", "verify", "staging")
	m.must(0, "report", "staging", "-o", "report.html")
	if page, err := os.ReadFile(filepath.Join(m.dir, "report.html")); err != nil || !strings.Contains(string(page), "Evidence of gate analysis in stage") {
		t.Errorf("the report draws no evidence: %v", err)
	}
	if s := m.status("staging"); s.Environment.Stable.Short() != "v1" || s.Split[s.Environment.Stable] != davit.Whole {
		t.Errorf("stable is %s with split %v, want v1 with all", s.Environment.Stable, s.Split)
	}
}

func TestAnalysisPromotesWhatIsNotWorseEarly(t *testing.T) {
	m := analysed(t, "{analysis: {errors: {margin: 2%}, guards: {errors: 20%}}}")
	m.under(analysisRate(t), func() {
		r := m.must(0, "deploy", "staging", "v2")
		if !strings.Contains(r.stdout, "not worse than stable") {
			t.Errorf("deploy said:\n%s", r.stdout)
		}
	})
}

func TestAGuardActsAtOnce(t *testing.T) {
	m := analysed(t, "{analysis: {guards: {errors: 20%}, dryRun: false}}")
	m.write("releases/v2.json", `{"api": {"errorRate": 1}}`)
	m.traffic(analysisRate(t), func() { m.must(3, "deploy", "staging", "v2") })
}

// Without a user synthetic requests are compared, and the verdict says so.
func TestSyntheticRequestsAreSaidToBe(t *testing.T) {
	m := analysed(t, "{analysis: {errors: {margin: 5%}, synthetic: {path: /api/products, rate: 50}}}")
	m.edit("{weight: 100, bake: 1s}", "{weight: 50, bake: 1m}, {weight: 100, bake: 1s}")
	r := m.must(0, "deploy", "staging", "v2", "--detach")
	id := strings.TrimSpace(r.stdout)
	m.eventually("the first step has passed by synthetic requests", func() bool {
		r := m.must(0, "status", "staging", "--output", "json")
		return strings.Contains(r.stdout, id) && m.status("staging").Rollout.Stage > 0
	})
	m.must(0, "abort", "staging", "--reason", "seen enough")
}
