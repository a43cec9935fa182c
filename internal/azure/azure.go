// Package azure signs in to Azure as the workload identity of the pod that Davit
// runs in, for registries and for managed Prometheus. Nothing is stored: the
// cluster gives the pod a token of its account, Entra ID gives access tokens for
// that, and all of them live for hours.
//
// It does the two requests by hand. The well-kept library for them, azidentity,
// makes the program 1 MB larger and costs every command half a millisecond and
// 50 kB before main, for eight modules of which this is a small part. It also keeps
// the account's token for ten minutes, and puts whole answers into its errors.
package azure

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// Settings are what AKS gives the pods of an account with a workload identity.
type Settings struct {
	ClientID  string // of the managed identity
	Tenant    string // of Entra ID
	TokenFile string // has the account's token, which the cluster renews
	Authority string // URL at which Entra ID gives tokens; that of the public cloud when empty
}

// The variables that AKS sets in a pod.
const (
	clientVariable    = "AZURE_CLIENT_ID"
	tenantVariable    = "AZURE_TENANT_ID"
	fileVariable      = "AZURE_FEDERATED_TOKEN_FILE"
	authorityVariable = "AZURE_AUTHORITY_HOST"
)

const publicAuthority = "https://login.microsoftonline.com/"

// Environment returns the settings that the environment has. Without any, nobody
// can sign in, and that is told when somebody is to.
func Environment(getenv func(string) string) Settings {
	return Settings{ClientID: getenv(clientVariable), Tenant: getenv(tenantVariable), TokenFile: getenv(fileVariable), Authority: getenv(authorityVariable)}
}

// check says what is missing, and how a pod gets it.
func (s Settings) check() error {
	var missing []string
	for _, v := range []struct{ name, value string }{{clientVariable, s.ClientID}, {tenantVariable, s.Tenant}, {fileVariable, s.TokenFile}} {
		if v.value == "" {
			missing = append(missing, v.name)
		}
	}
	if len(missing) > 0 {
		return &davit.Error{
			Code: davit.CodeUnavailable, Message: "the server has no workload identity to sign in to Azure with: without a value is " + strings.Join(missing, ", "),
			Hint: `run it in a pod with the label azure.workload.identity/use: "true", whose account has the annotation azure.workload.identity/client-id`,
		}
	}
	if s.Authority != "" && !strings.HasPrefix(s.Authority, "https://") {
		return &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("%s is %q, which would be sent the identity's token in the clear", authorityVariable, s.Authority),
			Hint: "give it an https URL",
		}
	}
	return nil
}

// Identity is who Davit is in Azure. It keeps tokens until shortly before they
// expire, and is safe for concurrent use.
type Identity struct {
	settings Settings
	client   *http.Client
	now      func() time.Time

	turn chan struct{} // holds one token: whoever has it may ask Entra ID

	mu     sync.Mutex
	tokens map[string]token // by scope
}

// token is an access token.
type token struct {
	text  string
	renew time.Time // when a new one is asked for
	ends  time.Time
}

// New returns the identity that the settings are of. It asks through the transport
// (http.DefaultTransport when nil), and nobody before it has to.
func New(s Settings, transport http.RoundTripper, now func() time.Time) *Identity {
	i := &Identity{
		settings: s, now: now, turn: make(chan struct{}, 1), tokens: map[string]token{},
		client: &http.Client{
			Transport: transport, Timeout: answerLimit,
			// What is posted is a secret, and for the one that it is posted to.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	i.turn <- struct{}{}
	return i
}

// Token returns an access token for a scope, such as
// https://prometheus.monitor.azure.com/.default. While one is asked for, others
// wait for it. When a token cannot be renewed it is used as long as it lives.
func (i *Identity) Token(ctx context.Context, scope string) (string, error) {
	if t := i.kept(scope); i.now().Before(t.renew) {
		return t.text, nil
	}
	select {
	case <-i.turn:
		defer func() { i.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", fmt.Errorf("waiting to sign in to Azure: %w", ctx.Err())
	}
	old := i.kept(scope) // by whoever had the turn before
	if i.now().Before(old.renew) {
		return old.text, nil
	}
	t, err := i.request(ctx, scope)
	switch {
	case err == nil:
		i.keep(scope, t)
		return t.text, nil
	case i.now().Before(old.ends):
		return old.text, nil
	}
	return "", fmt.Errorf("signing in to Azure for %s: %w", scope, err)
}

// kept returns the latest token for a scope, which may have expired.
func (i *Identity) kept(scope string) token {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tokens[scope]
}

func (i *Identity) keep(scope string, t token) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens[scope] = t
}
