package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// as runs a command of the program for who has a token, and returns what it prints.
func (s *flagServer) as(t *testing.T, token string, args ...string) (string, int) {
	t.Helper()
	t.Setenv("DAVIT_SERVER", s.url)
	t.Setenv("DAVIT_TOKEN", token)
	var out bytes.Buffer
	code := run(t.Context(), append(args, "--application", "shop"), strings.NewReader(""), &out, &out)
	return out.String(), code
}

// says is as that wants success and some text.
func (s *flagServer) says(t *testing.T, token, want string, args ...string) {
	t.Helper()
	if out, code := s.as(t, token, args...); code != 0 || !strings.Contains(out, want) {
		t.Errorf("davit %s: exit code %d, want %q in:\n%s", strings.Join(args, " "), code, want, out)
	}
}

// first returns the ID of the newest proposal.
func (s *flagServer) first(t *testing.T) string {
	t.Helper()
	out, _ := s.as(t, operatorToken, "flag", "proposals", "--output", "json")
	var list []davit.FlagProposal
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	return list[0].ID
}

// TestFlagApproval follows changes of a protected environment, as two people make them
// by commands.
func TestFlagApproval(t *testing.T) {
	s := serveFlags(t)
	s.says(t, operatorToken, "revision 1", "flag", "create", "checkout-v2")
	s.says(t, operatorToken, "No environment is protected.", "flag", "protection", "list")
	s.says(t, operatorToken, "production is protected: changes of flags there take the approval of 1 of token *",
		"flag", "protection", "set", "production", "--by", "token *", "--reason", "customers are there")
	s.says(t, otherToken, "1 of token *", "flag", "protection", "list")
	s.says(t, operatorToken, "Others have to approve it: production is protected.", "flag", "on", "checkout-v2", "--dry-run")
	s.says(t, operatorToken, "nothing was changed yet\nAnother approves it with: davit flag approve ", "flag", "on", "checkout-v2", "--reason", "ready")
	id := s.first(t)
	s.says(t, otherToken, "environments.production: nothing -> {", "flag", "proposals", id)
	if out, code := s.as(t, operatorToken, "flag", "approve", id); code != 4 || !strings.Contains(out, "another has to approve") {
		t.Errorf("approved by its author: %d %s", code, out)
	}
	s.says(t, otherToken, id+": applied", "flag", "approve", id, "--reason", "tried it")
	s.says(t, operatorToken, "production: on, on", "flag", "list")
	s.says(t, operatorToken, "applied at ", "flag", "proposals", id)
	s.says(t, operatorToken, "production: off", "flag", "off", "checkout-v2", "--reason", "carts were lost")
	s.says(t, operatorToken, "flag.kill_switch", "flag", "history", "checkout-v2")
	s.says(t, operatorToken, "revision 1", "flag", "segment", "set", "beta")
	s.says(t, operatorToken, "segment beta waits for approval", "flag", "segment", "set", "beta", "--include", "anna")
	s.says(t, otherToken, ": rejected", "flag", "reject", s.first(t), "--reason", "not before the sale")
	s.says(t, operatorToken, "protection of production waits for approval", "flag", "protection", "remove", "production", "--reason", "it is in the way")
	s.says(t, otherToken, "production: is removed", "flag", "proposals", s.first(t))
	s.says(t, otherToken, ": applied", "flag", "approve", s.first(t))
	s.says(t, operatorToken, "No environment is protected.", "flag", "protection", "list")
	s.says(t, operatorToken, "Nothing waits.", "flag", "proposals")
	s.says(t, operatorToken, "not before the sale", "flag", "proposals", "--ended", s.endedID(t))
}

// endedID returns the ID of a proposal that was rejected.
func (s *flagServer) endedID(t *testing.T) string {
	t.Helper()
	list, err := s.book.Proposals(t.Context(), "shop", true, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.State == davit.FlagRejected {
			return p.ID
		}
	}
	t.Fatal("none was rejected")
	return ""
}

// TestFlagScheduleCommands schedules changes and cancels one.
func TestFlagScheduleCommands(t *testing.T) {
	s := serveFlags(t)
	s.says(t, operatorToken, "revision 1", "flag", "create", "checkout-v2")
	s.says(t, operatorToken, "flag checkout-v2: turnOn in production is scheduled for ", "flag", "on", "checkout-v2", "--at", "in 2h")
	s.says(t, operatorToken, "serve in staging is scheduled for 2", "flag", "set", "checkout-v2", "--serve", "on", "-e", "staging",
		"--at", time.Now().Add(24*time.Hour).Format(time.RFC3339))
	s.says(t, operatorToken, "turnOn in production", "flag", "schedule", "list")
	s.says(t, otherToken, ": cancelled", "flag", "schedule", "cancel", s.first(t), "--reason", "not needed")
	for _, at := range []string{"tomorrow", "-1h", "2020-01-01T00:00:00Z"} {
		if out, code := s.as(t, operatorToken, "flag", "off", "checkout-v2", "--at", at); code == 0 {
			t.Errorf("--at %s: %s", at, out)
		}
	}
	s.says(t, operatorToken, "boolean  -  ", "flag", "list")
}

// TestProposalAPI shows how the API answers a change that waits.
func TestProposalAPI(t *testing.T) {
	s := serveFlags(t)
	const flag, proposals = "/v1/flags/shop/shop%2Fnew", "/v1/flagproposals/shop"
	s.want(t, 201, "POST", "/v1/flags/shop", newBoolean)
	s.want(t, 200, "PUT", "/v1/flagprotections/shop/production", `{}`)
	s.want(t, 202, "PUT", "/v1/flagprotections/shop/production", `{"count": 2}`)
	s.want(t, 202, "DELETE", "/v1/flagprotections/shop/production", "")
	s.want(t, 422, "PUT", "/v1/flagprotections/shop/staging", `{"by": ["anna"]}`)
	const on = `{"instructions":[{"kind":"turnOn","environment":"production"}]}`
	_, dry := s.want(t, 200, "POST", flag+"/instructions?dryRun=true", on, "If-Match", "*")
	if !strings.Contains(dry, `"protected":["production"]`) {
		t.Errorf("dry run: %s", dry)
	}
	resp, text := s.want(t, 202, "POST", flag+"/instructions", on, "If-Match", `"1"`, "Idempotency-Key", "once")
	var out davit.FlagOutcome
	if err := json.Unmarshal([]byte(text), &out); err != nil || out.Proposal == nil || out.Changed || resp.Header.Get("ETag") != "" {
		t.Fatalf("%v: %s (%v)", err, text, resp.Header)
	}
	if _, again := s.want(t, 202, "POST", flag+"/instructions", on, "If-Match", `"1"`, "Idempotency-Key", "once"); !strings.Contains(again, out.Proposal.ID) {
		t.Errorf("sent again: %s", again)
	}
	one := proposals + "/" + out.Proposal.ID
	s.want(t, 200, "GET", one, "")
	s.want(t, 404, "GET", proposals+"/none", "")
	s.want(t, 403, "POST", one+"/approve", `{}`)
	s.want(t, 422, "POST", one+"/reject", `{}`)
	s.want(t, 202, "PATCH", "/v1/flags/shop", `{"environment":"production","flags":[{"key":"a","type":"boolean","variants":[{"name":"on","value":true}],"environments":{"production":{"enabled":true,"default":{"variant":"on"}}}}]}`)
	s.want(t, 200, "PUT", "/v1/flagsegments/shop/beta", `{"key":"beta"}`, "If-Match", "*")
	s.want(t, 202, "PUT", "/v1/flagsegments/shop/beta", `{"key":"beta","include":["anna"]}`, "If-Match", "*")
	s.want(t, 202, "POST", flag+"/instructions", `{"at":"`+time.Now().Add(time.Hour).Format(time.RFC3339)+`","instructions":[{"kind":"turnOn","environment":"staging"}]}`, "If-Match", "*")
	if resp, text := s.ask(t, "POST", one+"/approve", otherToken, `{"comment": "tried it"}`); resp.StatusCode != 200 || !strings.Contains(text, `"state":"applied"`) {
		t.Errorf("approved by another: %d %s", resp.StatusCode, text)
	}
	if resp, _ := s.want(t, 200, "GET", flag, ""); resp.Header.Get("ETag") != `"2"` {
		t.Errorf("ETag is %s", resp.Header.Get("ETag"))
	}
	s.want(t, 409, "POST", one+"/approve", `{}`)
	_, text = s.want(t, 201, "POST", "/v1/flagkeys/shop", `{"environment":"production","kind":"admin","name":"ci"}`)
	var made api.NewAccessKey
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	key := made.Key
	for _, path := range []string{proposals, one, "/v1/flagprotections/shop"} {
		if resp, text := s.ask(t, "GET", path, key, ""); resp.StatusCode != 401 {
			t.Errorf("%s with an access key: %d %s", path, resp.StatusCode, text)
		}
	}
	resp, text = s.ask(t, "POST", flag+"/instructions", key, `{"instructions":[{"kind":"serve","environment":"production","variant":"off"}]}`, "If-Match", "*")
	if resp.StatusCode != 202 || strings.Contains(text, `"staging"`) {
		t.Errorf("with an access key: %d %s", resp.StatusCode, text)
	}
}
