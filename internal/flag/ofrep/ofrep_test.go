package ofrep_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ofrep"
	"github.com/davit-dev/davit/internal/sqlite"
)

// world is a server of flags with a key of each kind.
type world struct {
	*httptest.Server
	book    *book.Book
	handler *ofrep.Handler
	keys    map[davit.AccessKeyKind]davit.AccessKey
	texts   map[davit.AccessKeyKind]string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "test")
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "davit.db"), sqlite.Options{Audit: audit.New(key)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b, err := book.Open(context.Background(), store, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{book: b, handler: ofrep.New(b), keys: map[davit.AccessKeyKind]davit.AccessKey{}, texts: map[davit.AccessKeyKind]string{}}
	for _, kind := range []davit.AccessKeyKind{davit.AccessServer, davit.AccessClient} {
		w.keys[kind], w.texts[kind], err = b.CreateKey(context.Background(), "test", davit.AccessKey{Application: "shop", Environment: "production", Kind: kind, Name: "web"}, 0)
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Server = httptest.NewServer(w.handler)
	t.Cleanup(w.Close)
	return w
}

// set makes a flag with instructions, or follows them.
func (w *world) set(t testing.TB, key string, instructions ...davit.FlagInstruction) {
	t.Helper()
	e := davit.FlagEdit{Application: "shop", Key: key, Actor: "test", Action: "flag.change", Alter: func(f davit.Flag) (davit.Flag, error) {
		if f.Key == "" {
			f = davit.Flag{Key: key, Type: davit.FlagBoolean, Variants: davit.BooleanVariants(), Metadata: map[string]any{"team": "web"}}
		}
		return f.Instruct(instructions...)
	}}
	if r, err := w.book.Flag("shop", key); err == nil {
		e.Match = r.Revision
	}
	if _, err := w.book.Change(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

func env(kind davit.FlagInstructionKind) davit.FlagInstruction {
	return davit.FlagInstruction{Kind: kind, Environment: "production"}
}

func split(on float64) davit.FlagInstruction {
	return davit.FlagInstruction{Kind: davit.SetPercentages, Environment: "production", Percentages: map[string]float64{"on": on, "off": 100 - on}}
}

// ask sends a request and returns the answer with its body.
func (w *world) ask(t testing.TB, method, path, key, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.Client().Do(req)
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

const flags = "/ofrep/v1/evaluate/flags"

// TestSingle asks for one flag, in good ways and bad.
func TestSingle(t *testing.T) {
	w := newWorld(t)
	w.set(t, "plain", env(davit.TurnOn))
	w.set(t, "shop/new-cart", env(davit.TurnOn), davit.FlagInstruction{Kind: davit.AddTargets, Environment: "production", Variant: "off", Values: []string{"bo"}})
	w.set(t, "half", env(davit.TurnOn), split(50))
	w.set(t, "off", env(davit.TurnOff))
	w.set(t, "unsaid")
	w.set(t, "public", env(davit.TurnOn), davit.FlagInstruction{Kind: davit.SetClientSide, Enabled: true})
	server, client := w.texts[davit.AccessServer], w.texts[davit.AccessClient]
	const anna = `{"context":{"targetingKey":"anna"}}`
	for _, test := range []struct {
		name, path, key, body string
		status                int
		want                  string // in the answer
	}{
		{"static", "/plain", server, anna, 200, `{"key":"plain","reason":"STATIC","variant":"on","value":true,"metadata":{"team":"web"}}`},
		{"nobody", "/plain", server, `{}`, 200, `"value":true`},
		{"no user needed", "/plain", server, `{"context":{"plan":"pro"}}`, 200, `"value":true`},
		{"more than a context", "/plain", server, `{"context":{"targetingKey":"anna"},"more":{}}`, 200, `"value":true`},
		{"another order", "/plain", server, `{"more":{},"context":{"targetingKey":"anna"}}`, 200, `"value":true`},
		{"slash", "/shop/new-cart", server, anna, 200, `"reason":"DEFAULT","variant":"on"`},
		{"escaped slash", "/shop%2Fnew-cart", server, `{"context":{"targetingKey":"bo"}}`, 200, `"reason":"TARGETING_MATCH","variant":"off","value":false`},
		{"split", "/half", server, anna, 200, `"reason":"SPLIT"`},
		{"split without a user", "/half", server, `{"context":{}}`, 400, `"errorCode":"TARGETING_KEY_MISSING"`},
		{"off", "/off", server, anna, 200, `{"key":"off","reason":"DISABLED","variant":"off","value":false`},
		{"nothing said", "/unsaid", server, anna, 200, `{"key":"unsaid","reason":"DISABLED","metadata"`},
		{"not there", "/nope", server, anna, 404, `{"key":"nope","errorCode":"FLAG_NOT_FOUND"`},
		{"strange key", "/%22%3Cb%3E", server, anna, 404, `"FLAG_NOT_FOUND"`},
		{"no JSON", "/plain", server, `{"context":`, 400, `"errorCode":"PARSE_ERROR"`},
		{"nothing", "/plain", server, ``, 400, `"errorCode":"PARSE_ERROR"`},
		{"list", "/plain", server, `[]`, 400, `"errorCode":"INVALID_CONTEXT"`},
		{"context is a list", "/plain", server, `{"context":[]}`, 400, `"errorCode":"INVALID_CONTEXT"`},
		{"user is a number", "/plain", server, `{"context":{"targetingKey":7}}`, 400, `"errorCode":"INVALID_CONTEXT"`},
		{"too large", "/plain", server, `{"context":{"x":"` + strings.Repeat("x", ofrep.MaxBodyBytes) + `"}}`, 413, `errorDetails`},
		{"no key", "/plain", "", anna, 401, `errorDetails`},
		{"wrong key", "/plain", server + "x", anna, 401, `errorDetails`},
		{"client", "/public", client, anna, 200, `"value":true`},
		{"client, not for it", "/plain", client, anna, 404, `"FLAG_NOT_FOUND"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp, text := w.ask(t, http.MethodPost, flags+test.path, test.key, test.body)
			if resp.StatusCode != test.status || !strings.Contains(text, test.want) || !json.Valid([]byte(text)) {
				t.Errorf("%d %s\nwant %d %s", resp.StatusCode, text, test.status, test.want)
			}
			if resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type is %s", resp.Header.Get("Content-Type"))
			}
		})
	}
	if resp, text := w.ask(t, http.MethodPost, flags+"/plain", "", anna, "X-API-Key", server); resp.StatusCode != 200 {
		t.Errorf("X-API-Key: %d %s", resp.StatusCode, text)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.handler)
	if families, err := registry.Gather(); err != nil || len(families) != 1 {
		t.Errorf("metrics: %v (%v)", families, err)
	}
}

// TestMethods tells which method a path takes.
func TestMethods(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodGet, flags + "/a", 405, "POST, OPTIONS"},
		{http.MethodPut, flags, 405, "POST, OPTIONS"},
		{http.MethodPost, ofrep.EventsPath, 405, "GET, OPTIONS"},
		{http.MethodOptions, flags, 204, "POST, OPTIONS"},
		{http.MethodGet, "/ofrep/v1/nothing", 404, ""},
	} {
		resp, text := w.ask(t, test.method, test.path, "", "", "Origin", "https://shop.example")
		if resp.StatusCode != test.status || resp.Header.Get("Allow") != test.allow || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %d, Allow %q, %s", test.method, test.path, resp.StatusCode, resp.Header.Get("Allow"), text)
		}
	}
}

type bulk struct {
	Flags []struct {
		Key       string
		Value     any
		ErrorCode string
	}
	EventStreams []struct {
		Type     string
		Endpoint struct{ RequestURI string }
	}
	Metadata map[string]any
}

// TestBulk asks for all flags, and again: the tag covers the user, the flags and
// the key.
func TestBulk(t *testing.T) {
	w := newWorld(t)
	w.set(t, "a", env(davit.TurnOn))
	w.set(t, "b", env(davit.TurnOn), split(50), davit.FlagInstruction{Kind: davit.SetClientSide, Enabled: true})
	server, client := w.texts[davit.AccessServer], w.texts[davit.AccessClient]
	const anna, bo = `{"context":{"targetingKey":"anna"}}`, `{"context":{"targetingKey":"anna","plan":"pro"}}`
	resp, text := w.ask(t, http.MethodPost, flags, server, anna)
	var all bulk
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all.Flags) != 2 || all.Flags[0].Value != true || all.Metadata["revision"] != 2.0 {
		t.Fatalf("%s (%v)", text, err)
	}
	if uri := all.EventStreams[0].Endpoint.RequestURI; uri != ofrep.EventsPath+"?after=2" {
		t.Errorf("changes are told at %s", uri)
	}
	tag := resp.Header.Get("ETag")
	if resp, _ := w.ask(t, http.MethodPost, flags, server, anna, "If-None-Match", `"other", W/`+tag); resp.StatusCode != http.StatusNotModified || resp.Header.Get("ETag") != tag {
		t.Errorf("the same again: %d", resp.StatusCode)
	}
	for name, ask := range map[string][2]string{"another context": {server, bo}, "another key": {client, anna}} {
		if resp, _ := w.ask(t, http.MethodPost, flags, ask[0], ask[1], "If-None-Match", tag); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	w.set(t, "a", env(davit.TurnOff))
	if resp, _ := w.ask(t, http.MethodPost, flags, server, anna, "If-None-Match", tag); resp.StatusCode != http.StatusOK {
		t.Errorf("after a change: %d", resp.StatusCode)
	}
	_, text = w.ask(t, http.MethodPost, flags, server, `{"context":{}}`)
	if err := json.Unmarshal([]byte(text), &all); err != nil || all.Flags[1].ErrorCode != "TARGETING_KEY_MISSING" || all.Flags[0].ErrorCode != "" {
		t.Errorf("without a user: %s (%v)", text, err)
	}
	if resp, text := w.ask(t, http.MethodPost, flags, server, `{"context":7}`); resp.StatusCode != 400 || !strings.HasPrefix(text, `{"errorCode":"INVALID_CONTEXT"`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	_, text = w.ask(t, http.MethodPost, flags, client, anna)
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all.Flags) != 1 || !strings.Contains(text, "key="+client) {
		t.Errorf("a client key sees %s (%v)", text, err)
	}
}

// listen opens an event stream and returns a reader of its events' data and IDs.
func (w *world) listen(t *testing.T, query, key string, header ...string) (next func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+ofrep.EventsPath+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	resp, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(resp.Body)
	return func() string {
		var event []string
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "id: ") || strings.HasPrefix(line, "data: "):
				event = append(event, line)
			case line == "" && len(event) > 0:
				return strings.Join(event, "\n")
			}
		}
		return fmt.Sprint("ended: ", lines.Err())
	}
}

// TestEvents tells of changes from where a client was on, and ends with its key.
func TestEvents(t *testing.T) {
	w := newWorld(t)
	w.set(t, "a", env(davit.TurnOn))
	server, client := w.texts[davit.AccessServer], w.texts[davit.AccessClient]
	fresh := w.listen(t, "", server)
	behind := w.listen(t, "?after=0&key="+client, "")
	resumed := w.listen(t, "?after=0", server, "Last-Event-ID", "1")
	if got := behind(); !strings.HasPrefix(got, "id: 1\ndata: {\"type\":\"refetchEvaluation\",\"etag\":\"1\",\"lastModified\":") {
		t.Errorf("one that was behind gets %s", got)
	}
	w.set(t, "a", env(davit.TurnOff))
	for name, next := range map[string]func() string{"fresh": fresh, "behind": behind, "resumed": resumed} {
		if got := next(); !strings.HasPrefix(got, "id: 2\n") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if resp, _ := w.ask(t, http.MethodGet, ofrep.EventsPath+"?key="+server, "", ""); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a secret in the address: %d", resp.StatusCode)
	}
	if resp, _ := w.ask(t, http.MethodGet, ofrep.EventsPath+"?after=x", server, ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("no number: %d", resp.StatusCode)
	}
	if _, err := w.book.RevokeKey(context.Background(), "test", "shop", w.keys[davit.AccessServer].ID, ""); err != nil {
		t.Fatal(err)
	}
	if got := fresh(); got != "ended: <nil>" {
		t.Errorf("with a revoked key: %s", got)
	}
}

// FuzzSingle looks for a body that is answered with no JSON, or a failure of the
// server.
func FuzzSingle(f *testing.F) {
	for _, seed := range []string{`{"context":{"targetingKey":"anna"}}`, `{"context":{}}`, `{}`, `[]`, ``, `{"context":{"a":[1,{"b":null}]}}`,
		`{"context":{"targetingKey":"\ud800"},"context":1}`, `{"context":{"a":1}}}`, `{"context":1}{"context":2}`} {
		f.Add(seed, "half")
	}
	f.Add(`{"context":{"targetingKey":"anna"}}`, "a\"b/../\x00")
	w := newWorld(f)
	w.set(f, "half", env(davit.TurnOn), split(50))
	f.Fuzz(func(t *testing.T, body, key string) {
		req := httptest.NewRequest(http.MethodPost, flags+"/x", strings.NewReader(body))
		req.URL.Path = flags + "/" + key
		req.Header.Set("Authorization", "Bearer "+w.texts[davit.AccessServer])
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, req)
		if answer.Code >= 500 || !json.Valid(answer.Body.Bytes()) {
			t.Errorf("%q: %d %s", body, answer.Code, answer.Body)
		}
	})
}
