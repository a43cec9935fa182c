//go:build e2e

package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/davit-dev/davit"
)

// testPatience is short, and long enough to be told from none: the API counts in
// whole seconds.
const testPatience = 2 * time.Second

// bench is a namespace of a real API server with its controllers and scheduler,
// and a kubelet that only says so.
type bench struct {
	*testing.T
	namespace string
	api       *middleman
	config    *rest.Config
	admin     client.Interface // beside the middleman
	cluster   *Cluster
	runtime   *Runtime
}

func newBench(t *testing.T) *bench {
	t.Helper()
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		t.Fatal("KUBECONFIG names no cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = requestsPerSecond, requestsAtOnce
	b := &bench{T: t, config: config, api: newMiddleman(t, config)}
	if b.admin, err = client.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	made, err := b.admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "davit-test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.namespace = made.Name
	t.Cleanup(func() {
		if err := b.admin.CoreV1().Namespaces().Delete(context.Background(), b.namespace, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	b.cluster = b.connect()
	b.runtime = b.cluster.Runtime("shop", "production")
	return b
}

// connect connects through the middleman.
func (b *bench) connect() *Cluster {
	b.Helper()
	config := clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: b.api.server.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c"}},
		CurrentContext: "c",
	}
	path := filepath.Join(b.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(config, path); err != nil {
		b.Fatal(err)
	}
	c, err := Connect(b.Context(), Options{
		Kubeconfig: path, Namespace: b.namespace, Server: b.namespace, NodePatience: testPatience, Log: slog.New(slog.NewTextHandler(b.Output(), nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	})
	return c
}

func (b *bench) declare(r *davit.Release, size davit.Size) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	if err := b.runtime.Declare(ctx, r, size); err != nil {
		b.Fatal(err)
	}
}

// until waits for the instances to be so.
func (b *bench) until(what string, so func([]davit.Instance) bool) []davit.Instance {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	changes := b.runtime.Watch(ctx)
	for {
		all, err := b.runtime.Instances(ctx)
		if err != nil {
			b.Fatalf("waiting for %s: %v", what, err)
		}
		if so(all) {
			return all
		}
		if _, open := <-changes; !open {
			b.Fatalf("waiting for %s: %+v", what, all)
		}
	}
}

func are(all []davit.Instance, n int, c davit.Condition) bool {
	for _, i := range all {
		if i.Condition != c {
			return false
		}
	}
	return len(all) == n
}

// poll waits for what the world gives no event of.
func (b *bench) poll(what string, so func() bool) {
	b.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for !so() {
		select {
		case <-ticker.C:
		case <-limit.C:
			b.Fatalf("waited in vain for %s", what)
		}
	}
}

// node adds a node that the scheduler can choose, and a kubelet for the bench's
// namespace that makes every pod ready and lets those that are deleted go.
func (b *bench) node() {
	b.Helper()
	name := b.namespace
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("100"),
	}
	_, err := b.admin.CoreV1().Nodes().Create(b.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name}},
	}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := b.admin.CoreV1().Nodes().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			b.Error(err)
		}
	})
	b.patch(b.admin.CoreV1().Nodes().Patch, name, corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now()}},
	})
	ctx, cancel := context.WithCancel(context.Background())
	watch, err := b.admin.CoreV1().Pods(b.namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var kubelet sync.WaitGroup
	b.Cleanup(kubelet.Wait)
	b.Cleanup(cancel)
	kubelet.Go(func() {
		for event := range watch.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && pod.Spec.NodeName == name {
				b.keep(ctx, pod)
			}
		}
	})
}

// keep is what a kubelet says of a pod, without the pod.
func (b *bench) keep(ctx context.Context, pod *corev1.Pod) {
	now, grace := metav1.Now(), int64(0)
	switch {
	case pod.DeletionTimestamp != nil:
		_ = b.admin.CoreV1().Pods(b.namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &grace}) // gone is as good
	case pod.Status.PodIP == "":
		data, err := json.Marshal(map[string]any{"status": corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}}, StartTime: &now,
			Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.ContainersReady, Status: corev1.ConditionTrue},
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: now},
			},
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: pod.Spec.Containers[0].Name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
			}},
		}})
		if err == nil {
			_, err = b.admin.CoreV1().Pods(b.namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, data, metav1.PatchOptions{}, "status")
		}
		if err != nil && ctx.Err() == nil {
			b.Logf("the kubelet: %v", err)
		}
	}
}

// patch sets the status of an object.
func (b *bench) patch(patch func(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*corev1.Node, error), name string, status any) {
	b.Helper()
	data, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := patch(b.Context(), name, types.StrategicMergePatchType, data, metav1.PatchOptions{}, "status"); err != nil {
		b.Fatal(err)
	}
}

// middleman stands between Davit and the API server, and can be in its way.
type middleman struct {
	server *httptest.Server

	mu      sync.Mutex
	refuses int
	age     int // rises when what was begun before is to be swallowed
}

func newMiddleman(t *testing.T, config *rest.Config) *middleman {
	t.Helper()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	behind, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	m := &middleman{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) },
	}
	m.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && m.refuse(w) {
			return
		}
		proxy.ServeHTTP(swallower{w, m, m.present()}, r)
	}))
	t.Cleanup(m.close)
	return m
}

// refuse answers a request in the server's place, each time in another way.
func (m *middleman) refuse(w http.ResponseWriter) bool {
	m.mu.Lock()
	n := m.refuses
	m.refuses = max(n-1, 0)
	m.mu.Unlock()
	if n == 0 {
		return false
	}
	answers := []struct {
		code   int
		reason metav1.StatusReason
	}{
		{http.StatusConflict, metav1.StatusReasonConflict}, {http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests},
		{http.StatusInternalServerError, metav1.StatusReasonInternalError}, {http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable}, {},
	}
	answer := answers[n%len(answers)]
	if answer.code == 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"hindered","reason":%q,"code":%d}`, answer.reason, answer.code)
	return true
}

// hinder has the next n changes refused.
func (m *middleman) hinder(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuses = n
}

func (m *middleman) hindered() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refuses
}

// swallower is an answer of some age.
type swallower struct {
	http.ResponseWriter
	m   *middleman
	age int
}

func (s swallower) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s swallower) Write(data []byte) (int, error) {
	s.m.mu.Lock()
	swallowed := s.age < s.m.age
	s.m.mu.Unlock()
	if swallowed {
		return len(data), nil
	}
	return s.ResponseWriter.Write(data)
}

func (m *middleman) present() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.age
}

// swallow has nothing more come of the watches that there are, and leaves them open.
func (m *middleman) swallow() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.age++
}

// sever breaks all connections, those of the watches too.
func (m *middleman) sever() { m.server.CloseClientConnections() }

func (m *middleman) close() {
	m.sever()
	m.server.Close()
}
