package azure

import (
	"cmp"
	"net/http"
	"strings"
)

// Managed Prometheus has a host for each workspace, and one scope for all.
const (
	metricsDomain = ".prometheus.monitor.azure.com"
	metricsScope  = "https://prometheus.monitor.azure.com/.default"
)

// Transport returns a transport whose requests to managed Prometheus are signed in,
// and which leaves all others as they are. They go out by next
// (http.DefaultTransport when nil).
func (i *Identity) Transport(next http.RoundTripper) http.RoundTripper {
	return &transport{identity: i, next: cmp.Or(next, http.DefaultTransport)}
}

type transport struct {
	identity *Identity
	next     http.RoundTripper
}

// RoundTrip sends the request. A token goes to managed Prometheus by TLS alone, also
// after a redirect, and never in place of what the caller signs in with.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" || !strings.HasSuffix(strings.ToLower(r.URL.Hostname()), metricsDomain) || r.Header.Get("Authorization") != "" {
		return t.next.RoundTrip(r)
	}
	token, err := t.identity.Token(r.Context(), metricsScope)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return t.next.RoundTrip(r)
}
