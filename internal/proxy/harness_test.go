package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// patience bounds every wait in the tests. It is long, so that only what would
// never happen fails.
const patience = 20 * time.Second

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls until the condition holds, where there is no event to wait for.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := testContext(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never came to be that %s", what)
		case <-tick.C:
		}
	}
}

// tempDir returns a folder whose path is short enough for a socket in it.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "davit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// testLog passes what a proxy says on to the test's log.
type testLog struct {
	t  *testing.T
	mu sync.Mutex
	b  strings.Builder
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Write(p)
	return len(p), nil
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is a proxy inside the test, with a table that is changed step by step.
type rig struct {
	*Proxy
	t      *testing.T
	stdout *testLog
	stderr *testLog
	table  Table
}

const anyPort = "127.0.0.1:0"

var testKey = []byte("a key that is long enough")

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, stdout: &testLog{t: t}, stderr: &testLog{t: t}, table: Table{Key: testKey}}
	r.Proxy = New(tempDir(t), r.stdout, r.stderr)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what a test left open is cut off
		r.Close(ctx)
	})
	return r
}

// put puts the site in effect, alone.
func (r *rig) put(site Site) {
	r.t.Helper()
	r.table = Table{Number: r.table.Number + 1, Key: r.table.Key, Sites: []Site{site}}
	table := r.table
	if err := r.Apply(context.Background(), &table); err != nil {
		r.t.Fatalf("putting table %d in effect: %v", table.Number, err)
	}
}

// url returns the front door's address, with a path.
func (r *rig) url(path string) string { return "http://" + r.Addresses()[anyPort] + path }

// oneRelease returns a site with one release of one service at the addresses.
func oneRelease(protocol davit.Protocol, addresses ...string) Site {
	return Site{
		Name: "shop/test", Front: davit.Front{Listen: []davit.Listener{{Address: anyPort}}},
		Split: davit.All("v1"), Stable: "v1",
		Releases: map[davit.ReleaseID]Release{"v1": releaseAt(protocol, "v1", addresses...)},
	}
}

// twoReleases returns a site with v1 as stable and v2 as candidate, which has
// the share in thousandths.
func twoReleases(share int, v1, v2 string) Site {
	site := oneRelease(davit.ProtocolHTTP1, v1)
	site.Candidate = "v2"
	site.Releases["v2"] = releaseAt(davit.ProtocolHTTP1, "v2", v2)
	site.Split = davit.Split{}
	if share > 0 {
		site.Split["v2"] = share
	}
	if share < davit.Whole {
		site.Split["v1"] = davit.Whole - share
	}
	return site
}

func releaseAt(protocol davit.Protocol, id string, addresses ...string) Release {
	backends := []Backend{}
	for i, address := range addresses {
		backends = append(backends, Backend{Instance: id + "-web-" + string(rune('a'+i)), Address: address})
	}
	return Release{
		Routes:   []davit.Route{{Prefix: "/", Service: "web"}},
		Services: map[string]Service{"web": {Protocol: protocol, Backends: backends}},
	}
}

// drainOf asks to drain a release of the site of oneRelease, or an instance.
func drainOf(id davit.ReleaseID, instance string, limit time.Duration) DrainRequest {
	return DrainRequest{Site: "shop/test", Release: id, Instance: instance, Limit: davit.Duration(limit)}
}

// backendServer starts a real HTTP server and returns its address.
func backendServer(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = &http.Protocols{}
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.Listener.Addr().String()
}

// says returns a handler that answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, text)
	}
}

// newClient returns an HTTP client with connections of its own.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// exchangeWith sends a request and returns the answer with its body read.
func exchangeWith(t *testing.T, client *http.Client, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(testContext(t), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(data)
}

// deadAddress returns an address that nothing listens on.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
