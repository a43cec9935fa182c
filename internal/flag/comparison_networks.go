package flag

import "net/netip"

// networks is met by an IP address in one of some networks. An IPv4 address that
// is written as IPv6 is taken as the IPv4 address.
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
		made = append(made, prefix.Masked())
	}
	return made
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
