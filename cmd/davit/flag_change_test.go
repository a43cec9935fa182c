package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// TestFlagBroughtBack removes a flag by commands, and brings it back.
func TestFlagBroughtBack(t *testing.T) {
	s := serveFlags(t)
	s.says(t, operatorToken, "revision 1", "flag", "create", "checkout-v2")
	s.says(t, operatorToken, "production: on, on", "flag", "on", "checkout-v2")
	s.says(t, operatorToken, "removed; its history stays", "flag", "delete", "checkout-v2")
	s.says(t, operatorToken, "would change (nothing was changed)", "flag", "revert", "checkout-v2", "--to", "2", "--dry-run")
	if out, code := s.as(t, operatorToken, "flag", "revert", "checkout-v2", "--to", "3"); code == 0 || !strings.Contains(out, "says nothing at revision 3") {
		t.Errorf("to its removal: %d %s", code, out)
	}
	s.says(t, operatorToken, "checkout-v2 revision 4", "flag", "revert", "checkout-v2", "--to", "2")
	s.says(t, operatorToken, "production: on, on", "flag", "list")
	s.says(t, operatorToken, "flag.revert", "flag", "history", "checkout-v2")
	s.want(t, 200, "DELETE", "/v1/flags/shop/checkout-v2", "", "If-Match", `"4"`)
	s.want(t, 412, "POST", "/v1/flags/shop/checkout-v2/revert", `{"revision":1}`, "If-Match", `"4"`)
	s.want(t, 200, "POST", "/v1/flags/shop/checkout-v2/revert", `{"revision":1}`, "If-Match", `"5"`)
}

// TestFlagSplitBy tells users apart as before, unless a command says otherwise.
func TestFlagSplitBy(t *testing.T) {
	s := serveFlags(t)
	s.says(t, operatorToken, "revision 1", "flag", "create", "checkout-v2")
	s.says(t, operatorToken, "production: off (revision 2)", "flag", "split", "checkout-v2", "on=5", "--by", "company")
	s.says(t, operatorToken, "revision 3", "flag", "split", "checkout-v2", "on=10")
	by := func() string {
		record, err := s.book.Flag("shop", "checkout-v2")
		if err != nil {
			t.Fatal(err)
		}
		return record.Flag.Environments["production"].Default.Split.By
	}
	if got := by(); got != "company" {
		t.Errorf("told apart by %q", got)
	}
	s.says(t, operatorToken, "revision 4", "flag", "split", "checkout-v2", "on=10", "--by", davit.TargetingKey)
	if got := by(); got != "" {
		t.Errorf("told apart by %q", got)
	}
}

// TestFlagKeyOfLessThanNoTime says why a key is not made.
func TestFlagKeyOfLessThanNoTime(t *testing.T) {
	s := serveFlags(t)
	if out, code := s.as(t, operatorToken, "flag", "key", "create", "web", "--expires-in", "-1h"); code == 0 || !strings.Contains(out, "cannot be taken for -1h0m0s, which is less than no time") {
		t.Errorf("%d %s", code, out)
	}
	s.want(t, 422, "POST", "/v1/flagkeys/shop", `{"environment":"production","kind":"server","name":"web","lifetime":"-1s"}`)
	if keys := s.book.Keys("shop"); len(keys) != 0 {
		t.Errorf("keys: %+v", keys)
	}
}

// TestFlagLifetime says how long a flag is needed, and finds it when it is not any more.
func TestFlagLifetime(t *testing.T) {
	s := serveFlagsWith(t, func(b *flagBook) { b.openUsage(t.TempDir(), slog.New(slog.DiscardHandler)) })
	s.says(t, operatorToken, "revision 1", "flag", "create", "short", "--kind", "release", "--lifetime", "1ns")
	s.says(t, operatorToken, "revision 1", "flag", "create", "usual", "--kind", "release")
	s.says(t, operatorToken, "revision 1", "flag", "create", "good", "--kind", "operational")
	if out, code := s.as(t, operatorToken, "flag", "create", "bad", "--lifetime", "-1h"); code == 0 || !strings.Contains(out, "lifetime") {
		t.Errorf("%d %s", code, out)
	}
	records := s.book.Flags("shop", "", 10)
	if len(records) != 3 || !records[0].Flag.Ends().IsZero() || records[2].Flag.Ends().Sub(records[2].Flag.CreatedAt) != 40*24*time.Hour {
		t.Errorf("flags: %+v", records)
	}
	s.says(t, operatorToken, "needed until", "flag", "show", "usual")
	if out, _ := s.as(t, operatorToken, "flag", "show", "good"); strings.Contains(out, "needed until") {
		t.Error(out)
	}
	out, code := s.as(t, operatorToken, "flag", "stale")
	if code != exitFailed || !strings.Contains(out, "short: its lifetime ended") || strings.Contains(out, "usual") || strings.Contains(out, "good") {
		t.Errorf("stale: %d %s", code, out)
	}
}

// TestFlagListsInParts lists flags, segments, keys and proposals in parts, each of them once.
func TestFlagListsInParts(t *testing.T) {
	s := serveFlags(t)
	ids := map[string][]string{} // in the order of the list
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		s.want(t, 201, "POST", "/v1/flags/shop", strings.Replace(newBoolean, "shop/new", key, 1))
		ids["flags"] = append(ids["flags"], key)
		s.want(t, 200, "PUT", "/v1/flagsegments/shop/"+key, `{"key":"`+key+`"}`, "If-Match", "*")
		ids["flagsegments"] = append(ids["flagsegments"], key)
		made, _, err := s.book.CreateKey(t.Context(), "anna", davit.AccessKey{Application: "shop", Environment: "production", Kind: davit.AccessServer, Name: key}, 0)
		if err != nil {
			t.Fatal(err)
		}
		ids["flagkeys"] = append(ids["flagkeys"], made.ID)
		at := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		s.want(t, 202, "POST", "/v1/flags/shop/"+key+"/instructions", `{"instructions":[{"kind":"turnOn","environment":"production"}],"at":"`+at+`"}`, "If-Match", "*")
		ids["flagproposals"] = append([]string{s.first(t)}, ids["flagproposals"]...)
	}
	for path, want := range ids {
		var got []string
		for after := ""; ; {
			_, text := s.want(t, 200, "GET", "/v1/"+path+"/shop?limit=2&after="+after, "")
			var list struct {
				Flags     []davit.FlagRecord
				Segments  []davit.SegmentRecord
				Keys      []davit.AccessKey
				Proposals []davit.FlagProposal
				Next      string
			}
			if err := json.Unmarshal([]byte(text), &list); err != nil {
				t.Fatal(err)
			}
			if n := len(list.Flags) + len(list.Segments) + len(list.Keys) + len(list.Proposals); n != min(2, len(want)-len(got)) {
				t.Fatalf("%s: a page of %d after %q: %s", path, n, after, text)
			}
			for _, r := range list.Flags {
				got = append(got, r.Flag.Key)
			}
			for _, r := range list.Segments {
				got = append(got, r.Segment.Key)
			}
			for _, k := range list.Keys {
				got = append(got, k.ID)
			}
			for _, p := range list.Proposals {
				got = append(got, p.ID)
			}
			if after = list.Next; after == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	s.want(t, 422, "GET", "/v1/flagkeys/shop?after=nothing", "")
	s.want(t, 404, "GET", "/v1/flagproposals/shop?after=nothing", "")
}

// TestFlagImportOfWhatWasSeen imports flags as they were listed, and not over a change
// that somebody made since.
func TestFlagImportOfWhatWasSeen(t *testing.T) {
	s := serveFlags(t)
	listed := func() string {
		resp, _ := s.want(t, 200, "GET", "/v1/flags/shop?limit=1", "")
		return resp.Header.Get("ETag")
	}
	ask := func(variant string) string {
		return `{"environment":"production","flags":[{"key":"a","type":"boolean","variants":[{"name":"on","value":true},{"name":"off","value":false}],` +
			`"environments":{"production":{"enabled":true,"default":{"variant":"` + variant + `"}}}}]}`
	}
	none := listed()
	s.want(t, 200, "PATCH", "/v1/flags/shop", ask("on"), "If-Match", none)
	s.want(t, 412, "PATCH", "/v1/flags/shop", ask("off"), "If-Match", none)
	seen := listed()
	s.want(t, 200, "PUT", "/v1/flagsegments/shop/beta", `{"key":"beta"}`, "If-Match", "*")
	s.want(t, 412, "PATCH", "/v1/flags/shop", ask("off"), "If-Match", seen)
	s.want(t, 412, "PATCH", "/v1/flags/shop?dryRun=true", ask("off"), "If-Match", seen)
	s.want(t, 412, "PATCH", "/v1/flags/shop", ask("off"), "If-Match", "x")
	if record, err := s.book.Flag("shop", "a"); err != nil || record.Revision != 1 {
		t.Errorf("the flag is %+v (%v)", record, err)
	}
	s.want(t, 200, "PATCH", "/v1/flags/shop", ask("off"), "If-Match", listed())
	s.want(t, 200, "PATCH", "/v1/flags/shop", ask("on"), "If-Match", "*")
	s.want(t, 200, "PATCH", "/v1/flags/shop", ask("off"))
}

// TestFlagDryRunContexts estimates whom each kind of change would affect, of users that a
// file names.
func TestFlagDryRunContexts(t *testing.T) {
	s := serveFlags(t)
	s.says(t, operatorToken, "revision 1", "flag", "create", "checkout-v2")
	s.says(t, operatorToken, "revision 2", "flag", "on", "checkout-v2")
	s.says(t, operatorToken, "revision 3", "flag", "target", "checkout-v2", "anna", "--variant", "off")
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "contexts.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const users = `[{"targetingKey":"anna"},{"targetingKey":"bo"}] {"targetingKey":"carl"}`
	for want, args := range map[string][]string{
		"1 of 3": {"revert", "checkout-v2", "--to", "2"},
		"2 of 3": {"off", "checkout-v2"},
		"3 of 3": {"delete", "checkout-v2"},
		"0 of 3": {"set", "checkout-v2", "--patch", `{"owner":"bo"}`},
	} {
		s.says(t, operatorToken, "In production, "+want+" users of --contexts would get another value.", append([]string{"flag"}, append(args, "--dry-run", "--contexts", file(users))...)...)
	}
	for want, text := range map[string]string{
		"no JSON": `[{]`, "context 1 is no object": `7`, "no context": ``, "one that is null": `[null]`, "more than 10000": "[" + strings.Repeat("{},", 10_000) + "{}]",
	} {
		if out, code := s.as(t, operatorToken, "flag", "off", "checkout-v2", "--dry-run", "--contexts", file(text)); code != exitUsage || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", want, code, out)
		}
	}
	if out, code := s.as(t, operatorToken, "flag", "off", "checkout-v2", "--contexts", file(users)); code != exitUsage || !strings.Contains(out, "--contexts is for --dry-run") {
		t.Errorf("without --dry-run: %d %s", code, out)
	}
	const path, contexts = "/v1/flags/shop/checkout-v2/preview", `"contexts":[{"targetingKey":"anna"},{"targetingKey":"bo"}]`
	whole := `{"flag":{"key":"checkout-v2","type":"boolean","variants":[{"name":"on","value":true},{"name":"off","value":false}]},` + contexts + `}`
	if _, text := s.want(t, 200, "POST", path, whole); !strings.Contains(text, `"production":{"contexts":2,"changed":2}`) {
		t.Errorf("a whole flag: %s", text)
	}
	s.want(t, 412, "POST", path, whole, "If-Match", `"1"`)
	s.want(t, 422, "POST", path, `{"delete":true,"patch":{},`+contexts+`}`)
	s.want(t, 422, "POST", path, `{`+contexts+`}`)
	s.want(t, 422, "POST", path, strings.Replace(whole, "checkout-v2", "other", 1))
	if record, err := s.book.Flag("shop", "checkout-v2"); err != nil || record.Revision != 3 {
		t.Errorf("the flag is %+v (%v)", record, err)
	}
}
