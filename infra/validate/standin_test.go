package validate

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// nobody is every id in the stand-in's world, but the tenant: that is the one that
// Bicep is evaluated for, so that both languages name the same.
const nobody = "00000000-0000-0000-0000-000000000000"

// standIn answers on loopback what the provider asks before it plans: where
// Azure is, and a token. Anything else it refuses and remembers, because a plan
// that reads more than that cannot be made from an empty subscription.
type standIn struct {
	server  *httptest.Server
	ca      string // file with its certificate
	mu      sync.Mutex
	refused []string
}

func startStandIn(dir string) (*standIn, error) {
	s := &standIn{ca: filepath.Join(dir, "ca.pem")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata/endpoints", s.endpoints)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.token)
	mux.HandleFunc("/", s.refuse)
	s.server = httptest.NewTLSServer(mux)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
	if err := os.WriteFile(s.ca, block, 0o644); err != nil {
		s.server.Close()
		return nil, fmt.Errorf("writing the stand-in's certificate: %w", err)
	}
	return s, nil
}

func (s *standIn) stop() { s.server.Close() }

// environment is what makes the provider ask s instead of Azure.
func (s *standIn) environment() []string {
	return []string{
		"SSL_CERT_FILE=" + s.ca,
		"ARM_METADATA_HOSTNAME=" + strings.TrimPrefix(s.server.URL, "https://"),
		"ARM_USE_CLI=false",
		"ARM_SUBSCRIPTION_ID=" + nobody,
		"ARM_TENANT_ID=" + bicep.Tenant,
		"ARM_CLIENT_ID=" + nobody,
		"ARM_CLIENT_SECRET=none",
	}
}

// asked returns what was asked beyond the two answers that s has.
func (s *standIn) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.refused...)
}

func (s *standIn) refuse(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.refused = append(s.refused, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	http.Error(w, `{"error":{"code":"NotFound","message":"there is no Azure here"}}`, http.StatusNotFound)
}

func (s *standIn) endpoints(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{
		"name":                     "AzureCloud",
		"portal":                   s.server.URL,
		"resourceManager":          s.server.URL + "/",
		"microsoftGraphResourceId": s.server.URL + "/",
		"authentication": map[string]any{
			"loginEndpoint":    s.server.URL,
			"audiences":        []string{"https://management.core.windows.net/", "https://management.azure.com/"},
			"tenant":           "common",
			"identityProvider": "AAD",
		},
		"suffixes": map[string]any{
			"acrLoginServer":           "azurecr.io",
			"keyVaultDns":              "vault.azure.net",
			"storage":                  "core.windows.net",
			"sqlServerHostname":        "database.windows.net",
			"postgresqlServerEndpoint": "postgres.database.azure.com",
		},
	})
}

func (s *standIn) token(w http.ResponseWriter, _ *http.Request) {
	claims, err := json.Marshal(map[string]any{
		"oid": nobody, "tid": bicep.Tenant, "appid": nobody, "iss": s.server.URL,
		"exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	segment := base64.RawURLEncoding.EncodeToString
	reply(w, map[string]any{
		"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600,
		"access_token": segment([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + segment(claims) + ".",
	})
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body) //nolint:errcheck,errchkjson // to a client that may have gone
}
