//go:build e2e && linux

package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/e2e/rig"
)

// TestAutoscaled has the cluster's own autoscaler choose the size: the candidate begins
// with what stable has grown to, at no time is less ready than that, and afterwards the
// autoscaler goes on with the new stable. How busy the pods are is told by the test.
func TestAutoscaled(t *testing.T) {
	if !kube.Own() {
		t.Skip("the cluster's own figures are not the test's")
	}
	t.Parallel()
	const least, grown, most = 2, 4, 6
	h := newHarbour(t, func(o *rig.Options) { o.Replicas = least })
	m := newMeter(h.place)
	s := rig.BlueGreen
	s.API = []string{fmt.Sprintf("autoscale: {max: %d, cpu: 50}", most)}
	h.promote(s, "v1")
	traffic := h.begin(30)
	const aim = 5 // millicores a pod: half of what it asks for
	m.busy("v1", grown*aim)
	h.sized("v1", grown)

	ended, dips := make(chan struct{}), make(chan string, 1)
	go func() { dips <- m.dips(grown, ended) }()
	h.promote(s, "v2")
	h.sized("v2", grown)
	close(ended)
	if dip := <-dips; dip != "" {
		t.Error(dip)
	}
	m.busy("v2", most*aim)
	h.sized("v2", most)
	traffic.lossless()
	scalers := h.kubectl("get", "horizontalpodautoscalers", "--output=jsonpath={range .items[*]}{.metadata.labels.app\\.kubernetes\\.io/version} {.spec.minReplicas}-{.spec.maxReplicas}{end}")
	if want := fmt.Sprintf("v2 %d-%d", least, most); scalers != want {
		h.Errorf("the autoscalers are %q, want %q", scalers, want)
	}
}

// sized waits until the api runs so many pods of one version, all ready, and none of
// another.
func (h *harbour) sized(version string, n int) {
	h.Helper()
	_, err := h.When(h.Context(), fmt.Sprintf("%d pods of %s", n, version), func(s *rig.Status) bool {
		api := 0
		for _, i := range s.Instances {
			if i.Condition != davit.Ready || i.Release.Short() != version {
				return false
			}
			if i.Service == "api" {
				api++
			}
		}
		return api == n
	})
	h.must(err)
}

// meter stands in for a metrics server, whose figures are measured: here they are said.
type meter struct {
	*place
	api client.Interface

	mu      sync.Mutex
	version string // whose pods have something to do
	milli   int    // cores that they use together, in thousandths
}

// newMeter has the API server ask a meter for the figures of pods.
func newMeter(p *place) *meter {
	p.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	p.must(err)
	m := &meter{place: p}
	m.api, err = client.NewForConfig(config)
	p.must(err)
	node := p.kubectl("get", "nodes", "--output=jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}")
	server := httptest.NewUnstartedServer(m)
	p.must(server.Listener.Close())
	server.Listener, err = net.Listen("tcp", net.JoinHostPort(node, "0"))
	p.must(err)
	server.StartTLS()
	p.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	p.must(err)
	p.Cleanup(func() { // before the server goes: without it, no namespace could be deleted
		if _, err := p.Kubectl(context.Background(), "delete", "apiservice", "v1beta1.metrics.k8s.io"); err != nil {
			p.Error(err)
		}
	})
	_, err = p.Feed(p.Context(), strings.NewReplacer("NAMESPACE", p.Space.Name, "ADDRESS", node, "PORT", port).Replace(meterObjects), "apply", "--filename=-")
	p.must(err)
	p.until("the figures of pods are served", func(ctx context.Context) error {
		_, err := p.Kubectl(ctx, "wait", "--for=condition=Available", "--timeout=5s", "apiservice", "v1beta1.metrics.k8s.io")
		return err
	})
	return m
}

const meterObjects = `
apiVersion: v1
kind: Service
metadata: {name: meter}
spec: {ports: [{port: 443, targetPort: PORT}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: meter, labels: {kubernetes.io/service-name: meter}}
addressType: IPv4
ports: [{name: "", port: PORT}]
endpoints: [{addresses: [ADDRESS]}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: meter, namespace: NAMESPACE}
`

// busy says which version's pods have something to do, and how much together, in
// thousandths of a core.
func (m *meter) busy(version string, milli int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version, m.milli = version, milli
}

// ServeHTTP answers as a metrics server does.
func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	path, _ := strings.CutPrefix(r.URL.Path, "/apis/metrics.k8s.io/v1beta1/namespaces/")
	namespace, isPods := strings.CutSuffix(path, "/pods")
	if !isPods {
		fmt.Fprint(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"metrics.k8s.io/v1beta1","resources":[{"name":"pods","singularName":"","namespaced":true,"kind":"PodMetrics","verbs":["get","list"]}]}`)
		return
	}
	pods, err := m.ready(r.Context(), namespace, r.URL.Query().Get("labelSelector"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	m.mu.Lock()
	version, milli := m.version, m.milli
	m.mu.Unlock()
	items := []any{}
	for _, pod := range pods {
		cpu := 0
		if pod.Labels["app.kubernetes.io/version"] == version {
			cpu = milli * 1000 / len(pods)
		}
		items = append(items, map[string]any{
			"metadata": map[string]any{"name": pod.Name, "namespace": namespace}, "timestamp": metav1.Now(), "window": "1s",
			"containers": []any{map[string]any{"name": "api", "usage": map[string]any{"cpu": fmt.Sprintf("%du", cpu), "memory": "8Mi"}}},
		})
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": map[string]any{}, "items": items}); err != nil {
		m.Logf("telling figures of pods: %v", err)
	}
}

// ready lists the pods that are ready and stay.
func (m *meter) ready(ctx context.Context, namespace, selector string) ([]corev1.Pod, error) {
	list, err := m.api.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	var ready []corev1.Pod
	for _, pod := range list.Items {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil {
				ready = append(ready, pod)
			}
		}
	}
	return ready, nil
}

// dips looks at the pods of the api until ended is closed, and says when fewer than that
// were ready.
func (m *meter) dips(least int, ended <-chan struct{}) string {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return ""
		case <-tick.C:
		}
		pods, err := m.ready(m.Context(), m.Space.Name, "davit.dev/service=api")
		if err == nil && len(pods) < least {
			return fmt.Sprintf("%d pods were ready at one time, want %d and more", len(pods), least)
		}
	}
}
