package proxy

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"

	"github.com/davit-dev/davit"
)

// isWitness reports whether a request is a probe of the witness on this
// machine. It is answered as any other, and left out of the figures: gates
// judge by users, and no rollout passes because Davit asked itself often enough.
func isWitness(r *http.Request, v *visitor) bool {
	return len(r.Header[davit.WitnessHeader]) > 0 && v.known && (v.client.IsLoopback() || v.client == localAddress(r))
}

// localAddress returns the address of this machine that the request came to.
func localAddress(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	address, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.Addr{} // which is nobody's
	}
	return address.Addr().Unmap().WithZone("")
}

// anywhere returns a position by chance. A witness takes none of the places that
// are spread evenly over the newcomers.
func anywhere() position { return position(rand.N(circle)) } //nolint:gosec // below 65,536; evens out shares, guards nothing
