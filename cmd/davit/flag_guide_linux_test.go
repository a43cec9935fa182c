package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit/internal/proxy"
)

// TestFlagGuide runs every command that the guide on feature flags shows, one after
// the other, with a server that they start.
func TestFlagGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/flags.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.MkdirTemp("", "davit") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := &site{state: state}
	t.Cleanup(func() {
		if pid := s.serverPID(); pid != 0 {
			end(t, pid)
		}
		if status, err := proxy.NewClient(filepath.Join(state, "proxy")).Status(t.Context()); err == nil {
			end(t, status.PID)
		}
		if err := os.RemoveAll(state); err != nil {
			t.Error(err)
		}
	})
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "davit")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("DAVIT_STATE", state)
	t.Setenv("DAVIT_SERVER", "")
	t.Chdir(t.TempDir())
	const yaml = "application: shop\nservices:\n  web:\n    command: [./web]\nenvironments:\n  production:\n    listen: [\"127.0.0.1:8080\"]\n"
	if err := os.WriteFile(defaultFile, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	script, commands := "set -eu\n", 0
	for _, block := range fence.FindAllStringSubmatch(string(guide), -1) {
		if block[1] == "sh" {
			commands += strings.Count(block[2], "\n")
			script += block[2]
		}
	}
	// What the server does by itself, and does not, beyond what the guide shows.
	script += "davit flag on search-v2 -e dev --at 1s\n" +
		"timeout 60 bash -c 'until davit flag show search-v2 | grep \"^dev *on\"; do :; done'\n" +
		"davit rollback staging:search-v2 --to on --reason again || echo \"refused: $?\"\n"
	out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
	if err != nil || commands < 20 {
		t.Fatalf("%d commands: %v\n%s", commands, err, out)
	}
	for _, want := range []string{
		"checkout-v2 production: on, on 5 %, off 95 %",
		"checkout-v2 in production: on = true (TARGETING_MATCH)",
		"button in production: red = \"#f00\" (TARGETING_MATCH)",
		`{"key":"checkout-v2","reason":"TARGETING_MATCH","variant":"on","value":true}`,
		"carts were lost",
		"segment.set  1 by name, by a condition, not 1 by name",
		"button would be revision 6",
		"Others have to approve it: staging is protected.",
		"approval before start",
		"protection of staging waits for approval",
		"refused: 4",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing says %q:\n%s", want, out)
		}
	}
}
