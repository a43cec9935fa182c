package ofrep_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/ofrep"
)

// TestSnapshot gives out what flags say in the key's environment, once.
func TestSnapshot(t *testing.T) {
	w := newWorld(t)
	w.set(t, "a", env(davit.TurnOn), davit.FlagInstruction{Kind: davit.TurnOn, Environment: "staging"})
	server, client := w.texts[davit.AccessServer], w.texts[davit.AccessClient]
	resp, text := w.ask(t, http.MethodGet, ofrep.SnapshotPath, server, "")
	var s davit.FlagSnapshot
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Application != "shop" || s.Environment != "production" || s.Revision != 1 ||
		len(s.Flags) != 1 || !s.Flags[0].Environments["production"].Enabled || len(s.Flags[0].Environments) != 1 {
		t.Fatalf("%s (%v)", text, err)
	}
	tag := resp.Header.Get("ETag")
	if resp, _ := w.ask(t, http.MethodGet, ofrep.SnapshotPath, server, "", "If-None-Match", tag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %d", resp.StatusCode)
	}
	w.set(t, "a", env(davit.TurnOff))
	if resp, _ := w.ask(t, http.MethodGet, ofrep.SnapshotPath, server, "", "If-None-Match", tag); resp.StatusCode != http.StatusOK {
		t.Errorf("after a change: %d", resp.StatusCode)
	}
	if resp, text := w.ask(t, http.MethodGet, ofrep.SnapshotPath, client, ""); resp.StatusCode != http.StatusForbidden || strings.Contains(text, `"flags"`) {
		t.Errorf("a client key: %d %s", resp.StatusCode, text)
	}
	if resp, _ := w.ask(t, http.MethodGet, ofrep.SnapshotPath, "", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("no key: %d", resp.StatusCode)
	}
	if resp, _ := w.ask(t, http.MethodPost, ofrep.SnapshotPath, server, ""); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, OPTIONS" {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}

// TestSeen tells whom flags were evaluated for, whoever gets the answer anew or not.
func TestSeen(t *testing.T) {
	w := newWorld(t)
	w.set(t, "a", env(davit.TurnOn))
	var told []string
	w.handler.Seen = func(application, environment, key string, context []byte, _ time.Time) {
		told = append(told, application+" "+environment+" "+key+" "+string(context))
	}
	const anna = `{"context":{"targetingKey":"anna"}}`
	server := w.texts[davit.AccessServer]
	w.ask(t, http.MethodPost, flags+"/a", server, anna)
	w.ask(t, http.MethodPost, flags+"/nope", server, anna)
	w.ask(t, http.MethodPost, flags+"/a", server, `{"context":7}`)
	resp, _ := w.ask(t, http.MethodPost, flags, server, anna)
	w.ask(t, http.MethodPost, flags, server, anna, "If-None-Match", resp.Header.Get("ETag"))
	const once = `shop production anna {"targetingKey":"anna"}`
	if got := strings.Join(told, ", "); got != once+", "+once+", "+once {
		t.Errorf("told: %s", got)
	}
}

// TestUsed tells which flags were asked for, and that all were given out.
func TestUsed(t *testing.T) {
	w := newWorld(t)
	w.set(t, "a", env(davit.TurnOn))
	var told []string
	w.handler.Used = func(application, environment, key string, _ time.Time) {
		told = append(told, application+" "+environment+" "+key)
	}
	server := w.texts[davit.AccessServer]
	for _, ask := range [][2]string{{http.MethodPost, flags + "/a"}, {http.MethodPost, flags + "/nope"}, {http.MethodPost, flags}, {http.MethodGet, ofrep.SnapshotPath}} {
		w.ask(t, ask[0], ask[1], server, "{}")
	}
	if got := strings.Join(told, ", "); got != "shop production a, shop production , shop production " {
		t.Errorf("told: %s", got)
	}
}
