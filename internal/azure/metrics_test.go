package azure_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/azure"
	"github.com/davit-dev/davit/internal/prometheus"
)

// query asks a Prometheus through an identity.
func (c *cloud) query(ctx context.Context, identity *azure.Identity, base string) (float64, error) {
	samples, err := prometheus.Query(ctx, &http.Client{Transport: identity.Transport(c.transport)}, base, "up", c.now())
	if err != nil || len(samples) != 1 {
		return 0, err
	}
	return samples[0].Value, nil
}

func TestPrometheus(t *testing.T) {
	cloud := newCloud(t)
	identity := cloud.identity()
	for range 3 {
		if got, err := cloud.query(t.Context(), identity, "https://"+metricsHost); got != 42 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		cloud.pass(20 * time.Minute)
	}
	if asked := cloud.requests(); len(asked) != 1 || asked[0] != metricsScope {
		t.Errorf("in an hour Entra ID was asked for %q", asked)
	}
	cloud.pass(time.Hour)
	if got, err := cloud.query(t.Context(), identity, "https://"+metricsHost); got != 42 || err != nil || len(cloud.requests()) != 2 {
		t.Errorf("an hour later: %v, %v, after %q", got, err, cloud.requests())
	}
}

// Nobody but managed Prometheus is shown a token.
func TestTokensStayInAzure(t *testing.T) {
	cloud := newCloud(t)
	identity := cloud.identity()
	for base, want := range map[string]string{ // what the last who is asked is shown
		"https://prometheus.example.org":                                "",
		"https://" + metricsHost + ".example.org":                       "",
		"https://prometheus.monitor.azure.com":                          "",
		"https://" + metricsHost + "/away":                              "",
		"https://davit:secret@" + metricsHost:                           "Basic ZGF2aXQ6c2VjcmV0",
		"https://" + strings.Replace(metricsHost, "amw-shop", "amw", 1): "Bearer eyJ" + metricsScope + ".0",
	} {
		_, _ = cloud.query(t.Context(), identity, base) // whether it answers is not asked here
		if got := cloud.seen[len(cloud.seen)-1].Header.Get("Authorization"); got != want {
			t.Errorf("%s was shown %q, want %q", base, got, want)
		}
	}

	shown := roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, errors.New("shown " + r.Header.Get("Authorization"))
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+metricsHost, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := identity.Transport(shown).RoundTrip(request); err == nil || err.Error() != "shown " { //nolint:bodyclose // there is none
		t.Errorf("without TLS: %v", err)
	}
}

// roundTrip is a transport that goes nowhere.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPrometheusWithoutToken(t *testing.T) {
	cloud := newCloud(t)
	nobody := azure.New(azure.Settings{}, cloud.transport, cloud.now)
	_, err := cloud.query(t.Context(), nobody, "https://"+metricsHost)
	if davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), "AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE") {
		t.Errorf("without an identity: %v", err)
	}
	if got, err := cloud.query(t.Context(), nobody, "https://prometheus.example.org"); got != 42 || err != nil {
		t.Errorf("another's, without an identity: %v, %v", got, err)
	}
	cloud.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	_, err = cloud.query(t.Context(), cloud.identity(), "https://"+metricsHost)
	if err == nil || !strings.Contains(err.Error(), "signing in to Azure for "+metricsScope) {
		t.Errorf("refused: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cloud.query(ctx, cloud.identity(), "https://"+metricsHost); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
