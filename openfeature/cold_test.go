package openfeature_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/openfeature"
)

// hanging returns the URL of a server that takes connections and says nothing.
func hanging(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

// saying returns the URL of a server that says the same to everybody.
func saying(t *testing.T, contentType, text string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestColdStart starts programs with each kind of server and of file: the flags are
// the server's, or those that were kept, or there are none and the program is told so.
func TestColdStart(t *testing.T) {
	w := newWorld(t)
	w.set(boolean("plain"), on("on"))
	kept := filepath.Join(t.TempDir(), "flags")
	p, err := w.start(openfeature.Options{File: kept})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.api.Shutdown(t.Context()); err != nil { // and keeps what is older from now on
		t.Fatal(err)
	}
	w.set(boolean("plain"), on("off"))
	good, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	const events = "text/event-stream"
	servers := []struct {
		name, url string
		good      bool
	}{
		{"present", w.URL, true},
		{"away", closed.URL, false},
		{"hanging", hanging(t), false},
		{"a page", saying(t, "text/html", "<html>\n\nevent: snapshot\n</html>"), false},
		{"no flags", saying(t, events, "event: snapshot\ndata: {}\n\n"), false},
		{"nothing", saying(t, events, "event: snapshot\ndata: null\n\n"), false},
		{"half of it", saying(t, events, `event: snapshot`+"\n"+`data: {"application":"shop","environment":"production","flags":[`+"\n\n"), false},
		{"flags of no type", saying(t, events, `event: snapshot`+"\n"+`data: {"application":"shop","environment":"production","revision":99,"flags":[{"key":"plain"}]}`+"\n\n"), false},
	}
	files := []struct {
		name string
		text []byte
		good bool
	}{
		{"kept", good, true},
		{"none", nil, false},
		{"damaged", append(good[:len(good)-1:len(good)-1], 'x'), false},
		{"empty", []byte{}, false},
	}
	for _, server := range servers {
		for _, file := range files {
			t.Run(server.name+", "+file.name, func(t *testing.T) {
				w := &world{Server: &httptest.Server{URL: server.url}, t: t, key: w.key}
				path := filepath.Join(t.TempDir(), "flags")
				if file.text != nil {
					if err := os.WriteFile(path, file.text, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				wait := patience
				if !server.good {
					wait = 50 * time.Millisecond // nothing comes
				}
				p, err := w.start(openfeature.Options{File: path, Wait: wait})
				if some := server.good || file.good; (err == nil) != some {
					t.Fatalf("started: %v", err)
				}
				d, err := p.BooleanValueDetails(t.Context(), "plain", true, sdk.EvaluationContext{})
				want := []any{true, "on", sdk.StaticReason}
				switch {
				case server.good:
					want = []any{false, "off", sdk.StaticReason}
				case !file.good:
					want = []any{true, "", sdk.ErrorReason}
				}
				if got := []any{d.Value, d.Variant, d.Reason}; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("answered %v, want %v (%v)", got, want, err)
				}
				if !server.good && file.good {
					p.hears(t, "PROVIDER_STALE")
				}
				if text, _ := os.ReadFile(path); !server.good && string(text) != string(file.text) {
					t.Errorf("the file was written: %s", text)
				}
			})
		}
	}
}

// TestBehindFile starts a program whose file is newer than what the server has: it
// goes by the file at once.
func TestBehindFile(t *testing.T) {
	w := newWorld(t)
	w.set(boolean("plain"), on("on"))
	file := filepath.Join(t.TempDir(), "flags")
	snapshot := func() string {
		t.Helper()
		p, err := w.start(openfeature.Options{File: file})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.api.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		e, err := davit.DecodeFlagEdition(text)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := json.Marshal(e.Snapshot)
		if err != nil {
			t.Fatal(err)
		}
		return string(doc)
	}
	old := snapshot()
	w.set(boolean("plain"), on("off"))
	snapshot()
	behind := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(rw, "id: 1\nevent: snapshot\ndata: %s\n\n", old)
		_ = http.NewResponseController(rw).Flush() // who has gone needs nothing
		<-r.Context().Done()
	}))
	t.Cleanup(func() { behind.CloseClientConnections(); behind.Close() })
	w.Server = behind
	start := time.Now()
	p, err := w.start(openfeature.Options{File: file, Wait: 10 * patience})
	if err != nil || time.Since(start) > patience {
		t.Fatalf("started after %s (%v)", time.Since(start), err)
	}
	p.hears(t, "PROVIDER_STALE")
	if v, err := p.BooleanValue(t.Context(), "plain", true, sdk.EvaluationContext{}); v || err != nil {
		t.Errorf("%v (%v)", v, err)
	}
}
