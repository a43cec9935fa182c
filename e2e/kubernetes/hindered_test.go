//go:build e2e && linux

package kubernetes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestAPIServerHinders has an API server that refuses one request in four, each in
// another way, ends watches early, says that they are too old, and stalls them: it
// costs time alone.
func TestAPIServerHinders(t *testing.T) {
	t.Parallel()
	api := newHinderer(t)
	h := newHarbour(t, func(o *rig.Options) { o.Replicas, o.Kubeconfig = 2, api.kubeconfig() })
	h.promote(rig.BlueGreen, "v1")
	traffic := h.begin(100)
	api.hinder()
	patient := rig.Canary
	patient.Deadline = "5m"
	d := h.promote(patient, "v2")
	t.Logf("it took %s", ms(d.Ended.Sub(d.Began)))
	api.hinders.Store(false)
	h.settled(davit.Promoted, "v2")
	traffic.lossless()
	t.Logf("refused %d of %d requests, broke %d of %d watches", api.refused.Load(), api.requests.Load(), api.broken.Load(), api.watches.Load())
	if api.refused.Load() < 3 || api.broken.Load() < 5 {
		t.Error("nobody was hindered")
	}
}

// hinderer stands before the API server.
type hinderer struct {
	*testing.T
	server  *httptest.Server
	behind  http.Handler
	hinders atomic.Bool

	requests, refused, watches, broken atomic.Int64

	mu    sync.Mutex
	asked []string // what was, but watches
}

func newHinderer(t *testing.T) *hinderer {
	t.Helper()
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{})
	config, err := loader.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	behind, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	h := &hinderer{T: t, behind: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }, Transport: transport, FlushInterval: -1,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	h.server = httptest.NewServer(h)
	t.Cleanup(func() {
		h.server.CloseClientConnections()
		h.server.Close()
	})
	return h
}

// hinder begins to, with the watches that there are.
func (h *hinderer) hinder() {
	h.hinders.Store(true)
	h.server.CloseClientConnections()
}

// kubeconfig writes one that leads to the hinderer.
func (h *hinderer) kubeconfig() string {
	h.Helper()
	path := filepath.Join(h.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: h.server.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c"}},
		CurrentContext: "c",
	}, path)
	if err != nil {
		h.Fatal(err)
	}
	return path
}

// since returns what was asked after the first n requests.
func (h *hinderer) since(n int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.asked[n:])
}

func (h *hinderer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if watch := r.URL.Query().Get("watch"); watch == "true" || watch == "1" {
		h.watches.Add(1)
		h.watch(w, r)
		return
	}
	h.requests.Add(1)
	h.mu.Lock()
	h.asked = append(h.asked, r.Method+" "+r.URL.Path)
	h.mu.Unlock()
	if h.hinders.Load() && rand.IntN(4) == 0 {
		h.refused.Add(1)
		refuse(w, r.Method)
		return
	}
	h.behind.ServeHTTP(w, r)
}

// watch lets a watch go on for a moment, when it hinders.
func (h *hinderer) watch(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	end := time.AfterFunc(time.Second+rand.N(5*time.Second), func() {
		if h.hinders.Load() {
			h.broken.Add(1)
			cancel()
		}
	})
	defer end.Stop()
	if h.hinders.Load() {
		switch rand.IntN(8) {
		case 0:
			h.broken.Add(1)
			status(w, http.StatusGone, "Expired", "too old resource version")
			return
		case 1: // nothing comes, for a time
			h.broken.Add(1)
			w.Header().Set("Content-Type", "application/json")
			_ = http.NewResponseController(w).Flush() // who is gone sees nothing either
			select {
			case <-r.Context().Done():
			case <-time.After(12 * time.Second):
			}
			return
		}
	}
	h.behind.ServeHTTP(w, r.WithContext(ctx))
}

// refuse answers in the server's place, in one of its ways.
func refuse(w http.ResponseWriter, method string) {
	switch n := rand.IntN(5); {
	case n == 0:
		w.Header().Set("Retry-After", "1")
		status(w, http.StatusTooManyRequests, "TooManyRequests", "the server has received too many requests")
	case n == 1 && method != http.MethodGet:
		status(w, http.StatusConflict, "Conflict", "the object has been modified")
	case n == 2:
		status(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the server is shutting down")
	case n == 3:
		panic(http.ErrAbortHandler)
	default:
		status(w, http.StatusInternalServerError, "InternalError", "etcdserver: leader changed")
	}
}

// status writes an error as the API server does.
func status(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, code)
}
