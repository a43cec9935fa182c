package azure_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/azure"
)

// A token is kept until five minutes before it expires, or for half of its life when
// that is short, and is renewed with what the account's file has then.
func TestTokensAreRenewed(t *testing.T) {
	for _, c := range []struct {
		life any
		kept time.Duration
	}{
		{3600, 55 * time.Minute},
		{`"3599"`, 54*time.Minute + 59*time.Second}, // as the v1.0 endpoint has it
		{120, time.Minute},
		{int64(1) << 40, 24*time.Hour - 5*time.Minute},
	} {
		t.Run(fmt.Sprint(c.life), func(t *testing.T) {
			cloud := newCloud(t)
			cloud.life = c.life
			identity := cloud.identity()
			token := func() string {
				t.Helper()
				text, err := identity.Token(t.Context(), metricsScope)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			first := token()
			cloud.rotate("eyJhbGciOiJSUzI1NiJ9.second.assertion")
			cloud.pass(c.kept - time.Second)
			if again := token(); again != first {
				t.Errorf("a second before, %s is not kept but is %s", first, again)
			}
			cloud.pass(time.Second)
			if next := token(); next == first || len(cloud.requests()) != 2 {
				t.Errorf("it is still %s, after %q", next, cloud.requests())
			}
		})
	}
}

func TestTokensAreByScope(t *testing.T) {
	cloud := newCloud(t)
	identity := cloud.identity()
	for range 2 {
		for _, scope := range []string{registryScope, metricsScope} {
			if text, err := identity.Token(t.Context(), scope); err != nil || !strings.HasPrefix(text, "eyJ"+scope) {
				t.Errorf("for %s: %q, %v", scope, text, err)
			}
		}
	}
	if got, want := cloud.requests(), []string{registryScope, metricsScope}; !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

// What cannot be renewed is used as long as it lives, and no longer.
func TestTokensOutliveTheirIssuer(t *testing.T) {
	cloud := newCloud(t)
	identity := cloud.identity()
	first, err := identity.Token(t.Context(), metricsScope)
	if err != nil {
		t.Fatal(err)
	}
	cloud.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	cloud.pass(59 * time.Minute)
	if again, err := identity.Token(t.Context(), metricsScope); again != first || err != nil {
		t.Errorf("%q, %v, want %q", again, err, first)
	}
	cloud.pass(time.Minute)
	if text, err := identity.Token(t.Context(), metricsScope); err == nil || !strings.Contains(err.Error(), "503 Service Unavailable") {
		t.Errorf("%q, %v", text, err)
	}
	cloud.answer(nil)
	if _, err := identity.Token(t.Context(), metricsScope); err != nil {
		t.Error(err)
	}
}

func TestOneRequestAtATime(t *testing.T) {
	cloud := newCloud(t)
	var at, most, all atomic.Int64
	cloud.answer(func(w http.ResponseWriter, r *http.Request) {
		all.Add(1)
		if n := at.Add(1); n > most.Load() {
			most.Store(n)
		}
		cloud.entra(w, r)
		at.Add(-1)
	})
	identity := cloud.identity()
	var group sync.WaitGroup
	for n := range 40 {
		group.Go(func() {
			if _, err := identity.Token(t.Context(), []string{registryScope, metricsScope}[n%2]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if all.Load() != 2 || most.Load() != 1 {
		t.Errorf("%d requests for two scopes, %d at once", all.Load(), most.Load())
	}
}

// Whoever gives up does so at once: the one who asks, and the one who waits for it.
func TestTokensCanBeGivenUp(t *testing.T) {
	cloud := newCloud(t)
	asked := make(chan struct{})
	cloud.answer(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked <- struct{}{}
		<-r.Context().Done()
	})
	identity := cloud.identity()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() {
		_, err := identity.Token(ctx, metricsScope)
		first <- err
	}()
	<-asked
	waits, giveUp := context.WithCancel(t.Context())
	giveUp()
	if _, err := identity.Token(waits, metricsScope); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits: %v", err)
	}
	cancel()
	err := <-first
	if !errors.Is(err, context.Canceled) {
		t.Errorf("who asks: %v", err)
	}
	cloud.clean(err)
	cloud.answer(nil)
	if _, err := identity.Token(t.Context(), metricsScope); err != nil {
		t.Error(err)
	}
}

// Errors say who refused what and why, and no token, whatever the answer has in it.
func TestRefusals(t *testing.T) {
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	const assertion = "eyJhbGciOiJSUzI1NiJ9.first.assertion"
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"no such identity": {
			says(401, `{"error":"invalid_client","error_description":"AADSTS70021: No matching federated identity record found. Subject: 'system:serviceaccount:davit:davit'\r\nTrace ID: x"}`),
			"answered 401 Unauthorized: invalid_client: AADSTS70021: No matching federated identity record found. Subject: 'system:serviceaccount:davit:davit'",
		},
		"no such scope":      {says(400, `{"error":"invalid_scope","error_description":"AADSTS70011: scope"}`), "answered 400 Bad Request: invalid_scope: AADSTS70011: scope"},
		"a description less": {says(400, `{"error":"invalid_scope"}`), "400 Bad Request: invalid_scope: no reason is given"},
		"the assertion":      {says(401, `{"error":"invalid_client","error_description":"AADSTS5: '`+assertion+`' is bad"}`), "AADSTS5: (a token) is bad"},
		"a part of it":       {says(401, `{"error":"invalid_client","error_description":"bad: `+assertion[:20]+`"}`), "invalid_client: bad: (a token)"},
		"control characters": {says(401, `{"error":"a\u001b[2J","error_description":"b\u0000c\td"}`), "401 Unauthorized: a [2J: b c d"},
		"a long story":       {says(401, `{"error":"e","error_description":"`+strings.Repeat("ö", 5000)+`"}`), strings.Repeat("ö", 397)},
		"a page":             {says(502, `<html>`+assertion), "answered 502 Bad Gateway"},
		"another place": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example.org/", http.StatusTemporaryRedirect)
		}, "307 Temporary Redirect"},
		"huge":           {says(200, `{"access_token":"`+strings.Repeat("a", 1<<20)+`"}`), "answered 200 OK with more than 262144 bytes"},
		"hugely refused": {says(400, `{"error":"`+strings.Repeat("a", 1<<20)+`"}`), "answered 400 Bad Request with more than 262144 bytes"},
		"no JSON":        {says(200, assertion), "not with the JSON of a token"},
		"no token":       {says(200, `{"token_type":"Bearer","expires_in":3600}`), "without a bearer token that lasts"},
		"not a bearer's": {says(200, `{"token_type":"pop","expires_in":3600,"access_token":"`+assertion+`"}`), "without a bearer token that lasts"},
		"expired":        {says(200, `{"token_type":"Bearer","expires_in":0,"access_token":"`+assertion+`"}`), "without a bearer token that lasts"},
		"for no time":    {says(200, `{"token_type":"Bearer","access_token":"`+assertion+`"}`), "without a bearer token that lasts"},
		"cut off":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newCloud(t)
			cloud.answer(c.answer)
			text, err := cloud.identity().Token(t.Context(), metricsScope)
			if err == nil || text != "" {
				t.Fatalf("%q, %v", text, err)
			}
			message := err.Error()
			for _, want := range []string{"signing in to Azure for " + metricsScope, "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token", c.want} {
				if !strings.Contains(message, want) {
					t.Errorf("%q is not in the error: %v", want, err)
				}
			}
			if len(message) > 2000 || strings.Contains(message, assertion[:20]) || len(cloud.seen) > 0 {
				t.Errorf("the error is %d bytes, and %d others were asked: %v", len(message), len(cloud.seen), err)
			}
			cloud.clean(err)
		})
	}
}

// What a pod lacks is told by name, and Entra ID is not asked.
func TestSettings(t *testing.T) {
	cloud := newCloud(t)
	whole := map[string]string{
		"AZURE_CLIENT_ID": "client-1", "AZURE_TENANT_ID": "tenant-1", "AZURE_FEDERATED_TOKEN_FILE": cloud.file, "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
	}
	file := func(content string) string {
		path := cloud.file + fmt.Sprint(len(content))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		variable, value, want string
		code                  davit.Code // "" for none in particular
	}{
		{"AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com", "", ""},
		{"AZURE_AUTHORITY_HOST", "", "", ""},
		{"AZURE_AUTHORITY_HOST", "http://login.microsoftonline.com", "in the clear", davit.CodeInvalid},
		{"AZURE_AUTHORITY_HOST", "https://log\x7fin", "AZURE_AUTHORITY_HOST", davit.CodeInternal},
		{"AZURE_CLIENT_ID", "", "AZURE_CLIENT_ID", davit.CodeUnavailable},
		{"AZURE_TENANT_ID", "", "AZURE_TENANT_ID", davit.CodeUnavailable},
		{"AZURE_FEDERATED_TOKEN_FILE", "", "AZURE_FEDERATED_TOKEN_FILE", davit.CodeUnavailable},
		{"AZURE_FEDERATED_TOKEN_FILE", cloud.file + ".away", "no such file", davit.CodeInternal},
		{"AZURE_FEDERATED_TOKEN_FILE", file(" \n"), "is empty", davit.CodeInternal},
		{"AZURE_FEDERATED_TOKEN_FILE", file(strings.Repeat("a", 1<<17)), "more than 65536 bytes", davit.CodeInternal},
	} {
		environment := maps.Clone(whole)
		environment[c.variable] = c.value
		before := len(cloud.requests())
		settings := azure.Environment(func(name string) string { return environment[name] })
		_, err := azure.New(settings, cloud.transport, cloud.now).Token(t.Context(), metricsScope)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s=%q: %v", c.variable, c.value, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || davit.ErrorCode(err) != c.code || len(cloud.requests()) != before {
			t.Errorf("%s=%q: %v, want %q, %s", c.variable, c.value, err, c.want, c.code)
		}
	}
}
