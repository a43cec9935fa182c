package validation

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// application is one that passes every check, but for the one that it breaks:
// a front door with TLS, one of plain HTTP beside it, two instances of the
// candidate and one of the stable release. All of them are real servers.
type application struct {
	t      *testing.T
	broken string // ID of the check that it fails; "" passes all
	asked  atomic.Int64

	front, plain, stable *httptest.Server
	roots                string // PEM file of the authority

	// held receives for every request that the first instance holds until
	// stopping is closed.
	held, stopping chan struct{}

	mu        sync.Mutex
	instances []*httptest.Server
	listeners []func(string) bool // of the log
}

const (
	releaseID = davit.ReleaseID("v2-0123456789ab")
	stableID  = davit.ReleaseID("v1-0123456789ab")
	artifact  = "sha256:2222"
)

func newApplication(t *testing.T, broken string) *application {
	t.Helper()
	a := &application{t: t, broken: broken, held: make(chan struct{}), stopping: make(chan struct{})}
	a.front = httptest.NewUnstartedServer(a.handler(-1))
	a.front.EnableHTTP2 = true
	a.front.TLS = a.tls()
	a.front.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what some checks want
	a.front.StartTLS()
	a.plain = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.breaks("security.https-redirect") {
			http.Redirect(w, r, "https://shop.test"+r.URL.Path, http.StatusPermanentRedirect)
		}
	}))
	a.stable = httptest.NewServer(a.handler(-1))
	a.instances = []*httptest.Server{httptest.NewServer(a.handler(0)), httptest.NewServer(a.handler(1))}
	t.Cleanup(func() {
		for _, s := range append(a.instances, a.front, a.plain, a.stable) {
			s.CloseClientConnections()
			s.Close()
		}
	})
	return a
}

func (a *application) breaks(id string) bool { return a.broken == id }

// either returns good, or bad when the application fails the check.
func either[T any](a *application, id string, good, bad T) T {
	if a.breaks(id) {
		return bad
	}
	return good
}

// handler answers at the front door (-1) or as an instance.
func (a *application) handler(instance int) http.Handler {
	mux := http.NewServeMux()
	ill := instance == 1 // where only one of the instances is
	status := func(path, id string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(either(a, id, 200, 503)) })
	}
	mux.HandleFunc("GET /held", func(_ http.ResponseWriter, r *http.Request) {
		if instance == 0 { // the one that is told to end
			select {
			case a.held <- struct{}{}:
			case <-a.stopping:
			}
		}
		select {
		case <-a.stopping:
		case <-r.Context().Done():
		}
	})
	status("/startupz", "health.startup")
	status("/livez", "health.liveness")
	status("/readyz", "health.readiness")
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(map[bool]int{false: 200, true: 500}[ill && a.breaks("health.instances")])
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"status": %q, "dependencies": {"database": {"status": "UP"}, "queue": {"status": %q}}}`,
			either(a, "health.system", "ok", "degraded"), either(a, "dependencies.reported", "ok", "down"))
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		said := map[string]string{"version": "v2", "release": string(releaseID), "configuration": "cafe"}
		for _, field := range []string{"version", "release", "configuration"} {
			if ill && a.breaks("identity."+field) {
				said[field] = "another"
			}
		}
		_ = json.NewEncoder(w).Encode(said)
	})
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, _ *http.Request) {
		version := "v2"
		if a.breaks("identity.consistent") && a.asked.Add(1)%2 == 0 {
			version = "v1"
		}
		fmt.Fprintf(w, `{"version": %q}`, version)
	})
	a.pages(mux)
	a.secrets(mux, instance)
	return a.around(mux)
}

// pages are what users see.
func (a *application) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "visit", Value: "1", Secure: true, HttpOnly: !a.breaks("security.cookies"), SameSite: http.SameSiteLaxMode})
		w.Header().Set("Content-Type", "text/html")
		page := strings.Repeat("<p>brass compass</p>", 200)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && !a.breaks("performance.compression") {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			_, _ = io.WriteString(z, page)
			return
		}
		_, _ = io.WriteString(w, page)
	})
	mux.HandleFunc("GET /products", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `[{"name": "compass", "price": %s}]`, either(a, "functional.requests", "8900", `"much"`))
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s1", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		fmt.Fprint(w, `{"cart": 7}`)
	})
	mux.HandleFunc("GET /cart/7", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); err != nil || c.Value != "s1" || a.breaks("functional.journeys") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "cart 7")
	})
	mux.HandleFunc("GET /old", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, either(a, "functional.redirects", "/new", "/elsewhere"), http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, either(a, "functional.openapi", `{"openapi": "3.1.0", "paths": {}}`, `{"name": "something else"}`))
	})
	mux.HandleFunc("/cors", func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin == "https://friend.test" || a.breaks("functional.cors") {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
	})
	mux.HandleFunc("/head", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && a.breaks("functional.head") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /timed", func(_ http.ResponseWriter, r *http.Request) {
		if a.breaks("performance.latency") {
			rest(r.Context(), 310*time.Millisecond)
		}
	})
	mux.HandleFunc("GET /many", func(w http.ResponseWriter, _ *http.Request) {
		if a.breaks("performance.parallel") && a.asked.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET /large", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, either(a, "performance.payload", 1000, 1001)))
	})
	mux.HandleFunc("GET /kept", func(w http.ResponseWriter, _ *http.Request) {
		if a.breaks("performance.keep-alive") {
			w.Header().Set("Connection", "close")
		}
	})
}

// secrets are what is nobody's business.
func (a *application) secrets(mux *http.ServeMux, instance int) {
	for _, exposed := range []struct{ id, path, text string }{
		{"security.exposed-git", "/.git/HEAD", "ref: refs/heads/main"},
		{"security.exposed-env", "/.env", "PASSWORD=sesame"},
		{"security.exposed-debug", "/debug/vars", `{"memstats": {}}`},
	} {
		if a.breaks(exposed.id) {
			mux.HandleFunc("GET "+exposed.path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, exposed.text) })
		}
	}
	if instance >= 0 || a.breaks("security.exposed-metrics") {
		mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, either(a, "observability.metrics", "# TYPE requests_total counter\nrequests_total 1\n", "requests_total one\n"))
		})
	}
}

// around gives every answer what every answer has.
func (a *application) around(mux *http.ServeMux) http.Handler {
	headers := map[string]struct{ id, good, bad string }{
		"X-Content-Type-Options":    {"security.nosniff", "nosniff", ""},
		"X-Frame-Options":           {"security.frames", "DENY", "ALLOWALL"},
		"Referrer-Policy":           {"security.referrer", "same-origin", "unsafe-url"},
		"Strict-Transport-Security": {"security.hsts", "max-age=31536000", "max-age=60"},
		"Server":                    {"security.banner", "shop", "nginx/1.18.0"},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, h := range headers {
			w.Header().Set(name, either(a, h.id, h.good, h.bad))
		}
		id := r.Header.Get("X-Request-Id")
		if !a.breaks("functional.request-id") {
			w.Header().Set("X-Request-Id", id)
		}
		if !a.breaks("observability.logs") {
			a.log("answered request " + id)
		}
		_, pattern := mux.Handler(r)
		switch {
		case r.Method == http.MethodTrace && a.breaks("security.trace"):
			_ = r.Header.Write(w)
		case r.Method == "DAVIT" && a.breaks("functional.method"),
			pattern == "" && r.URL.Path == nowhere && a.breaks("functional.not-found"):
			_, _ = io.WriteString(w, "welcome")
		case pattern == "" && a.breaks("functional.error-pages") && r.URL.Path == nowhere:
			http.Error(w, "panic: nil map\ngoroutine 7 [running]:\nmain.page()", http.StatusNotFound)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func (a *application) log(line string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var still []func(string) bool
	for _, listen := range a.listeners {
		if listen(line) {
			still = append(still, listen)
		}
	}
	a.listeners = still
}

// target returns all that can be known of the application.
func (a *application) target() *Target {
	return &Target{
		URL: a.front.URL, Host: "shop.test", Environment: "staging", Version: "v2", Stable: stableID, Shared: true,
		Release: &davit.Release{
			ID: releaseID, Version: "v2", ConfigHash: "cafe", Artifacts: map[string]string{"web": artifact},
			Config: davit.ReleaseConfig{Services: map[string]davit.Service{"web": {Name: "web", Traffic: true, Grace: ms(10_000)}}},
		},
		Instances: a.list,
		Logs: func(ctx context.Context, each func(string) bool) error {
			done := make(chan struct{})
			a.mu.Lock()
			a.listeners = append(a.listeners, func(line string) bool {
				if !each(line) {
					close(done)
					return false
				}
				return true
			})
			a.mu.Unlock()
			select {
			case <-done:
			case <-ctx.Done():
			}
			return nil
		},
		Replace: a.replace,
	}
}

func (a *application) list(context.Context) ([]davit.Instance, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	address := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	used := func(memory int64, files int, cpu davit.Duration) davit.Usage {
		return davit.Usage{MemoryBytes: memory << 20, OpenFiles: files, CPU: cpu}
	}
	now := davit.Duration(time.Since(begun))
	list := []davit.Instance{{
		ID: "web-s", Release: stableID, Service: "web", Address: address(a.stable), Condition: davit.Ready,
		Usage: used(100, 100, now/10), User: "1000",
	}}
	for n, s := range a.instances {
		i := davit.Instance{
			ID: fmt.Sprintf("web-%d", n), Release: releaseID, Service: "web", Address: address(s), Condition: davit.Ready, User: "1000", Artifact: artifact,
			Usage: used(either(a, "runtime.memory", int64(120), 500), either(a, "runtime.files", 120, 500), either(a, "runtime.cpu", now/8, 4*now)),
		}
		i.Setup = &davit.Setup{
			Image: "registry.example.org/shop/web:v2", Node: fmt.Sprintf("node-%d", either(a, "runtime.spread", n, 0)),
			ReadOnlyRoot: true, Unprivileged: true, Readiness: true, Budgeted: true,
			Requests: davit.Resources{MemoryBytes: 1 << 28, MilliCPU: 500}, Limits: davit.Resources{MemoryBytes: 1 << 28},
		}
		if n == 1 {
			i.Setup.Image = either(a, "runtime.image", i.Setup.Image, "localhost:5000/web:latest")
			i.Setup.ReadOnlyRoot = either(a, "runtime.readonly", true, false)
			i.Setup.Unprivileged = either(a, "runtime.privileges", true, false)
			i.Setup.Readiness = either(a, "runtime.probes", true, false)
			i.Setup.Budgeted = either(a, "runtime.budget", true, false)
			i.Setup.Limits.MemoryBytes = either(a, "runtime.resources", i.Setup.Limits.MemoryBytes, 0)
			i.Restarts = either(a, "health.restarts", 0, 1)
			i.User = either(a, "runtime.user", "1000", "0")
			i.Artifact = either(a, "identity.artifact", artifact, "sha256:6666")
		}
		list = append(list, i)
	}
	return list, nil
}

var begun = time.Now()

// replace ends an instance gracefully, or at once, while it holds a request of
// each client.
func (a *application) replace(ctx context.Context, id string) (davit.Departure, error) {
	var n int
	if _, err := fmt.Sscanf(id, "web-%d", &n); err != nil {
		return davit.Departure{}, err
	}
	for range 4 { // all clients have been heard
		<-a.held
	}
	rest(ctx, 20*time.Millisecond)
	a.mu.Lock()
	old := a.instances[n]
	a.instances[n] = httptest.NewServer(a.handler(n))
	a.mu.Unlock()
	d := davit.Departure{Signalled: time.Now(), InTime: true}
	var err error
	if a.breaks("runtime.stop") {
		err = old.Config.Close()
		close(a.stopping)
	} else {
		close(a.stopping)
		err = old.Config.Shutdown(ctx)
	}
	d.Ended = time.Now()
	return d, err
}

// tls makes the front door's certificate.
func (a *application) tls() *tls.Config {
	a.t.Helper()
	ca, caKey := a.certificate(nil, nil, 365)
	a.roots = filepath.Join(a.t.TempDir(), "ca.pem")
	if err := os.WriteFile(a.roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	if a.breaks("security.tls-chain") {
		ca, caKey = a.certificate(nil, nil, 365) // one that nobody knows
	}
	leaf, key := a.certificate(ca, caKey, either(a, "security.tls-expiry", 90, 5))
	c := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}}
	if a.breaks("security.tls-versions") {
		c.MinVersion = tls.VersionTLS10
	}
	if a.breaks("security.tls-ciphers") {
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
	}
	return c
}

// certificate returns an authority, or what one has signed.
func (a *application) certificate(parent *x509.Certificate, parentKey *ecdsa.PrivateKey, days int) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "davit test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, days),
	}
	signer := parentKey
	if parent == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer = c, key
	} else {
		c.DNSNames = []string{either(a, "security.tls-name", "shop.test", "other.test")}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

// greeter is a server that answers the first bytes of a client with a text. It
// speaks no more of a protocol than its greeting.
func greeter(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	clients.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			clients.Go(func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, 1024)); err == nil {
					_, _ = io.WriteString(conn, says)
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); clients.Wait() })
	return l.Addr().String()
}

// closedAddress is one where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
