package proxy

import (
	"net/http"
	"net/netip"
	"strings"
)

// visitor is where a request came from.
type visitor struct {
	client    netip.Addr // the peer, or what a trusted proxy says
	known     bool       // client is believed to be the one who asks
	forwarded string     // X-Forwarded-For as the instance gets it
	host      string     // X-Forwarded-Host
	proto     string     // X-Forwarded-Proto
}

// newVisitor looks at the peer's address and, if the peer is a trusted proxy,
// at what it forwards.
func newVisitor(r *http.Request, trusted []netip.Prefix) visitor {
	v := visitor{host: r.Host, proto: "http"}
	if r.TLS != nil {
		v.proto = "https"
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return v
	}
	v.client = peer.Addr().Unmap().WithZone("")
	v.forwarded = v.client.String()
	if !contains(trusted, v.client) {
		v.known = r.Header["X-Forwarded-For"] == nil && r.Header["Forwarded"] == nil && r.Header["Via"] == nil
		return v
	}
	if host := r.Header.Get("X-Forwarded-Host"); host != "" {
		v.host = host
	}
	if proto := r.Header.Get("X-Forwarded-Proto"); proto == "http" || proto == "https" {
		v.proto = proto
	}
	chain := strings.Join(r.Header["X-Forwarded-For"], ", ")
	if chain == "" { // it does not say for whom it asks
		return v
	}
	v.client, v.known = origin(chain, trusted)
	v.forwarded = chain + ", " + v.forwarded
	return v
}

// origin returns the last address in a chain of X-Forwarded-For that is no
// trusted proxy: what is left of it was written by others and proves nothing.
func origin(chain string, trusted []netip.Prefix) (netip.Addr, bool) {
	for chain != "" {
		i := strings.LastIndexByte(chain, ',')
		last := strings.TrimSpace(chain[i+1:])
		chain = chain[:max(i, 0)]
		address, err := netip.ParseAddr(last)
		if err != nil {
			return netip.Addr{}, false
		}
		if address = address.Unmap().WithZone(""); chain == "" || !contains(trusted, address) {
			return address, true
		}
	}
	return netip.Addr{}, false
}
