package azure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/davit-dev/davit/internal/azure"
)

// push puts an image into the registry, by its back door, and returns its tag and
// its digest.
func (c *cloud) push() (name.Reference, string) {
	c.t.Helper()
	door := httptest.NewServer(c.images)
	defer door.Close()
	image, err := random.Image(64, 1)
	if err != nil {
		c.t.Fatal(err)
	}
	behind, err := name.ParseReference(strings.TrimPrefix(door.URL, "http://") + "/web:v2")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := remote.Write(behind, image); err != nil {
		c.t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		c.t.Fatal(err)
	}
	reference, err := name.ParseReference(registryHost + "/web:v2")
	if err != nil {
		c.t.Fatal(err)
	}
	return reference, digest.String()
}

// head asks the registry for the digest of an image.
func (c *cloud) head(ctx context.Context, reference name.Reference, keychain authn.Keychain) (string, error) {
	found, err := remote.Head(reference, remote.WithContext(ctx), remote.WithTransport(c.transport), remote.WithAuthFromKeychain(keychain))
	if err != nil {
		return "", err
	}
	return found.Digest.String(), nil
}

func TestRegistry(t *testing.T) {
	cloud := newCloud(t)
	reference, digest := cloud.push()
	keychain := cloud.identity().Keychain()
	for range 2 {
		if got, err := cloud.head(t.Context(), reference, keychain); got != digest || err != nil {
			t.Errorf("%s, %v, want %s", got, err, digest)
		}
	}
	if asked := cloud.requests(); len(asked) != 1 || asked[0] != registryScope {
		t.Errorf("Entra ID was asked for %q", asked)
	}
	nobody := azure.New(azure.Settings{}, cloud.transport, cloud.now).Keychain()
	if _, err := cloud.head(t.Context(), reference, nobody); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED") {
		t.Errorf("without an identity: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cloud.head(ctx, reference, keychain); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWhoseRegistry(t *testing.T) {
	cloud := newCloud(t)
	cloud.exchange = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"refresh_token":"eyJr"}`) }
	keychain := cloud.identity().Keychain()
	for registry, signsIn := range map[string]bool{
		registryHost: true, "ghcr.io": false, "azurecr.io": false, "shop.azurecr.io.example.org": false, "shop-azurecr.io": false, registryHost + ":8443": false, "index.docker.io": false,
	} {
		target, err := name.NewRegistry(registry)
		if err != nil {
			t.Fatal(err)
		}
		got, err := keychain.Resolve(target)
		if err != nil || (got != authn.Anonymous) != signsIn {
			t.Errorf("%s: %v, %v", registry, got, err)
		}
		if !signsIn {
			continue
		}
		config, err := got.Authorization()
		if err != nil || config.Username != "00000000-0000-0000-0000-000000000000" || config.IdentityToken != "eyJr" || config.Password != "" {
			t.Errorf("%s: %+v, %v", registry, config, err)
		}
	}
	for _, domain := range []string{"cn", "us"} { // what is there is no registry, so that the asking fails
		target, err := name.NewRegistry("shop.azurecr." + domain)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keychain.Resolve(target); err == nil || !strings.Contains(err.Error(), "https://shop.azurecr."+domain+"/oauth2/exchange") {
			t.Errorf("%s: %v", domain, err)
		}
	}
}

func TestRegistryRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"no role":  {401, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required for TOKEN"}]}`, "401 Unauthorized: UNAUTHORIZED: authentication required for (a token)"},
		"nothing":  {403, ``, "answered 403 Forbidden"},
		"huge":     {200, `{"refresh_token":"` + strings.Repeat("a", 1<<20) + `"}`, "more than 262144 bytes"},
		"no token": {200, `{}`, "without a token"},
		"no JSON":  {200, `TOKEN`, "not with the JSON of a token"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := newCloud(t)
			cloud.exchange = func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, strings.ReplaceAll(c.body, "TOKEN", r.PostFormValue("access_token")))
			}
			reference, _ := cloud.push()
			_, err := cloud.head(t.Context(), reference, cloud.identity().Keychain())
			if err == nil || !strings.Contains(err.Error(), "signing in to registry "+registryHost) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			cloud.clean(err)
		})
	}
	cloud := newCloud(t)
	cloud.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	reference, _ := cloud.push()
	if _, err := cloud.head(t.Context(), reference, cloud.identity().Keychain()); err == nil || !strings.Contains(err.Error(), "signing in to Azure for "+registryScope) {
		t.Errorf("refused by Entra ID: %v", err)
	}
}
