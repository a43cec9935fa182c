package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/server"
	"github.com/davit-dev/davit/internal/sqlite"
)

const (
	operatorToken = "an-operator-with-a-long-token"
	otherToken    = "another-with-a-long-token"
)

// flagServer is a server of flags on TCP.
type flagServer struct {
	url   string
	store *sqlite.Store
	book  *flagBook
}

func serveFlags(t *testing.T) *flagServer {
	t.Helper()
	return serveFlagsWith(t, func(*flagBook) {})
}

// serveFlagsWith serves flags of a book that was prepared.
func serveFlagsWith(t *testing.T, prepare func(*flagBook)) *flagServer {
	t.Helper()
	dir := t.TempDir()
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, auditKeyFile), auditOrigin)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, storeFile), sqlite.Options{Audit: audit.New(key)})
	if err != nil {
		t.Fatal(err)
	}
	book, err := openFlagBook(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	prepare(book)
	file := filepath.Join(dir, "tokens")
	if err := os.WriteFile(file, []byte("anna:"+operatorToken+"\nbo:"+otherToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := server.LoadTokens(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := server.ListenTCP(server.TCPOptions{Address: "127.0.0.1:0", Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	config := book.serve(server.Config{Store: store, Version: "test", Log: slog.New(slog.DiscardHandler)})
	go func() { done <- server.New(config).Serve(ctx, 10*time.Second, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &flagServer{url: "http://" + l.Addr().String(), store: store, book: book}
}

// ask sends a request, with a token unless it is empty, and headers in pairs.
func (s *flagServer) ask(t *testing.T, method, path, token, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// want asks as the operator and wants a status.
func (s *flagServer) want(t *testing.T, status int, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	resp, text := s.ask(t, method, path, operatorToken, body, header...)
	if resp.StatusCode != status {
		t.Errorf("%s %s %v: %d %s, want %d", method, path, header, resp.StatusCode, text, status)
	}
	if status >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s: an error as %s", method, path, resp.Header.Get("Content-Type"))
	}
	return resp, text
}

const newBoolean = `{"flag":{"key":"shop/new","type":"boolean","variants":[{"name":"on","value":true},{"name":"off","value":false}]},"comment":"a start"}`

// TestFlagAPI changes a flag in all the ways there are, each with the revision
// that it is a change of.
func TestFlagAPI(t *testing.T) {
	s := serveFlags(t)
	const flags, flag = "/v1/flags/shop", "/v1/flags/shop/shop%2Fnew"
	s.want(t, 404, "GET", flag, "")
	resp, _ := s.want(t, 201, "POST", flags, newBoolean)
	if resp.Header.Get("ETag") != `"1"` {
		t.Errorf("ETag is %s", resp.Header.Get("ETag"))
	}
	s.want(t, 409, "POST", flags, newBoolean)
	s.want(t, 422, "POST", flags, `{"flag":{"key":"x","type":"boolean","variants":[{"name":"on","value":"yes"}]}}`)
	s.want(t, 422, "POST", flags, `{"flag":{"key":"x","type":"boolean","colour":"red","variants":[]}}`)

	const on = `{"instructions":[{"kind":"turnOn","environment":"production"}],"comment":"go"}`
	s.want(t, 428, "POST", flag+"/instructions", on)
	s.want(t, 412, "POST", flag+"/instructions", on, "If-Match", `"7"`)
	s.want(t, 412, "POST", flag+"/instructions", on, "If-Match", `"x"`)
	resp, text := s.want(t, 200, "POST", flag+"/instructions?dryRun=true", on, "If-Match", `"1"`)
	if !strings.Contains(text, `"path":"environments.production"`) || !strings.Contains(text, `"changed":false`) {
		t.Errorf("a dry run tells %s (%s)", text, resp.Header.Get("ETag"))
	}
	s.want(t, 200, "POST", flag+"/instructions", on, "If-Match", `"1"`, "Idempotency-Key", "go-1")
	if _, text = s.want(t, 200, "POST", flag+"/instructions", on, "If-Match", `"1"`, "Idempotency-Key", "go-1"); !strings.Contains(text, `"repeated":true`) {
		t.Errorf("sent again: %s", text)
	}
	s.want(t, 422, "POST", flag+"/instructions", on, "If-Match", `"2"`, "Idempotency-Key", "go-1")
	s.want(t, 422, "POST", flag+"/instructions", `{"instructions":[{"kind":"serve","environment":"production","variant":"blue"}]}`, "If-Match", "*")

	merge := []string{"If-Match", `"2"`, "Content-Type", "application/merge-patch+json"}
	s.want(t, 200, "PATCH", flag+"?comment=whose", `{"owner":"anna","environments":{"staging":{"enabled":true,"default":{"variant":"off"}}}}`, merge...)
	s.want(t, 422, "PATCH", flag, `{"colour":"red"}`, "If-Match", "*", "Content-Type", "application/merge-patch+json")
	s.want(t, 422, "PATCH", flag, `{`, "If-Match", "*", "Content-Type", "application/merge-patch+json")

	_, text = s.want(t, 200, "GET", flag, "")
	var record davit.FlagRecord
	if err := json.Unmarshal([]byte(text), &record); err != nil || record.Revision != 3 || record.Flag.Owner != "anna" || record.Comment != "whose" || record.Actor != "token anna" {
		t.Fatalf("%s (%v)", text, err)
	}
	record.Flag.Description = "as a whole"
	whole, err := json.Marshal(record.Flag)
	if err != nil {
		t.Fatal(err)
	}
	s.want(t, 428, "PUT", flag, string(whole))
	s.want(t, 200, "PUT", flag, string(whole), "If-Match", `"3"`)
	s.want(t, 422, "PUT", "/v1/flags/shop/other", string(whole), "If-Match", "*")
	s.want(t, 200, "POST", flag+"/revert", `{"revision":1}`, "If-Match", `"4"`)
	s.want(t, 404, "POST", flag+"/revert", `{"revision":9}`, "If-Match", `*`)
	_, text = s.want(t, 200, "GET", flag+"/history?limit=2", "")
	if strings.Count(text, `"action"`) != 2 || !strings.Contains(text, `"next":4`) {
		t.Errorf("history: %s", text)
	}
	if _, text = s.want(t, 200, "POST", flag+"/evaluate", `{"environment":"production","context":{"targetingKey":"anna"}}`); !strings.Contains(text, `"steps":[{`) {
		t.Errorf("explained: %s", text)
	}
	s.want(t, 428, "DELETE", flag, "")
	s.want(t, 200, "DELETE", flag, "", "If-Match", `"5"`)
	s.want(t, 404, "GET", flag, "")
}

// TestFlagImportAPI takes flags over as a whole or not at all, with an access key
// as far as it goes.
func TestFlagImportAPI(t *testing.T) {
	s := serveFlags(t)
	const flags = "/v1/flags/shop"
	flag := func(key, environment, variant string) string {
		return `{"key":"` + key + `","type":"boolean","variants":[{"name":"on","value":true},{"name":"off","value":false}],` +
			`"environments":{"` + environment + `":{"enabled":true,"default":{"variant":"` + variant + `"}}}}`
	}
	request := func(environment string, flags ...string) string {
		return `{"environment":"` + environment + `","comment":"moved","flags":[` + strings.Join(flags, ",") + `]}`
	}
	s.want(t, 422, "PATCH", flags, request("production", flag("a", "production", "on"), flag("b", "production", "blue")))
	s.want(t, 422, "PATCH", flags, request("", flag("a", "production", "on")))
	s.want(t, 200, "PATCH", flags+"?dryRun=true", request("production", flag("a", "production", "on")))
	s.want(t, 404, "GET", flags+"/a", "")
	_, text := s.want(t, 200, "PATCH", flags, request("production", flag("a", "production", "on"), flag("b", "production", "off")))
	if strings.Count(text, `"changed":true`) != 2 || strings.Count(text, `"action":"flag.import"`) != 2 || strings.Count(text, `"comment":"moved"`) != 2 {
		t.Errorf("imported: %s", text)
	}
	_, text = s.want(t, 201, "POST", "/v1/flagkeys/shop", `{"environment":"production","kind":"admin","name":"ci"}`)
	var key struct{ Key string }
	if err := json.Unmarshal([]byte(text), &key); err != nil {
		t.Fatal(err)
	}
	for body, status := range map[string]int{
		request("production", flag("a", "production", "off")): 200,
		request("production", flag("c", "production", "off")): 403,
		request("staging", flag("a", "staging", "off")):       403,
	} {
		if resp, text := s.ask(t, "PATCH", flags, key.Key, body); resp.StatusCode != status {
			t.Errorf("a key for production, %s: %d %s, want %d", body, resp.StatusCode, text, status)
		}
	}
}

// TestDryRunTellsWhom tells how many of those who were seen lately a change would
// affect.
func TestDryRunTellsWhom(t *testing.T) {
	s := serveFlags(t)
	t.Setenv("DAVIT_SERVER", s.url)
	t.Setenv("DAVIT_STATE", "")
	t.Setenv("DAVIT_TOKEN", operatorToken)
	mustRun(t, "flag", "create", "new", "-a", "shop")
	mustRun(t, "flag", "on", "new", "-a", "shop")
	mustRun(t, "flag", "set", "new", "--serve", "off", "-a", "shop")
	target := []string{"flag", "target", "new", "user-1", "user-3", "user-99", "--variant", "on", "--dry-run", "-a", "shop"}
	if out := mustRun(t, target...); strings.Contains(out, "seen lately") {
		t.Errorf("before anybody was seen: %s", out)
	}
	_, text := s.want(t, 201, "POST", "/v1/flagkeys/shop", `{"environment":"production","kind":"server","name":"web"}`)
	var key struct{ Key string }
	if err := json.Unmarshal([]byte(text), &key); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		s.ask(t, "POST", "/ofrep/v1/evaluate/flags/new", key.Key, fmt.Sprintf(`{"context":{"targetingKey":"user-%d"}}`, i))
	}
	if out := mustRun(t, target...); !strings.Contains(out, "In production, 2 of 10 users seen lately would get another value.\n") {
		t.Errorf("dry run: %s", out)
	}
	var told davit.FlagOutcome
	if err := json.Unmarshal([]byte(mustRun(t, append(target, "--output", "json")...)), &told); err != nil || told.Affected["production"] != (davit.FlagAffected{Contexts: 10, Changed: 2}) {
		t.Errorf("as JSON: %+v (%v)", told.Affected, err)
	}
}

// TestFlagPages lists flags page by page.
func TestFlagPages(t *testing.T) {
	s := serveFlags(t)
	for _, key := range []string{"a", "b", "c"} {
		s.want(t, 201, "POST", "/v1/flags/shop", strings.ReplaceAll(newBoolean, "shop/new", key))
	}
	_, text := s.want(t, 200, "GET", "/v1/flags/shop?limit=2", "")
	if !strings.Contains(text, `"next":"b"`) || strings.Count(text, `"sequence"`) != 2 {
		t.Errorf("the first page: %s", text)
	}
	if _, text = s.want(t, 200, "GET", "/v1/flags/shop?limit=2&after=b", ""); strings.Contains(text, `"next"`) || strings.Count(text, `"sequence"`) != 1 {
		t.Errorf("the last page: %s", text)
	}
	if _, text = s.want(t, 200, "GET", "/v1/flags/other", ""); strings.TrimSpace(text) != `{"flags":[]}` {
		t.Errorf("of another application: %s", text)
	}
}

// TestAccessKeysGoSoFar shows what each kind of key goes for, over TCP.
func TestAccessKeysGoSoFar(t *testing.T) {
	s := serveFlags(t)
	s.want(t, 201, "POST", "/v1/flags/shop", newBoolean)
	const flag = "/v1/flags/shop/shop%2Fnew"
	s.want(t, 200, "POST", flag+"/instructions", `{"instructions":[{"kind":"turnOn","environment":"staging"},{"kind":"turnOn","environment":"production"}]}`, "If-Match", "*")
	texts := map[string]string{}
	for _, kind := range []string{"server", "client", "read-only", "admin"} {
		_, text := s.want(t, 201, "POST", "/v1/flagkeys/shop", `{"environment":"production","kind":"`+kind+`","name":"`+kind+`"}`)
		var made struct{ Key string }
		if err := json.Unmarshal([]byte(text), &made); err != nil || made.Key == "" {
			t.Fatalf("%s (%v)", text, err)
		}
		texts[kind] = made.Key
	}
	const production = `{"instructions":[{"kind":"turnOff","environment":"production"}]}`
	const staging = `{"instructions":[{"kind":"turnOff","environment":"staging"}]}`
	for _, test := range []struct {
		kind, method, path, body string
		status                   int
	}{
		{"server", "POST", "/ofrep/v1/evaluate/flags/shop/new", `{"context":{}}`, 200},
		{"client", "POST", "/ofrep/v1/evaluate/flags/shop/new", `{"context":{}}`, 404},
		{"server", "GET", flag, "", 403},
		{"client", "GET", "/v1/flags/shop", "", 403},
		{"read-only", "GET", flag, "", 200},
		{"read-only", "GET", "/v1/flags/other", "", 403},
		{"read-only", "POST", flag + "/instructions", production, 403},
		{"admin", "POST", flag + "/instructions", staging, 403},
		{"admin", "POST", flag + "/instructions", production, 200},
		{"admin", "GET", "/v1/flagkeys/shop", "", 401},
		{"admin", "GET", "/v1/environments", "", 401},
		{"admin", "POST", "/v1/flags/../flagkeys/shop", `{}`, 401},
	} {
		resp, text := s.ask(t, test.method, test.path, texts[test.kind], test.body, "If-Match", "*")
		if resp.StatusCode != test.status {
			t.Errorf("%s %s %s: %d %s, want %d", test.kind, test.method, test.path, resp.StatusCode, text, test.status)
		}
		if strings.Contains(text, "staging") && resp.StatusCode == 200 {
			t.Errorf("a key for production sees %s", text)
		}
	}
	if resp, _ := s.ask(t, "GET", flag, "davit_admin_nobody", ""); resp.StatusCode != 401 {
		t.Errorf("with a key that is not there: %d", resp.StatusCode)
	}
	if resp, _ := s.ask(t, "GET", flag, texts["admin"], "", "Origin", "https://elsewhere.example"); resp.StatusCode != 403 {
		t.Errorf("from another site's page: %d", resp.StatusCode)
	}
	if resp, text := s.ask(t, "GET", "/metrics", operatorToken, ""); resp.StatusCode != 200 || !strings.Contains(text, `davit_flag_evaluations_total{reason="STATIC",request="single"} 1`) {
		t.Errorf("metrics: %d", resp.StatusCode)
	}
	entries, err := s.store.Audit(t.Context(), davit.AuditFilter{Application: "shop"})
	if err != nil || entries[len(entries)-1].Actor != "key admin" {
		t.Errorf("audit: %+v (%v)", entries, err)
	}
}

// TestAccessKeysReachNobody has an access key, for which a ramp may be begun, name what
// the server would then reach in its owner's place.
func TestAccessKeysReachNobody(t *testing.T) {
	s := serveFlags(t)
	s.want(t, 201, "POST", "/v1/flags/shop", newBoolean)
	_, text := s.want(t, 201, "POST", "/v1/flagkeys/shop", `{"environment":"production","kind":"admin","name":"admin"}`)
	var made struct{ Key string }
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string]string{
		"Prometheus": `"source":{"prometheus":"http://127.0.0.1:1","requests":"a","errors":"b"}`,
		"endpoint":   `"source":{"json":"http://127.0.0.1:1","requests":"/a","errors":"/b"}`,
		"notify":     `"notify":"http://127.0.0.1:1/"`,
		"key":        `"notifyKey":"env:HOME"`,
		"hook":       `"holds":[{"at":{"kind":"before start"},"gate":{"name":"n","kind":"hook","says":"n","params":{}}}]`,
	} {
		body := `{"environment":"production","to":"on","steps":[50],"bake":"1m","patience":"1m","maxErrors":0.01,"minRequests":10,` + more + `}`
		resp, text := s.ask(t, "POST", "/v1/flags/shop/shop%2Fnew/ramps", made.Key, body)
		if resp.StatusCode != 403 || !strings.Contains(text, "no access key begins a ramp with") {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
	}
}
