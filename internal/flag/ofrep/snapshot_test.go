package ofrep_test

import (
	"encoding/json"
	"errors"
	"fmt"
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
	told = nil
	w.ask(t, http.MethodPost, flags, w.texts[davit.AccessClient], "{}")
	w.ask(t, http.MethodGet, ofrep.SnapshotPath, server, "", ofrep.ReportsHeader, "true")
	resp, text := w.ask(t, http.MethodPost, ofrep.UsagePath, server, `{"flags":["a","gone","a"]}`)
	if got := strings.Join(told, ", "); got != "shop production *, shop production a, shop production a" || resp.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s, told: %s", resp.StatusCode, text, got)
	}
}

// TestOutcomes takes in how requests went, and refuses what it cannot take in.
func TestOutcomes(t *testing.T) {
	w := newWorld(t)
	w.set(t, "a", env(davit.TurnOn))
	server, client := w.texts[davit.AccessServer], w.texts[davit.AccessClient]
	const good = `{"flag":"a","outcomes":[{"variant":"on","requests":5,"failures":1}]}`
	ask := func(name, key, body string, status int, want string) {
		t.Helper()
		if resp, text := w.ask(t, http.MethodPost, ofrep.OutcomesPath, key, body); resp.StatusCode != status || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %d %s", name, resp.StatusCode, text, status, want)
		}
	}
	ask("on an edge server", server, good, http.StatusNotImplemented, "an edge server takes no outcomes: report them to davit serve")
	var told []string
	w.handler.Outcomes = func(application, environment, key string, tallies []davit.FlagTally) error {
		told = append(told, fmt.Sprint(application, " ", environment, " ", key, " ", tallies))
		switch key {
		case "none":
			return &davit.Error{Code: davit.CodeNotFound, Message: "there is no flag none"}
		case "odd":
			return &davit.Error{Code: davit.CodeInvalid, Message: "flag odd has no variant"}
		case "full":
			return errors.New("a secret")
		}
		return nil
	}
	ask("good", server, good, http.StatusNoContent, "")
	ask("no flag", server, strings.Replace(good, `"a"`, `"none"`, 1), http.StatusNotFound, "there is no flag none")
	ask("no variant", server, strings.Replace(good, `"a"`, `"odd"`, 1), http.StatusBadRequest, "flag odd has no variant")
	ask("a failure", server, strings.Replace(good, `"a"`, `"full"`, 1), http.StatusServiceUnavailable, `{"errorDetails":"the outcomes could not be taken in now"}`)
	if len(told) != 4 || told[0] != "shop production a [{on 5 1}]" {
		t.Errorf("told: %q", told)
	}
	ask("nothing", server, `{"flag":"a","outcomes":[]}`, http.StatusBadRequest, "1 to 100")
	ask("too many", server, `{"flag":"a","outcomes":[`+strings.Repeat(`{},`, 100)+`{}]}`, http.StatusBadRequest, "1 to 100")
	ask("no JSON", server, `{`, http.StatusBadRequest, "errorDetails")
	ask("too large", server, strings.Repeat(" ", ofrep.MaxBodyBytes+1), http.StatusRequestEntityTooLarge, "errorDetails")
	ask("a client key", client, good, http.StatusForbidden, "a client key reads flags")
	ask("no key", "", good, http.StatusUnauthorized, "errorDetails")
	if len(told) != 4 {
		t.Errorf("told: %q", told)
	}
}
