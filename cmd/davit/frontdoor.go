package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/validation"
)

// frontDoor returns the target for a release's front door on this machine.
func frontDoor(r *davit.Release) (*validation.Target, error) {
	if address := r.Config.Front.Address; address != "" {
		return &validation.Target{URL: address, Host: hostOf(r.Config.Routes), Managed: true}, nil
	}
	if len(r.Config.Front.Listen) == 0 {
		return nil, &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("%s listens nowhere, so there is no front door to validate at", r.Environment),
			Hint: "give the environment listen:, or leave the validation gate out",
		}
	}
	l := r.Config.Front.Listen[0]
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return nil, fmt.Errorf("the front door's address %q: %w", l.Address, err)
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
		if err == nil && a.Is6() {
			host = "::1"
		}
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if l.Cert != "" {
		u.Scheme = "https"
	}
	return &validation.Target{URL: u.String(), Host: hostOf(r.Config.Routes), Managed: true}, nil
}

// dialled returns the host and port that a URL is reached at.
func dialled(address string) (hostPort string, tls bool, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", false, fmt.Errorf("the front door's address: %w", err)
	}
	tls = u.Scheme == "https"
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[tls]
	}
	return net.JoinHostPort(u.Hostname(), port), tls, nil
}

// hostOf returns a host that the routes serve; "" when any will do.
func hostOf(routes []davit.Route) string {
	host := ""
	for _, r := range routes {
		if r.Host == "" {
			return ""
		}
		if host == "" {
			host = r.Host
		}
	}
	if below, ok := strings.CutPrefix(host, "*."); ok {
		return "validation." + below
	}
	return host
}

// choose makes the target's requests choose a release by its ID. Where that is not
// allowed from here, somebody else would be validated. A Gateway lets all choose who
// know the ID.
func choose(t *validation.Target, front davit.Front, release davit.ReleaseID) error {
	if front.Address == "" && !mayChoose(t.URL, front.Preview) {
		return &davit.Error{
			Code: davit.CodeRefused, Message: "preview.allow does not let this machine choose a release, so that another one would be validated",
			Hint: "add 127.0.0.0/8 to preview.allow",
		}
	}
	t.Header = http.Header{"Davit-Release": {string(release)}}
	return nil
}

// mayChoose reports whether requests from this machine to its own front door
// may choose a release: they come from the address that they go to.
func mayChoose(front string, preview davit.Preview) bool {
	u, err := url.Parse(front)
	if err != nil {
		return false
	}
	from, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() == "localhost" {
		from, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	if err != nil {
		return false
	}
	if len(preview.Allow) == 0 {
		return from.IsLoopback()
	}
	for _, network := range preview.Allow {
		if prefix, err := netip.ParsePrefix(network); err == nil && prefix.Contains(from) {
			return true
		}
	}
	return false
}
