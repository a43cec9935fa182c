package main

import (
	"strings"
	"testing"
)

// TestDeploymentSwitchesFlags names flags in davit.yaml: a release that is promoted
// leaves them switched, and one that is hauled back returns them.
func TestDeploymentSwitchesFlags(t *testing.T) {
	newSite(t, `{blueGreen: {}}
    flags:
      - {flag: checkout-v2, before: traffic, turn: on}
      - {flag: banner, after: promotion, turn: on}
    hooks: [{name: check, before: promotion, run: [sh, -c, "echo the shop is empty; false"]}]`)
	isOn := func(key string, want bool) {
		t.Helper()
		if out := mustRun(t, "flag", "eval", key, "-e", "staging", "--user", "anna"); strings.Contains(out, "true") != want {
			t.Errorf("%s is on: %v\n%s", key, !want, out)
		}
	}
	if r := runDavit(t, "deploy", "staging", "v1"); r.code != exitHauledBack || !strings.Contains(r.stdout, "there is no flag checkout-v2 in shop") || strings.Contains(r.stdout, "stage 2") {
		t.Fatalf("without the flag: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	mustRun(t, "flag", "create", "checkout-v2", "--type", "boolean")
	mustRun(t, "flag", "create", "banner", "--type", "boolean")
	if plan := mustRun(t, "plan", "staging", "v1"); !strings.Contains(plan, "switch flags: turns checkout-v2 on\n") {
		t.Errorf("plan:\n%s", plan)
	}
	r := runDavit(t, "deploy", "staging", "v1")
	if r.code != exitHauledBack || !strings.Contains(r.stdout, "switch flags: pass, checkout-v2 switched in revision 2") ||
		!strings.Contains(r.stdout, "return flags: pass, checkout-v2 returned in revision 3, banner was not switched") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	isOn("checkout-v2", false)
	if history := mustRun(t, "flag", "history", "checkout-v2"); !strings.Contains(history, "the shop is empty") {
		t.Errorf("history:\n%s", history)
	}
	edit(t, "; false", "")
	edit(t, "rollbackWindow: 10m", "rollbackWindow: 0s") // what comes after the promotion is awaited then
	mustRun(t, "deploy", "staging", "v1")
	isOn("checkout-v2", true)
	isOn("banner", true)
}
