package kubernetes

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/davit-dev/davit"
)

// A tag is resolved by its registry, and a digest by nobody.
func TestResolve(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	tag := strings.TrimPrefix(server.URL, "http://") + "/shop/web:v2"
	reference, err := name.ParseReference(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference, image); err != nil {
		t.Fatal(err)
	}
	if got, err := resolve(t.Context(), keychain(nil), tag); got != digest.String() || err != nil {
		t.Errorf("the tag is %s, %v, want %s", got, err, digest)
	}
	server.Close()
	if got, err := resolve(t.Context(), keychain(nil), "registry.example.org/web@"+digest.String()); got != digest.String() || err != nil {
		t.Errorf("the digest is %s, %v", got, err)
	}
	for image, code := range map[string]davit.Code{tag: davit.CodeUnavailable, "no image": davit.CodeInvalid} {
		if got, err := resolve(t.Context(), keychain(nil), image); davit.ErrorCode(err) != code {
			t.Errorf("%s is %q, %v, want %s", image, got, err, code)
		}
	}
}

// fixed is a keychain with one user for every registry.
type fixed struct{ user string }

func (f fixed) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig{Username: f.user, Password: "secret"}), nil
}

// What the Docker configuration says of a registry is meant; what it does not, the
// other keychain says.
func TestResolveAsWhom(t *testing.T) {
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var user atomic.Value // who asked last
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="images"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		user.Store(name)
		images.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(host + "/web:v2")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference, image, remote.WithAuthFromKeychain(fixed{"pusher"})); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("DOCKER_CONFIG", dir)
	for _, c := range []struct {
		registry string // that the Docker configuration knows
		other    authn.Keychain
		want     string // "" when nobody is let in
	}{
		{"registry.example.org", nil, ""},
		{host, nil, "docker"},
		{"registry.example.org", fixed{"other"}, "other"},
		{host, fixed{"other"}, "docker"},
	} {
		config := `{"auths":{"` + c.registry + `":{"username":"docker","password":"secret"}}}`
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		user.Store("")
		_, err := resolve(t.Context(), keychain(c.other), host+"/web:v2")
		if user.Load() != c.want || (err == nil) != (c.want != "") {
			t.Errorf("with a configuration for %s and %v it is asked by %q, want %q: %v", c.registry, c.other, user.Load(), c.want, err)
		}
	}
}
