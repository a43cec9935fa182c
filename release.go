package davit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ReleaseID names a release: its version and the start of the digest over all
// that it pins, as in "v2-1f0c9a3be4d1". The same version with another
// artifact or configuration has another ID.
type ReleaseID string

// Short returns the version part of the ID, for people.
func (id ReleaseID) Short() string {
	if i := strings.LastIndexByte(string(id), '-'); i > 0 {
		return string(id[:i])
	}
	return string(id)
}

// Release is an immutable version of all services of an application, as it
// runs in one environment. It pins artifacts by digest and the resolved
// configuration, so that going back to it restores both.
type Release struct {
	ID          ReleaseID `json:"id"`
	Application string    `json:"application"`
	Environment string    `json:"environment"`
	Version     string    `json:"version"`

	// Artifacts holds a digest ("sha256:…") for each service that has one.
	Artifacts map[string]string `json:"artifacts,omitempty"`
	// ConfigHash is the hex SHA-256 of the resolved configuration.
	ConfigHash string `json:"configHash"`

	Config    ReleaseConfig `json:"config"`
	CreatedAt time.Time     `json:"createdAt"`
}

// ReleaseConfig is the resolved configuration that a release pins.
type ReleaseConfig struct {
	Services map[string]Service `json:"services"`
	Routes   []Route            `json:"routes,omitempty"`
	Front    Front              `json:"front"`
}

// Route sends requests for a host and path prefix to a service. The longest
// matching prefix of the most specific host wins.
type Route struct {
	Host    string `json:"host,omitempty"` // "" any; "*.example.org" one label or more
	Prefix  string `json:"prefix"`         // matched at path segment boundaries
	Service string `json:"service"`
}

// Front is the environment's front door: where it listens and how a preview
// of the candidate is reached.
type Front struct {
	Listen []Listener `json:"listen,omitempty"`
	// Address is the URL that the front door answers at, seen from the server,
	// where it is not the server's own to listen.
	Address string  `json:"address,omitempty"`
	Preview Preview `json:"preview"`
	// TrustedProxies are CIDRs of load balancers before Davit whose
	// X-Forwarded-* headers are believed.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	Limits         Limits   `json:"limits"`
	AccessLog      bool     `json:"accessLog,omitempty"`
}

// Listener is an address that the proxy accepts connections on.
type Listener struct {
	Address string `json:"address"`        // host:port
	Cert    string `json:"cert,omitempty"` // PEM files; reloaded when they change
	Key     string `json:"key,omitempty"`
}

// Preview says who may choose a release by the request header Davit-Release
// ("candidate" or "stable") or by host.
type Preview struct {
	Hosts []string `json:"hosts,omitempty"` // requests for these hosts go to the candidate
	Allow []string `json:"allow,omitempty"` // CIDRs of clients that may choose; loopback by default
}

// Limits bound what one request may take. Zero means the proxy's default.
type Limits struct {
	HeaderBytes     int      `json:"headerBytes,omitempty"`
	BodyBytes       int64    `json:"bodyBytes,omitempty"`
	HeaderTimeout   Duration `json:"headerTimeout,omitempty"`   // reading the request's header
	IdleTimeout     Duration `json:"idleTimeout,omitempty"`     // kept connections
	ResponseTimeout Duration `json:"responseTimeout,omitempty"` // until the answer's header
	Connections     int      `json:"connections,omitempty"`
}

// NewRelease pins a version: it computes the configuration's hash and the ID.
// artifacts holds a digest for each service that has an artifact.
func NewRelease(application, environment, version string, artifacts map[string]string, config ReleaseConfig, now time.Time) (*Release, error) {
	canonical, err := json.Marshal(config.portable()) // map keys are sorted, so equal values give equal bytes
	if err != nil {
		return nil, fmt.Errorf("encoding the configuration of %s %s: %w", application, version, err)
	}
	configSum := sha256.Sum256(canonical)
	r := &Release{
		Application: application, Environment: environment, Version: version,
		Artifacts: artifacts, ConfigHash: hex.EncodeToString(configSum[:]),
		Config: config, CreatedAt: now.UTC(),
	}
	all := sha256.New()
	fmt.Fprintf(all, "%q %q %q %q", application, environment, version, r.ConfigHash)
	for _, service := range slices.Sorted(maps.Keys(artifacts)) {
		fmt.Fprintf(all, " %q %q", service, artifacts[service])
	}
	r.ID = ReleaseID(version + "-" + hex.EncodeToString(all.Sum(nil))[:12])
	return r, nil
}

// portable returns the configuration without where the artifacts were built:
// their digests are pinned beside it, and the same release from another
// folder is the same release. The name stays, since Command may call it.
func (c ReleaseConfig) portable() ReleaseConfig {
	c.Services = maps.Clone(c.Services)
	for name, s := range c.Services {
		if s.Artifact != "" {
			s.Artifact = filepath.Base(s.Artifact)
			c.Services[name] = s
		}
	}
	return c
}

// Full returns the release's full size: every service at its replicas.
func (r *Release) Full() Size {
	size := Size{}
	for name, s := range r.Config.Services {
		size[name] = s.Replicas
	}
	return size
}
