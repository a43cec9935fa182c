package proxy

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/davit-dev/davit"
)

// Table is everything the proxy needs to know to serve: it is always sent and
// kept whole. Tables are numbered; a proxy refuses one that is older than the
// one in effect.
type Table struct {
	Number int64  `json:"number"`
	Key    []byte `json:"key"` // signs the affinity cookie; secret
	Sites  []Site `json:"sites"`
}

// Site is one environment of one application.
type Site struct {
	Name string `json:"name"` // "application/environment"
	// Front is where the site listens, what it limits, and who may preview.
	Front davit.Front `json:"front"`
	// Split holds Stable and Candidate at most.
	Split     davit.Split                 `json:"split"`
	Stable    davit.ReleaseID             `json:"stable,omitempty"`
	Candidate davit.ReleaseID             `json:"candidate,omitempty"`
	Releases  map[davit.ReleaseID]Release `json:"releases"`
	// Lease, if any, is what the split is held on.
	Lease *Lease `json:"lease,omitempty"`
	// Lapsed is the split that was in effect until its lease ran out. The
	// proxy itself sets it.
	Lapsed davit.Split `json:"lapsed,omitempty"`
}

// Lease says what becomes of a site when nobody renews it in time.
type Lease struct {
	davit.Lease
	Front davit.Front `json:"front"` // in effect then
}

// Release is what the proxy knows of a release.
type Release struct {
	Routes   []davit.Route      `json:"routes"`
	Services map[string]Service `json:"services"` // by name; those that take traffic
}

// Service is the ready instances of one service of one release.
type Service struct {
	Protocol davit.Protocol `json:"protocol,omitempty"`
	Backends []Backend      `json:"backends"`
}

// Backend is an instance that takes requests.
type Backend struct {
	Instance string `json:"instance"`
	Address  string `json:"address"` // host:port
}

// minKey is the least length of a table's key, in bytes.
const minKey = 16

// DecodeTable reads a table and checks it. Fields it does not know are left
// out, so that a proxy may outlive the server that started it by a version.
func DecodeTable(data []byte) (*Table, error) {
	table := &Table{}
	if err := json.Unmarshal(data, table); err != nil {
		return nil, invalid("the routing table cannot be read", err)
	}
	if err := table.Check(); err != nil {
		return nil, err
	}
	return table, nil
}

// Check returns a *davit.Error of CodeInvalid that says what is wrong with the
// table, or nil.
func (t *Table) Check() error {
	if t.Number < 1 {
		return invalid(fmt.Sprintf("routing table number %d: numbers start at 1", t.Number), nil)
	}
	if len(t.Key) < minKey {
		return invalid(fmt.Sprintf("routing table %d: the key has %d bytes, want at least %d", t.Number, len(t.Key), minKey), nil)
	}
	seen := map[string]bool{}
	for i := range t.Sites {
		site := &t.Sites[i]
		if site.Name == "" || seen[site.Name] {
			return invalid(fmt.Sprintf("routing table %d: site name %q is empty or comes twice", t.Number, site.Name), nil)
		}
		seen[site.Name] = true
		if err := site.check(); err != nil {
			return invalid(fmt.Sprintf("routing table %d, site %s", t.Number, site.Name), err)
		}
	}
	return nil
}

func (s *Site) check() error {
	if err := s.Split.Check(); err != nil {
		return err
	}
	for id := range s.Split {
		if id != s.Stable && id != s.Candidate {
			return fmt.Errorf("the split names %s, which is neither stable (%s) nor candidate (%s)", id, s.Stable, s.Candidate)
		}
	}
	for _, id := range []davit.ReleaseID{s.Stable, s.Candidate} {
		if _, known := s.Releases[id]; id != "" && !known {
			return fmt.Errorf("release %s is not among the releases", id)
		}
	}
	for id, release := range s.Releases {
		if err := release.check(); err != nil {
			return fmt.Errorf("release %s: %w", id, err)
		}
	}
	if s.Lease != nil {
		if _, known := s.Releases[s.Lease.To]; !known || s.Lease.For <= 0 {
			return fmt.Errorf("a lease of %s for release %s: want a time, and one of the releases", s.Lease.For, s.Lease.To)
		}
		if err := checkFront(s.Lease.Front); err != nil {
			return fmt.Errorf("lease: %w", err)
		}
	}
	return checkFront(s.Front)
}

func (r Release) check() error {
	for _, route := range r.Routes {
		if !strings.HasPrefix(route.Prefix, "/") {
			return fmt.Errorf("route prefix %q does not start with /", route.Prefix)
		}
		if _, known := r.Services[route.Service]; !known {
			return fmt.Errorf("route %s%s names the service %q, which is not there", route.Host, route.Prefix, route.Service)
		}
	}
	for name, service := range r.Services {
		switch service.Protocol {
		case "", davit.ProtocolHTTP1, davit.ProtocolH2C:
		default:
			return fmt.Errorf("service %s: unknown protocol %q", name, service.Protocol)
		}
		for _, backend := range service.Backends {
			if err := checkAddress(backend.Address); err != nil || backend.Instance == "" {
				return fmt.Errorf("service %s: instance %q at %q: want an ID and host:port", name, backend.Instance, backend.Address)
			}
		}
	}
	return nil
}

func checkFront(front davit.Front) error {
	for _, listener := range front.Listen {
		if err := checkAddress(listener.Address); err != nil {
			return fmt.Errorf("listener %q: %w", listener.Address, err)
		}
		if (listener.Cert == "") != (listener.Key == "") {
			return fmt.Errorf("listener %s: a certificate and its key come together", listener.Address)
		}
	}
	if _, err := parsePrefixes(front.Preview.Allow); err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	if _, err := parsePrefixes(front.TrustedProxies); err != nil {
		return fmt.Errorf("trusted proxies: %w", err)
	}
	return nil
}

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return err
	}
	return nil
}

// parsePrefixes reads CIDRs; a bare address is a network of one.
func parsePrefixes(list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range list {
		if address, err := netip.ParseAddr(text); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("network %q: %w", text, err)
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

func invalid(message string, err error) error {
	return &davit.Error{Code: davit.CodeInvalid, Message: message, Err: err}
}
