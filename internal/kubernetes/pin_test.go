package kubernetes

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

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
	if got, err := resolve(t.Context(), tag); got != digest.String() || err != nil {
		t.Errorf("the tag is %s, %v, want %s", got, err, digest)
	}
	server.Close()
	if got, err := resolve(t.Context(), "registry.example.org/web@"+digest.String()); got != digest.String() || err != nil {
		t.Errorf("the digest is %s, %v", got, err)
	}
	for image, code := range map[string]davit.Code{tag: davit.CodeUnavailable, "no image": davit.CodeInvalid} {
		if got, err := resolve(t.Context(), image); davit.ErrorCode(err) != code {
			t.Errorf("%s is %q, %v, want %s", image, got, err, code)
		}
	}
}
