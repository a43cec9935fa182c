package azure

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// registryScope is what registries of all of Azure's clouds want tokens for.
const registryScope = "https://containerregistry.azure.net/.default"

// tokenUser is the user whose password is a token.
const tokenUser = "00000000-0000-0000-0000-000000000000"

// Keychain returns the credentials for Azure's registries (*.azurecr.io, .cn, .us):
// a refresh token of the registry's, which it gives for a token of Entra ID. For
// other registries, and where there is no workload identity, it has none.
func (i *Identity) Keychain() authn.Keychain { return keychain{i} }

type keychain struct{ identity *Identity }

// Resolve is ResolveContext for those who have no context.
func (k keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext signs in to the registry of an image. An identity that the registry
// does not take is an error, and not a reason to ask it as nobody.
func (k keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	registry := target.RegistryStr()
	if k.identity.settings.TokenFile == "" || !isRegistry(registry) {
		return authn.Anonymous, nil
	}
	refresh, err := k.identity.exchange(ctx, registry)
	if err != nil {
		return nil, fmt.Errorf("signing in to registry %s: %w", registry, err)
	}
	return authn.FromConfig(authn.AuthConfig{Username: tokenUser, IdentityToken: refresh}), nil
}

// isRegistry reports whether a host is a registry of Azure's. One with a port is not.
func isRegistry(host string) bool {
	return slices.ContainsFunc([]string{".azurecr.io", ".azurecr.cn", ".azurecr.us"}, func(domain string) bool {
		return strings.HasSuffix(strings.ToLower(host), domain)
	})
}

// exchange returns the registry's own refresh token for one of Entra ID.
func (i *Identity) exchange(ctx context.Context, registry string) (string, error) {
	access, err := i.Token(ctx, registryScope)
	if err != nil {
		return "", err
	}
	var answer struct {
		Token string `json:"refresh_token"`
	}
	address := "https://" + registry + "/oauth2/exchange"
	err = i.post(ctx, address, url.Values{
		"grant_type": {"access_token"}, "service": {registry}, "tenant": {i.settings.Tenant}, "access_token": {access},
	}, access, &answer)
	if err == nil && answer.Token == "" {
		err = fmt.Errorf("%s answered without a token", address)
	}
	return answer.Token, err
}
