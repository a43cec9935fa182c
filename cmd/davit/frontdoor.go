package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/engine"
	"github.com/davit-dev/davit/internal/validation"
)

// fronted is a Router whose front door is not Davit's own.
type fronted interface {
	// FrontDoor returns the URL that the front door is known to answer at, "" when
	// none is, and whether requests can choose a release there.
	FrontDoor(ctx context.Context) (address string, chooses bool, err error)
}

// frontDoor is where users come in to a release.
type frontDoor struct {
	*validation.Target
	deaf error // why no request can choose a release there; nil when they can
}

// findDoor returns the front door of a release, which a router serves.
func findDoor(ctx context.Context, r *davit.Release, router engine.Router) (frontDoor, error) {
	f, ok := router.(fronted)
	if !ok {
		return ownDoor(r)
	}
	door := frontDoor{Target: &validation.Target{URL: r.Config.Front.Address, Host: hostOf(r.Config.Routes), Managed: true}}
	address, chooses, err := f.FrontDoor(ctx)
	if door.URL == "" {
		door.URL = address
	} else if chooses {
		err = nil // what was configured is asked
	}
	if err == nil && door.URL == "" {
		err = &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("%s has no Gateway, so it is not known where users come in", r.Environment),
			Hint: "name it in davit.yaml: kubernetes: {address: https://…}, or leave the validation gate out",
		}
	}
	if !chooses {
		door.deaf = &davit.Error{
			Code: davit.CodeUnsupported, Message: fmt.Sprintf("%s has no Gateway, so no request can choose the candidate, and another release would be validated in its place", r.Environment),
			Hint: "name a gateway:, or use another gate until it has all traffic, such as http, which asks every pod",
		}
	}
	return door, err
}

// ownDoor returns the front door on this machine.
func ownDoor(r *davit.Release) (frontDoor, error) {
	if len(r.Config.Front.Listen) == 0 {
		return frontDoor{}, &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("%s listens nowhere, so there is no front door to validate at", r.Environment),
			Hint: "give the environment listen:, or leave the validation gate out",
		}
	}
	l := r.Config.Front.Listen[0]
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return frontDoor{}, fmt.Errorf("the front door's address %q: %w", l.Address, err)
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
	door := frontDoor{Target: &validation.Target{URL: u.String(), Host: hostOf(r.Config.Routes), Managed: true}}
	if !mayChoose(door.URL, r.Config.Front.Preview) {
		door.deaf = &davit.Error{
			Code: davit.CodeRefused, Message: "preview.allow does not let this machine choose a release, so that another one would be validated",
			Hint: "add 127.0.0.0/8 to preview.allow",
		}
	}
	return door, nil
}

// choose makes the requests choose a release by its ID. Where none can, somebody else
// would be validated. A Gateway lets all choose who know the ID.
func (d frontDoor) choose(release davit.ReleaseID) error {
	d.Header = http.Header{"Davit-Release": {string(release)}}
	return d.deaf
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
