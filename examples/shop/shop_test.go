package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

func newTestAPI(t *testing.T, ledgerPath string) http.Handler {
	t.Helper()
	l, err := openLedger(ledgerPath)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return newAPI(t.Context(), l, new(sync.WaitGroup))
}

func TestOrderIsEchoedAndEnteredOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	api := newTestAPI(t, path)
	for range 2 {
		w := httptest.NewRecorder()
		body := strings.NewReader(`{"key":"a-1","product":"Oilskin"}`)
		api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/orders", body))
		var order Order
		if err := json.Unmarshal(w.Body.Bytes(), &order); err != nil || w.Code != http.StatusCreated {
			t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
		}
		if want := (Order{Key: "a-1", Product: "Oilskin", Version: version}); order != want {
			t.Errorf("order %+v, want %+v", order, want)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "a-1\n" {
		t.Errorf("ledger %q, %v; want one line", got, err)
	}
}

func TestOrderWithoutAProperKeyIsRefused(t *testing.T) {
	api := newTestAPI(t, "")
	for _, body := range []string{"", "{}", `{"key":"a b"}`, `{"key":"a\nb"}`, `{"key":"` + strings.Repeat("x", 65) + `"}`} {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/orders", strings.NewReader(body)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q was answered %d, want 400", body, w.Code)
		}
	}
}

func TestLedgerMemoryIsBounded(t *testing.T) {
	l, err := openLedger("")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * remembered {
		if err := l.enter(fmt.Sprint("k", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.recent) + len(l.older); n > 2*remembered {
		t.Errorf("the ledger remembers %d keys, want %d at most", n, 2*remembered)
	}
}

func TestEventsCountFromOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			handleEvents(ctx)(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/events", http.NoBody))
		}()
		time.Sleep(tick)
		synctest.Wait()
		stop()
		<-done
		if got, want := w.Body.String(), "id: 1\ndata: dev\n\nid: 2\ndata: dev\n\n"; got != want {
			t.Errorf("the stream is %q, want %q", got, want)
		}
	})
}

func TestEchoSaysWhenItGoesAway(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	server := httptest.NewServer(handleEcho(ctx, new(sync.WaitGroup)))
	defer server.Close()
	conn, response, err := websocket.Dial(t.Context(), server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow() //nolint:errcheck // it was closed before
	// RFC 6455 section 1.3 gives how the answer follows from the key; the client
	// has checked it.
	if got := response.Header.Get("Shop-Version"); got != version {
		t.Errorf("version %q answered", got)
	}
	for _, message := range []string{"ahoy", strings.Repeat("x", longest), ""} {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(t.Context()); err != nil || string(got) != message {
			t.Errorf("%q came back for %q, %v", got, message, err)
		}
	}
	stop()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("it ended with %v", err)
	}
	if plain, err := http.Get(server.URL); err != nil || plain.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a plain request got %v, %v", plain, err)
	} else {
		_ = plain.Body.Close()
	}
}

func TestWebAsksTheAPIThroughTheFrontDoor(t *testing.T) {
	asked := make(chan http.Header, 1)
	api := newTestAPI(t, "")
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header
		api.ServeHTTP(w, r)
	}))
	defer front.Close()
	web, err := newWeb(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	for _, name := range forwarded {
		r.Header.Set(name, "the "+name)
	}
	r.Header.Set("Authorization", "not to be passed on")
	w := httptest.NewRecorder()
	web.ServeHTTP(w, r)
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "Bosun&#39;s whistle") || !strings.Contains(body, "</html>") {
		t.Errorf("page %d: %s", w.Code, body)
	}
	got := <-asked
	for _, name := range forwarded {
		if got.Get(name) != "the "+name {
			t.Errorf("%s arrived as %q", name, got.Get(name))
		}
	}
	if got.Get("Authorization") != "" {
		t.Error("Authorization was passed on")
	}
}

func TestWebWithoutAPIAnswersBadGateway(t *testing.T) {
	front := httptest.NewServer(http.NotFoundHandler())
	defer front.Close()
	web, err := newWeb(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	web.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if w.Code != http.StatusBadGateway {
		t.Errorf("page %d, want 502", w.Code)
	}
}

func TestReadFaults(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    Faults
		wrong   string
	}{
		"healthy":         {`{}`, Faults{}, ""},
		"of another":      {`{"web":{"neverReady":true}}`, Faults{}, ""},
		"all":             {`{"api":{"slowStart":"1s","errorRate":0.5,"memoryGrowth":2}}`, Faults{SlowStart: duration(time.Second), ErrorRate: 0.5, MemoryGrowth: 2}, ""},
		"unknown fault":   {`{"api":{"erorRate":1}}`, Faults{}, "erorRate"},
		"impossible rate": {`{"api":{"errorRate":2}}`, Faults{}, "want 0 to 1"},
		"no duration":     {`{"api":{"latency":"5"}}`, Faults{}, "missing unit"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), faultsFile)
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readFaults(path, "api")
			if c.wrong == "" && (err != nil || got != c.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
			if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("error %v, want one with %q", err, c.wrong)
			}
		})
	}
	if got, err := readFaults(filepath.Join(t.TempDir(), "none"), "api"); err != nil || got != (Faults{}) {
		t.Errorf("without a file: %+v, %v", got, err)
	}
}

func TestReleasesAreReadable(t *testing.T) {
	files, err := filepath.Glob("releases/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("releases: %v, %v", files, err)
	}
	for _, file := range files {
		for _, service := range []string{"web", "api", "worker"} {
			if _, err := readFaults(file, service); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestErrorsBeginAfterTheFirstRequestAndLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Faults{ErrorRate: 1, ErrorsAfter: duration(time.Second), Latency: duration(300 * time.Millisecond)}
		handler := f.disturb(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
		start := time.Now()
		for i, want := range []int{200, 200, 200, 200, 500, 500} { // at 0, 0.3, 0.6, 0.9, 1.2, 1.5 s
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
			if w.Code != want {
				t.Errorf("request %d was answered %d, want %d", i, w.Code, want)
			}
		}
		if took := time.Since(start); took != 1800*time.Millisecond {
			t.Errorf("six requests took %s, want 1.8s", took)
		}
	})
}

func TestProbesAreNotDisturbed(t *testing.T) {
	for name, c := range map[string]struct {
		faults Faults
		path   string
		want   int
	}{
		"ready though it fails": {Faults{ErrorRate: 1}, "/readyz", http.StatusOK},
		"never ready":           {Faults{NeverReady: true}, "/readyz", http.StatusServiceUnavailable},
		"alive all the same":    {Faults{NeverReady: true}, "/livez", http.StatusOK},
		"the shop itself":       {Faults{ErrorRate: 1}, "/", http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			kept(slog.New(slog.DiscardHandler), c.faults, http.NewServeMux()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody))
			if w.Code != c.want || w.Header().Get("Shop-Version") != version {
				t.Errorf("%s was answered %d by %q, want %d by %q", c.path, w.Code, w.Header().Get("Shop-Version"), c.want, version)
			}
		})
	}
}

func TestRequestsInFlightAreFinished(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	release := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop() // the SIGTERM arrives while this request is being answered
		<-release
		fmt.Fprint(w, "done")
	})
	ended := make(chan error, 1)
	go func() { ended <- answerUntil(ctx, listener, handler) }()
	go func() { <-ctx.Done(); close(release) }()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "done" {
		t.Errorf("the request in flight got %q, %v", body, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestWorkerBeats(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := runWorker(ctx, Faults{}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(heartbeatFile); err != nil || string(got) != version+" 1\n" {
		t.Errorf("heartbeat %q, %v", got, err)
	}
}

func TestTally(t *testing.T) {
	var seen tally
	for _, what := range []string{"v2", "v1", "v1", "failed"} {
		seen.count(what)
	}
	if got, want := seen.line(), "failed 1  v1 2  v2 1"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	if got := seen.line(); got != "" {
		t.Errorf("second line %q, want none", got)
	}
}

func TestWhatAWellKeptServiceAnswers(t *testing.T) {
	ill := false
	service := http.NewServeMux()
	service.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "page") })
	shop := kept(slog.New(slog.DiscardHandler), Faults{}, service, dependency{"sea", func(*http.Request) error {
		if ill {
			return fmt.Errorf("too rough")
		}
		return nil
	}})
	ask := func(method, path, forwarded string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
		r.Header.Set("X-Request-Id", "r-1")
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		shop.ServeHTTP(w, r)
		return w
	}
	for _, c := range []struct {
		method, path, forwarded string
		status                  int
		part                    string
	}{
		{"GET", "/", "", 200, "page"},
		{"GET", "/nowhere", "", 404, `{"error":"Not Found"}`},
		{"DAVIT", "/", "", 405, `{"error":"Method Not Allowed"}`},
		{"GET", "/healthz", "", 200, `"dependencies":{"sea":{"status":"ok"}}`},
		{"GET", "/version", "", 200, `"version":"dev"`},
		{"GET", "/metrics", "", 200, `shop_requests_total{status="4xx"} 2`},
		{"GET", "/metrics", "192.0.2.1", 404, "error"},
	} {
		w := ask(c.method, c.path, c.forwarded)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.part) || w.Header().Get("X-Request-Id") != "r-1" {
			t.Errorf("%s %s: %d %s %v, want %d with %s", c.method, c.path, w.Code, w.Body, w.Header(), c.status, c.part)
		}
	}
	if w := ask("DAVIT", "/", ""); !strings.Contains(w.Header().Get("Allow"), "GET") {
		t.Errorf("405 without its methods: %v", w.Header())
	}
	ill = true
	if w := ask("GET", "/healthz", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "too rough") {
		t.Errorf("an ill dependency: %d %s", w.Code, w.Body)
	}
}

// Answers tell their release where that is wanted.
func TestTellRelease(t *testing.T) {
	t.Setenv("DAVIT_RELEASE", "v2-0123456789ab")
	for tell, want := range map[string]string{"": "", "1": "v2-0123456789ab"} {
		t.Setenv("TELL_RELEASE", tell)
		w := httptest.NewRecorder()
		kept(slog.New(slog.DiscardHandler), Faults{}, http.NewServeMux()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/livez", http.NoBody))
		if got := w.Header().Get("Davit-Release"); got != want {
			t.Errorf("asked with %q it tells %q, want %q", tell, got, want)
		}
	}
}
