package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit/internal/proxy"
)

// TestSeveralServersGuide runs every command that the guide on several servers
// shows, with a real Redis.
func TestSeveralServersGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/flags-several-servers.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	startRedis(t, address)
	state, err := os.MkdirTemp("", "davit") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if status, err := proxy.NewClient(filepath.Join(state, "proxy")).Status(context.Background()); err == nil {
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
	t.Setenv("REDIS", ":"+edgePassword+"@"+address)
	t.Setenv("EDGE", freeAddress(t))
	t.Chdir(t.TempDir())
	if err := os.WriteFile("tokens", []byte("anna:"+operatorToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir("src", 0o700), os.WriteFile("src/app.ts", []byte("client.getBooleanValue('gone', false)\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	// The server and the edge server end with the script.
	script := "set -eu\ntrap 'kill $(jobs -p); wait' EXIT\n"
	for _, block := range fence.FindAllStringSubmatch(string(guide), -1) {
		if block[1] == "sh" {
			script += strings.Replace(block[2], "davit flag create", "until test -S \"$DAVIT_STATE/davit.sock\"; do sleep 0.1; done\ndavit flag create", 1)
		}
	}
	out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`{"key":"checkout-v2","reason":"STATIC","variant":"on","value":true}`,
		`{"application":"shop","environment":"production","origin":"davit+`,
		"No flag has had its time.",
		"checkout-v2 is named by no code",
		"app.ts:1 asks for gone, and there is no such flag",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("nothing says %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), edgePassword) {
		t.Errorf("the password of Redis is told:\n%s", out)
	}
}
