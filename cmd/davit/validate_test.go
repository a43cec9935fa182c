package main

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit/internal/validation"
)

func plainServer(t *testing.T, status int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestValidateURL(t *testing.T) {
	t.Chdir(t.TempDir())
	good, bad := plainServer(t, http.StatusOK), plainServer(t, http.StatusInternalServerError)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"everything":             {[]string{"--url", good}, exitOK, "pass  functional.requests"},
		"one check":              {[]string{"--url", good, "--checks", "security.nosniff"}, exitOK, "1 checks in"},
		"a category":             {[]string{"--url", good, "--category", "performance", "--without", "performance.latency"}, exitOK, "4 checks in"},
		"with evidence":          {[]string{"--url", good, "--checks", "security.nosniff", "--evidence"}, exitOK, "expected  X-Content-Type-Options: nosniff"},
		"an ill one":             {[]string{"--url", bad, "--checks", "functional.requests"}, exitFailed, "status 200 to 299"},
		"advice alone":           {[]string{"--url", good, "--checks", "security.frames,security.nosniff"}, exitOK, "1 failed (0 of them required)"},
		"nothing to see":         {[]string{"--url", good, "--checks", "security.hsts"}, exitFailed, "1 skipped"},
		"nobody there":           {[]string{"--url", "http://127.0.0.1:1"}, exitUnavailable, "nobody answers"},
		"nothing":                {nil, exitUsage, "nothing to validate"},
		"a check that is none":   {[]string{"--url", good, "--checks", "moon"}, exitUsage, `no category "moon"`},
		"an output that is none": {[]string{"--url", good, "-o", "smoke"}, exitUsage, "no output smoke"},
		"no environment's":       {[]string{"--url", good, "staging"}, exitUsage, "no davit.yaml"},
		"candidate of a URL":     {[]string{"--url", good, "--candidate"}, exitUsage, "--candidate"},
	} {
		t.Run(name, func(t *testing.T) {
			r := runDavit(t, append([]string{"validate"}, c.args...)...)
			if r.code != c.code || !strings.Contains(r.stdout+r.stderr, c.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s%s", r.code, c.code, c.says, r.stdout, r.stderr)
			}
		})
	}
}

func TestValidateOutputs(t *testing.T) {
	url := plainServer(t, http.StatusInternalServerError)
	summary := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	run := func(output string) string {
		r := runDavit(t, "validate", "--url", url, "--checks", "functional.requests", "--output", output)
		if r.code != exitFailed {
			t.Errorf("%s: exit code %d\n%s", output, r.code, r.stderr)
		}
		return r.stdout
	}
	var report validation.Report
	if err := json.Unmarshal([]byte(run("json")), &report); err != nil || report.Counts.Required != 1 || len(report.Results[0].Evidence) == 0 {
		t.Errorf("%+v, %v", report, err)
	}
	var suites struct {
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal([]byte(run("junit")), &suites); err != nil || suites.Failures != 1 {
		t.Errorf("%+v, %v", suites, err)
	}
	if said := run("github"); !strings.HasPrefix(said, "::error title=functional.requests::") {
		t.Errorf("annotations: %s", said)
	}
	if text, err := os.ReadFile(summary); err != nil || !strings.Contains(string(text), "| ❌ | `functional.requests` |") {
		t.Errorf("summary: %s, %v", text, err)
	}
}

func TestValidateList(t *testing.T) {
	text := mustRun(t, "validate", "--list")
	var list validation.Listing
	if err := json.Unmarshal([]byte(mustRun(t, "validate", "--list", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Checks {
		if !strings.Contains(text, c.ID) || !strings.Contains(text, c.Proves) {
			t.Errorf("%s is not listed", c.ID)
		}
	}
	if len(list.Checks) < 40 {
		t.Errorf("%d checks", len(list.Checks))
	}
}

// TestSettingsOfChecksAreVerified finds what no check has where davit.yaml is
// read.
func TestSettingsOfChecksAreVerified(t *testing.T) {
	t.Chdir(t.TempDir())
	yaml := `application: shop
services: {web: {command: run}}
environments:
  staging:
    listen: ["127.0.0.1:8080"]
    gates:
      - validation: {settings: {functional.requests: {with: {requests: [{path: /, matches: "good"}]}}}}
`
	write := func(text string) {
		if err := os.WriteFile(defaultFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(yaml)
	mustRun(t, "config", "validate")
	r := runDavit(t, "validate", "staging", "--url", plainServer(t, http.StatusOK), "--checks", "functional.requests")
	if r.code != exitFailed || !strings.Contains(r.stdout, "a body that matches good") {
		t.Errorf("the settings of staging do not count: %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	write(strings.Replace(yaml, "matches", "metches", 1))
	if r := runDavit(t, "config", "validate"); r.code != exitUsage || !strings.Contains(r.stderr, "davit.yaml:7:") || !strings.Contains(r.stderr, "metches") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}
