package bicep

import (
	"fmt"
	"math/big"
	"net/netip"
)

// cidrHost counts from the first usable address, which is the second.
func cidrHost(_ *frame, args []any) (any, error) {
	p, err := network(args[0])
	if err != nil {
		return nil, err
	}
	host, ok := args[1].(int64)
	if !ok {
		return nil, errArguments
	}
	return address(p, host+1)
}

func cidrSubnet(_ *frame, args []any) (any, error) {
	p, err := network(args[0])
	if err != nil {
		return nil, err
	}
	bits, ok := args[1].(int64)
	number, is := args[2].(int64)
	if !ok || !is {
		return nil, errArguments
	}
	if int(bits) < p.Bits() || bits > 32 {
		return nil, fmt.Errorf("%s has no subnets of /%d", p, bits)
	}
	first, err := address(p, number<<(32-bits))
	if err != nil {
		return nil, fmt.Errorf("%s has no subnet %d of /%d", p, number, bits)
	}
	return fmt.Sprintf("%s/%d", first, bits), nil
}

// parseCIDR is a range in its parts: of those that Azure knows, the ones that
// infra/bicep reads.
func parseCIDR(_ *frame, args []any) (any, error) {
	p, err := network(args[0])
	if err != nil {
		return nil, err
	}
	return map[string]any{"network": p.Addr().String(), "cidr": int64(p.Bits())}, nil
}

// network is a range of IPv4 addresses.
func network(v any) (netip.Prefix, error) {
	s, ok := v.(string)
	if !ok {
		return netip.Prefix{}, errArguments
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && !p.Addr().Is4() {
		err = fmt.Errorf("%s is not of IPv4", s)
	}
	return p.Masked(), err
}

// address is the one of a number in a network, counted from 0.
func address(p netip.Prefix, number int64) (string, error) {
	if number < 0 || number >= 1<<(32-p.Bits()) {
		return "", fmt.Errorf("%s has no address %d", p, number)
	}
	sum := new(big.Int).SetBytes(p.Addr().AsSlice())
	bytes := sum.Add(sum, big.NewInt(number)).FillBytes(make([]byte, 4))
	return netip.AddrFrom4([4]byte(bytes)).String(), nil
}
