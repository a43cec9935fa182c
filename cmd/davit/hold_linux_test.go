package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHooksFreezesAndContracts rolls out with real hooks: one that is told what
// goes on, and one that contracts data before a release that then fails.
func TestHooksFreezesAndContracts(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "hook")
	text := "#!/bin/sh\necho \"$DAVIT_HOOK_ID $DAVIT_VERSION $1\" >>told\necho \"key $KEY\"\n[ ! -e broken ] || { echo disk is full; exit 3; }\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	newSite(t, fmt.Sprintf(`{blueGreen: {}}
    hooks:
      - {name: migrate, before: traffic, run: [%[1]q, expand], dir: %[2]q, secrets: {KEY: %[3]q}, migration: expand}
      - {name: drop, before: promotion, run: [%[1]q, contract], dir: %[2]q, migration: contract}
    freezes: [{name: the move, dates: ["%[4]s"]}]`, script, dir, "file:"+key, tomorrow))
	plan := mustRun(t, "plan", "staging", "v1")
	if !strings.Contains(plan, "hook migrate before open") || !strings.Contains(plan, "contracts data: no way back after it") {
		t.Errorf("plan:\n%s", plan)
	}
	out := mustRun(t, "deploy", "staging", "v1")
	if strings.Contains(out, "hunter2") {
		t.Errorf("the secret is shown:\n%s", out)
	}
	told, err := os.ReadFile(filepath.Join(dir, "told"))
	if err != nil || !strings.Contains(string(told), ".1.migrate v1 expand\n") || !strings.Contains(string(told), ".drop v1 contract\n") {
		t.Errorf("the hooks were told\n%s%v", told, err)
	}
	history := mustRun(t, "audit", "list", "--output", "json")
	if strings.Contains(history, "hunter2") || !strings.Contains(history, "rollout.contract") {
		t.Errorf("audit:\n%s", history)
	}
	t.Run("contract", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(dir, "broken"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := runDavit(t, "deploy", "staging", "v2"); r.code != exitHauledBack || !strings.Contains(r.stdout, "exit status 3: disk is full") {
			t.Fatalf("a failing hook: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		edit(t, "migration: expand", "required: false, migration: expand")
		r := runDavit(t, "deploy", "staging", "v3")
		if r.code != exitFailed || !strings.Contains(r.stdout, "v3 is BLOCKED") || !strings.Contains(r.stdout, "disk is full") {
			t.Fatalf("a failing contract step: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		if status := mustRun(t, "status", "staging"); !strings.Contains(status, "BLOCKED") || !strings.Contains(status, "traffic  v3 100%") {
			t.Errorf("status:\n%s", status)
		}
		for _, args := range []string{"abort staging --reason why", "rollback staging --reason why", "promote staging --reason why"} {
			if r := runDavit(t, strings.Fields(args)...); r.code != exitRefused {
				t.Errorf("%s: exit code %d\n%s", args, r.code, r.stderr)
			}
		}
		mustRun(t, "promote", "staging", "--force", "--reason", "it had run by hand")
		if r := runDavit(t, "rollback", "staging", "--to", "v1", "--reason", "why"); r.code != exitRefused || !strings.Contains(r.stderr, "hook drop") {
			t.Errorf("rollback past it: exit code %d\n%s", r.code, r.stderr)
		}
	})
	t.Run("freeze", func(t *testing.T) {
		edit(t, tomorrow, time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)+" - "+tomorrow)
		r := runDavit(t, "deploy", "staging", "v4")
		if r.code != exitRefused || !strings.Contains(r.stderr, "shop/staging is frozen (the move) until") {
			t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		if r := runDavit(t, "plan", "staging", "v4"); r.code != exitOK || !strings.Contains(r.stderr, "is frozen") {
			t.Errorf("plan: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		if err := os.Remove(filepath.Join(dir, "broken")); err != nil {
			t.Fatal(err)
		}
		mustRun(t, "deploy", "staging", "v4", "--override-freeze", "--reason", "the door is open")
		if log := mustRun(t, "audit", "list"); !strings.Contains(log, "rollout.override_freeze") {
			t.Errorf("audit:\n%s", log)
		}
	})
}

// edit replaces a text in the site's davit.yaml.
func edit(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(defaultFile)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("davit.yaml has no %q: %v", from, err)
	}
	if err := os.WriteFile(defaultFile, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
