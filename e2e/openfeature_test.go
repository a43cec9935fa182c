//go:build e2e && linux

package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// openFeature are the real clients, pinned.
var openFeature = []string{
	"@openfeature/core@1.12.0", "@openfeature/server-sdk@1.23.0", "@openfeature/ofrep-core@0.1.4", "@openfeature/ofrep-provider@0.1.3",
	"@openfeature/web-sdk@1.10.0", "@openfeature/ofrep-web-provider@0.4.3", "eventsource@4.1.1",
}

// openFeatureModules returns the folder with the clients, in the cache of tools,
// where each set of versions is installed once.
func openFeatureModules(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("../scripts/need", "node=nodejs", "npm=npm").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	versions := sha256.Sum256([]byte(strings.Join(openFeature, " ")))
	dir := filepath.Join(cache, "davit", "tools", fmt.Sprintf("openfeature-%x", versions[:6]))
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(dir); err == nil {
		return modules
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		t.Fatal(err)
	}
	draft, err := os.MkdirTemp(filepath.Dir(dir), "openfeature-*.new")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(draft)
	args := append([]string{"install", "--silent", "--no-audit", "--no-fund", "--prefix", draft}, openFeature...)
	if out, err := exec.Command("npm", args...).CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	if err := os.Rename(draft, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return modules
}

// answered is a line of testdata/openfeature.mjs.
type answered struct {
	What, Variant, Reason, Error string
	Value                        any
	Metadata                     map[string]any
}

func (a answered) String() string {
	return fmt.Sprintf("%v %s %s %s", a.Value, a.Variant, a.Reason, a.Error)
}

// TestOpenFeatureClients reads flags with the real OpenFeature SDKs for servers and
// for the web, and changes one while the web SDK listens.
func TestOpenFeatureClients(t *testing.T) {
	modules := openFeatureModules(t)
	m := newMachine(t)
	address := freeAddress(t)
	m.write("tokens", "anna:a-token-of-some-length\n")
	if err := os.Chmod(filepath.Join(m.dir, "tokens"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.flags = []string{"--listen", address, "--token-file", "tokens"}
	m.serve()
	for _, line := range []string{
		"create checkout-v2", "on checkout-v2", "set checkout-v2 --serve off", "target checkout-v2 anna --variant on",
		"create button --type string --variant blue=#00f --variant red=#f00 --client-side", "on button", "set button --serve blue",
		`set button --patch {"environments":{"production":{"rules":[{"id":"pro","when":{"attribute":"plan","op":"equals","values":["pro"]},"serve":{"variant":"red"}}]}},"metadata":{"team":"web"}}`,
		"create team/limit --type number --variant few=2.5", "on team/limit", "set team/limit --serve few",
		`create theme --type object --variant dark={"bg":"#000","sizes":[1,2]}`, "on theme", "set theme --serve dark",
		"create unsaid --type string --variant a=a",
		"create half", "on half", "split half on=50",
	} {
		m.must(0, append([]string{"flag"}, strings.Fields(line)...)...)
	}
	server := strings.TrimSpace(m.must(0, "flag", "key", "create", "backend").stdout)
	client := strings.TrimSpace(m.must(0, "flag", "key", "create", "page", "--kind", "client").stdout)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "testdata/openfeature.mjs", modules, "http://"+address, server, client)
	var problems strings.Builder
	node.Stderr = &problems
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	got := map[string]answered{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var a answered
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Errorf("%s: %v", lines.Text(), err)
			continue
		}
		if a.What == "ready" {
			m.must(0, "flag", "set", "button", "--patch", `{"environments":{"production":{"rules":[]}}}`)
		}
		got[a.What] = a
	}
	if err := node.Wait(); err != nil {
		t.Errorf("%v\n%s", err, problems.String())
	}
	for what, want := range map[string]string{
		"target":            "true on TARGETING_MATCH ",
		"default":           "false off DEFAULT ",
		"rule":              "#f00 red TARGETING_MATCH ",
		"number":            "2.5 few STATIC ",
		"object":            "map[bg:#000 sizes:[1 2]] dark STATIC ",
		"code default":      "mine  ERROR GENERAL", // this provider knows of no answers without a value, and takes the same
		"not found":         "true  ERROR FLAG_NOT_FOUND",
		"wrong type":        "mine  ERROR TYPE_MISMATCH",
		"no user":           "true  ERROR TARGETING_KEY_MISSING",
		"web":               "#00f blue DEFAULT ",
		"web secret":        "false  ERROR FLAG_NOT_FOUND",
		"web other context": "#f00 red TARGETING_MATCH ",
		"web changed":       "#00f blue STATIC ",
	} {
		if got[what].String() != want {
			t.Errorf("%s: %s, want %s", what, got[what], want)
		}
	}
	if got["web"].Metadata["team"] != "web" {
		t.Errorf("metadata: %v", got["web"].Metadata)
	}
}
