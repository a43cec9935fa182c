package kubernetes

import (
	"testing"

	"github.com/davit-dev/davit"
)

// What could not be routed beside the stable release is refused before a rollout begins.
func TestCheck(t *testing.T) {
	web := davit.Route{Host: "shop.example.org", Prefix: "/", Service: "web"}
	v1, v2, calls := routed("v1", web), routed("v2", web), routed("v3", web)
	speak(calls, "web")
	gateway, none := &Router{scope: shop, options: public}, &Router{scope: shop}
	for name, c := range map[string]struct {
		router   *Router
		from, to *davit.Release
		code     davit.Code
	}{
		"the first":         {gateway, nil, v1, ""},
		"the same":          {gateway, v1, v1, ""},
		"the next":          {gateway, v1, v2, ""},
		"the first by gRPC": {gateway, nil, calls, ""},
		"gRPC from now on":  {gateway, v1, calls, davit.CodeUnsupported},
		"no gRPC any more":  {gateway, calls, v1, davit.CodeUnsupported},
		"without a Gateway": {none, v1, calls, ""},
	} {
		if err := c.router.Check(t.Context(), c.from, c.to); davit.ErrorCode(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
