package kubernetes

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/prometheus"
)

const (
	oldWeb = "shop-web-v1-aaaaaaaaaaaa"
	newWeb = "shop-web-v2-bbbbbbbbbbbb"
)

// series is a sample of a metric, with pairs of labels and values.
func series(value float64, metric string, labels ...string) prometheus.Sample {
	s := prometheus.Sample{Labels: map[string]string{"__name__": metric}, Value: value}
	for i := 0; i < len(labels); i += 2 {
		s.Labels[labels[i]] = labels[i+1]
	}
	return s
}

func TestCounts(t *testing.T) {
	alive := lives{oldWeb: "1", newWeb: "2"}
	traefik := func(name string) string { return "production-" + name + "-8000@kubernetesgateway" }
	requests := func(value float64, name, code, pod string) prometheus.Sample {
		return series(value, "traefik_service_requests_total", "service", traefik(name), "code", code, "pod", pod)
	}
	bucket := func(value float64, name, le string) prometheus.Sample {
		return series(value, "traefik_service_request_duration_seconds_bucket", "service", traefik(name), "le", le)
	}
	c := newCounts()
	c.add([]prometheus.Sample{
		requests(1000, oldWeb, "200", "a"), requests(7, oldWeb, "500", "a"), bucket(900, oldWeb, "0.1"), bucket(1007, oldWeb, "+Inf"),
		series(5000, "http_requests_total", "pod", oldWeb+"-5f-x", "code", "200"), // the same requests, seen elsewhere
	}, alive)
	if got := c.traffic(oldWeb); got.Requests != 0 || got.Latency.Count() != 0 {
		t.Errorf("what was counted before the first reading counts: %+v", got)
	}
	c.add([]prometheus.Sample{
		requests(1100, oldWeb, "200", "a"), requests(3, oldWeb, "500", "a"), // it was restarted, and counts anew
		requests(10, oldWeb, "200", "b"), requests(2, newWeb, "503", "b"), requests(1, newWeb, "0", "b"), requests(4, newWeb, "404", "b"),
		requests(9, "shop-api-v1-cccccccccccc", "200", "a"),                                               // of another service
		series(3, "traefik_service_requests_total", "service", traefik(oldWeb)+"|"+newWeb, "code", "200"), // of both together
		requests(math.NaN(), newWeb, "200", "c"),
		bucket(950, oldWeb, "0.1"), bucket(1040, oldWeb, "0.3"), bucket(1120, oldWeb, "+Inf"),
		series(6000, "http_requests_total", "pod", oldWeb+"-5f-x", "code", "200"),
	}, alive)
	got := c.traffic(oldWeb)
	if got.Requests != 113 || got.Status != [6]int64{0, 0, 110, 0, 0, 3} || got.Failures != 3 || got.Sample.Requests != 113 || got.Sample.Failures != 3 {
		t.Errorf("v1: %+v", got)
	}
	var want davit.Histogram
	want[davit.Bucket(0)] = 50
	want[davit.Bucket(100*time.Millisecond)] = 1040 - 50
	if got.Latency != want {
		t.Errorf("latency of v1: %v", got.Latency)
	}
	if got := c.traffic(newWeb); got.Requests != 7 || got.Status != [6]int64{1, 0, 0, 0, 4, 2} || got.Failures != 2 {
		t.Errorf("v2: %+v", got)
	}
	// It is hauled back, fails a little more until it is gone, and is deployed once more.
	again := lives{oldWeb: "1", newWeb: "3"}
	c.add([]prometheus.Sample{requests(50, newWeb, "503", "b")}, again)
	c.add([]prometheus.Sample{requests(51, newWeb, "503", "b"), requests(1, newWeb, "200", "b")}, again)
	if got := c.traffic(newWeb); got.Requests != 9 || got.Failures != 3 {
		t.Errorf("v2 once more: %+v", got)
	}
}

// What is known of releases that are gone does not add up for ever.
func TestCountsAreForgotten(t *testing.T) {
	f := newFigures(&Router{cluster: &Cluster{now: func() time.Time { return at }}}, "")
	now := at
	for n := range 100 { // a release every half an hour
		now = now.Add(remembered / 2)
		name := fmt.Sprintf("shop-web-v%d-aaaaaaaaaaaa", n)
		f.known[name] = counted{davit.ReleaseID(name), "web", now}
		for _, value := range []float64{1, 4} {
			f.counts.add([]prometheus.Sample{series(value, "http_requests_total", "pod", name+"-5f-x", "code", "200")}, lives{name: types.UID(name)})
		}
		f.forget(now)
		if got := f.counts.traffic(name).Requests; got != 3 {
			t.Fatalf("%s has %d requests, want 3", name, got)
		}
	}
	if len(f.known) != 3 || len(f.counts.status) != 3 || len(f.counts.last) != 1 {
		t.Errorf("it knows %d releases, the counts of %d and the series of %d, want 3, 3 and 1", len(f.known), len(f.counts.status), len(f.counts.last))
	}
}

// The application's own metrics count where the front door has none.
func TestCountsOfApplications(t *testing.T) {
	for _, c := range []struct {
		metric, label, code string
	}{
		{"http_requests_total", "pod", "status"}, {"http_server_request_duration_seconds_count", "pod", "http_response_status_code"},
		{"istio_requests_total", "destination_service_name", "response_code"}, {"envoy_cluster_upstream_rq", "envoy_cluster_name", "envoy_response_code"},
	} {
		counts := newCounts()
		workload := newWeb
		if c.label == "pod" {
			workload += "-6c5b-abcde"
		}
		counts.add([]prometheus.Sample{series(1, c.metric, c.label, workload, c.code, "200")}, lives{oldWeb: "1", newWeb: "2"})
		counts.add([]prometheus.Sample{series(4, c.metric, c.label, workload, c.code, "200"), series(1, c.metric, c.label, workload, c.code, "502")}, lives{oldWeb: "1", newWeb: "2"})
		if got := counts.traffic(newWeb); got.Requests != 4 || got.Failures != 1 {
			t.Errorf("%s: %+v", c.metric, got)
		}
	}
}

// A histogram counts every request once, and none as slower than it may have been.
func TestHistogramOfBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := []float64{0.005, 0.1, 0.3, 1.2, 5, math.Inf(1)}
		took := rapid.SliceOf(rapid.Float64Range(0, 10)).Draw(t, "took")
		below := map[float64]float64{}
		for _, b := range bounds {
			below[b] = 0
			for _, s := range took {
				if s <= b {
					below[b]++
				}
			}
		}
		var real davit.Histogram
		for _, s := range took {
			real.Observe(time.Duration(s * float64(time.Second)))
		}
		got := histogram(below, time.Second)
		if got.Count() != int64(len(took)) {
			t.Fatalf("%d requests, %d counted", len(took), got.Count())
		}
		slow, really := int64(0), int64(0)
		for i := len(got) - 1; i >= 0; i-- {
			if slow, really = slow+got[i], really+real[i]; slow > really {
				t.Fatalf("%d took %s or longer, and %d are counted as such", really, davit.BucketLimit(i), slow)
			}
		}
	})
}

func TestQuery(t *testing.T) {
	got := query(families[:1], []string{oldWeb, newWeb})
	want := `traefik_service_requests_total{service=~".*(shop-web-v1-aaaaaaaaaaaa|shop-web-v2-bbbbbbbbbbbb).*"} or ` +
		`traefik_service_request_duration_seconds_bucket{service=~".*(shop-web-v1-aaaaaaaaaaaa|shop-web-v2-bbbbbbbbbbbb).*"}`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	all := query(families, []string{oldWeb})
	for _, f := range families {
		if !strings.Contains(all, f.requests+"{") || !strings.Contains(all, f.buckets+"{") {
			t.Errorf("%s is not asked for", f.name)
		}
	}
	if !slices.IsSortedFunc(families, func(a, b family) int { // the application's own last
		return strings.Compare(map[bool]string{true: "b"}[a.workload == "pod"], map[bool]string{true: "b"}[b.workload == "pod"])
	}) {
		t.Error("an application's own metrics go before a front door's")
	}
}

// through is a transport that says what it was asked for.
type through struct{ asked []string }

func (t *through) RoundTrip(r *http.Request) (*http.Response, error) {
	t.asked = append(t.asked, r.URL.Host+r.URL.Path)
	return nil, errors.New("refused")
}

func TestFiguresAreAskedThroughTheTransport(t *testing.T) {
	metrics := &through{}
	f := newFigures(&Router{cluster: &Cluster{now: time.Now, metrics: metrics}}, "https://prometheus.example.org/")
	_, err := prometheus.Query(t.Context(), f.client, f.base, "up", time.Now())
	if want := []string{"prometheus.example.org/api/v1/query"}; err == nil || !slices.Equal(metrics.asked, want) {
		t.Errorf("asked for %q, %v, want %q", metrics.asked, err, want)
	}
}
