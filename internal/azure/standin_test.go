package azure_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/davit-dev/davit/internal/azure"
)

const (
	authorityHost = "login.microsoftonline.com"
	registryHost  = "shop.azurecr.io"
	metricsHost   = "amw-shop-x1y2.westeurope.prometheus.monitor.azure.com"

	registryScope = "https://containerregistry.azure.net/.default"
	metricsScope  = "https://prometheus.monitor.azure.com/.default"
)

// cloud stands in for Azure: one server on loopback is all hosts, by TLS, and does
// what Microsoft documents of Entra ID, of a registry and of managed Prometheus.
type cloud struct {
	t         *testing.T
	transport *http.Transport // leads every host to the server
	file      string          // the account's token
	images    http.Handler

	mu         sync.Mutex
	time       time.Time
	life       any              // expires_in
	assertions []string         // that Entra ID takes
	issued     []string         // all tokens; none may be in an error
	asked      []string         // scopes
	seen       []*http.Request  // by hosts that are none of the three, and by Prometheus
	instead    http.HandlerFunc // of Entra ID
	exchange   http.HandlerFunc // instead of the registry's
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{
		t: t, file: filepath.Join(t.TempDir(), "token"), time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), life: 3600,
		images: registry.New(registry.Logger(log.New(io.Discard, "", 0))),
	}
	c.rotate("eyJhbGciOiJSUzI1NiJ9.first.assertion")
	server := httptest.NewTLSServer(c)
	t.Cleanup(server.Close)
	c.transport = server.Client().Transport.(*http.Transport).Clone()
	c.transport.TLSClientConfig.ServerName = "example.com" // whom the server's certificate is for
	c.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	t.Cleanup(c.transport.CloseIdleConnections)
	return c
}

func (c *cloud) settings() azure.Settings {
	return azure.Settings{ClientID: "client-1", Tenant: "tenant-1", TokenFile: c.file, Authority: "https://" + authorityHost + "/"}
}

func (c *cloud) identity() *azure.Identity { return azure.New(c.settings(), c.transport, c.now) }

func (c *cloud) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *cloud) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// rotate puts another token into the account's file. Entra ID takes no earlier one.
func (c *cloud) rotate(assertion string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assertions = append(c.assertions, assertion)
	if err := os.WriteFile(c.file, []byte(assertion+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// answer has Entra ID answer with f.
func (c *cloud) answer(f http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instead = f
}

// issue makes a token. The mutex is held.
func (c *cloud) issue(kind string) string {
	token := fmt.Sprintf("eyJ%s.%d", kind, len(c.issued))
	c.issued = append(c.issued, token)
	return token
}

// requests returns the scopes that Entra ID was asked for.
func (c *cloud) requests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// clean fails the test when an error has a token in it.
func (c *cloud) clean(err error) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range append(slices.Clone(c.assertions), c.issued...) {
		if strings.Contains(err.Error(), secret) {
			c.t.Errorf("the error has a token: %v", err)
		}
	}
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	instead, exchange := c.instead, c.exchange
	c.mu.Unlock()
	switch {
	case r.Host == authorityHost && instead != nil:
		instead(w, r)
	case r.Host == authorityHost:
		c.entra(w, r)
	case r.Host == registryHost && r.URL.Path == "/oauth2/exchange" && exchange != nil:
		exchange(w, r)
	case r.Host == registryHost:
		c.registry(w, r)
	default:
		c.prometheus(w, r)
	}
}

// entra gives tokens as the platform's v2.0 endpoint does for client credentials.
func (c *cloud) entra(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	refuse := func(code, description string) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":%q,"error_description":%q,"error_codes":[700213],"trace_id":"t"}`, code, description+"\r\nTrace ID: t")
	}
	if r.Method != http.MethodPost || r.URL.Path != "/tenant-1/oauth2/v2.0/token" || r.URL.RawQuery != "" {
		http.NotFound(w, r)
		return
	}
	for field, want := range map[string]string{
		"grant_type": "client_credentials", "client_id": "client-1",
		"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	} {
		if got := r.PostFormValue(field); got != want {
			refuse("invalid_request", "AADSTS900144: "+field+" is "+got)
			return
		}
	}
	if r.PostFormValue("client_assertion") != c.assertions[len(c.assertions)-1] {
		refuse("invalid_client", "AADSTS700024: Client assertion is not within its valid time range.")
		return
	}
	c.asked = append(c.asked, r.PostFormValue("scope"))
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":%v,"ext_expires_in":%[1]v,"access_token":%q}`, c.life, c.issue(r.PostFormValue("scope")))
}

// registry is one behind tokens: of Entra ID for refresh tokens, which are for
// access tokens, which are for images.
func (c *cloud) registry(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	valid := func(token, kind string) bool {
		return strings.HasPrefix(token, "eyJ"+kind+".") && slices.Contains(c.issued, token)
	}
	refuse := func(message string) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"errors":[{"code":"UNAUTHORIZED","message":%q,"detail":null}]}`, message)
	}
	switch {
	case r.URL.Path == "/oauth2/exchange":
		if r.PostFormValue("grant_type") != "access_token" || r.PostFormValue("service") != registryHost || r.PostFormValue("tenant") != "tenant-1" ||
			!valid(r.PostFormValue("access_token"), registryScope) {
			refuse("authentication required, visit https://aka.ms/acr/authorization for more information.")
			return
		}
		fmt.Fprintf(w, `{"refresh_token":%q}`, c.issue("refresh"))
	case r.URL.Path == "/oauth2/token":
		if r.PostFormValue("grant_type") != "refresh_token" || r.PostFormValue("scope") != "repository:web:pull" || !valid(r.PostFormValue("refresh_token"), "refresh") {
			refuse("authentication required")
			return
		}
		fmt.Fprintf(w, `{"access_token":%q}`, c.issue("access"))
	case !valid(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "access"):
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/oauth2/token",service=%[1]q,scope="repository:web:pull"`, registryHost))
		refuse("authentication required")
	default:
		c.images.ServeHTTP(w, r)
	}
}

// prometheus has one series for who is signed in. What is not a workspace takes
// everybody, and /away leads there.
func (c *cloud) prometheus(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, r)
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.Host == metricsHost && (!bearer || !strings.HasPrefix(token, "eyJ"+metricsScope+".") || !slices.Contains(c.issued, token)) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"code":"Unauthorized","message":"no token"}}`)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/away") {
		http.Redirect(w, r, "https://prometheus.example.org/api/v1/query", http.StatusTemporaryRedirect)
		return
	}
	fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"42"]}]}}`)
}
