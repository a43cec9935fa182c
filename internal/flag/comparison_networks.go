package flag

import "net/netip"

// networks is met by an IP address in one of some networks. An IPv4 address that
// is written as IPv6 (::ffff:10.0.0.1) is taken as the IPv4 address, and a network of
// such addresses as the IPv4 network. Other IPv6 networks, ::/0 among them, hold no
// IPv4 address.
type networks []netip.Prefix

func newNetworks(values []string, at place) test {
	var made networks
	for i, value := range values {
		prefix, err := netip.ParsePrefix(value)
		if err != nil {
			address, wrong := netip.ParseAddr(value)
			if wrong != nil {
				at.index(i).wrong("%q is no network: write 10.0.0.0/8 or 2001:db8::/32", value)
				continue
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		made = append(made, unmapped(prefix)...)
	}
	return made
}

// unmapped returns the networks that a prefix stands for. One that is written with an
// IPv4 address as IPv6 holds all of IPv4 when it ends before that begins.
func unmapped(prefix netip.Prefix) networks {
	const mapped = 96 // bits before the IPv4 address
	if !prefix.Addr().Is4In6() {
		return networks{prefix.Masked()}
	}
	inside := netip.PrefixFrom(prefix.Addr().Unmap(), max(prefix.Bits()-mapped, 0)).Masked()
	if prefix.Bits() >= mapped {
		return networks{inside}
	}
	return networks{inside, prefix.Masked()}
}

func (n networks) meets(value any) bool {
	v, ok := value.(string)
	if !ok {
		return false
	}
	address, err := netip.ParseAddr(v)
	if err != nil {
		return false
	}
	address = address.Unmap().WithZone("")
	for _, prefix := range n {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
