package kubernetes

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// family is how one sort of software counts requests in Prometheus.
type family struct {
	name     string
	requests string        // counter of requests
	buckets  string        // histogram of how long they took
	unit     time.Duration // of the histogram's bounds
	workload string        // label that names the Service, or a pod of its Deployment
	match    string        // regular expression of that label, with %s for the names
	code     []string      // labels that may hold the answer's status; the first one there does
	selector string        // what else to select by, with a comma before it
}

// families are those that are known, the front door's own first: it counts what
// nobody answered too. NGINX Gateway Fabric counts requests in all, not by
// backend; so does Envoy Gateway, unless clusterStatName in its EnvoyProxy has
// %BACKEND_REFS%. With these the application's own metrics count.
var families = []family{
	{
		name: "Traefik", requests: "traefik_service_requests_total", buckets: "traefik_service_request_duration_seconds_bucket", unit: time.Second,
		workload: "service", match: ".*(%s).*", code: []string{"code"},
	},
	{
		name: "Istio", requests: "istio_requests_total", buckets: "istio_request_duration_milliseconds_bucket", unit: time.Millisecond,
		workload: "destination_service_name", match: "(%s)", code: []string{"response_code"}, selector: `,reporter="source"`,
	},
	{
		name: "Envoy Gateway", requests: "envoy_cluster_upstream_rq", buckets: "envoy_cluster_upstream_rq_time_bucket", unit: time.Millisecond,
		workload: "envoy_cluster_name", match: ".*(%s).*", code: []string{"envoy_response_code"},
	},
	{
		name: "the application, by OpenTelemetry", requests: "http_server_request_duration_seconds_count", buckets: "http_server_request_duration_seconds_bucket", unit: time.Second,
		workload: "pod", match: "(%s)-.*", code: []string{"http_response_status_code"},
	},
	{
		name: "the application", requests: "http_requests_total", buckets: "http_request_duration_seconds_bucket", unit: time.Second,
		workload: "pod", match: "(%s)-.*", code: []string{"code", "status", "status_code"},
	},
}

// query selects what the families count for workloads of these names.
func query(of []family, names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	var all []string
	for _, f := range of {
		for _, metric := range []string{f.requests, f.buckets} {
			all = append(all, fmt.Sprintf("%s{%s=~%q%s}", metric, f.workload, fmt.Sprintf(f.match, strings.Join(quoted, "|")), f.selector))
		}
	}
	return strings.Join(all, " or ")
}

// nameIn returns the one workload that a label names; "" when it names none, or
// several together.
func nameIn(label string, names []string) string {
	found := ""
	for _, name := range names {
		if strings.Contains(label, name) {
			if found != "" {
				return ""
			}
			found = name
		}
	}
	return found
}

// class returns the class of an answer's status; 0 when it had none.
func (f family) class(labels map[string]string) int {
	for _, label := range f.code {
		if text, there := labels[label]; there {
			if len(text) == 3 && text[0] >= '1' && text[0] <= '5' {
				return int(text[0] - '0')
			}
			return 0
		}
	}
	return 0
}
