package proxy

import (
	"math/rand/v2"
	"net/http"

	"github.com/davit-dev/davit"
)

// releaseHeader chooses a release, for those who may, and tells an instance for
// which release it answers. One that passes it on when it calls a sibling
// through the front door stays on its release.
const releaseHeader = "Davit-Release"

// chosenRelease returns the release that the header asks for, if that is allowed.
func chosenRelease(header http.Header, allowed *permission, v *visitor) string {
	values := header[releaseHeader]
	if len(values) == 0 || !allowed.permits(v) {
		return ""
	}
	return values[0]
}

// choose returns the release that serves the request, or nil. A choice by host
// or header goes first; one that names no release there is goes by the split,
// since it may name one that has just left.
func (c *call) choose() *release {
	s := c.site
	for _, host := range s.previewHosts {
		if host == c.host && s.candidate != nil {
			return s.candidate
		}
	}
	switch c.chosen {
	case "":
	case "candidate":
		if s.candidate != nil {
			return s.candidate
		}
	case "stable":
		if s.stable != nil {
			return s.stable
		}
	default:
		if r := s.releases[davit.ReleaseID(c.chosen)]; r != nil {
			return r
		}
	}
	switch {
	case !s.served:
		return nil
	case s.share == 0:
		return s.stable
	case s.share == davit.Whole:
		return s.candidate
	}
	switch {
	case c.placed:
	case c.witness:
		c.placed, c.place = true, anywhere()
	default:
		c.placed = true
		if c.place, c.newcomer = s.signer.find(c.r.Header); !c.newcomer {
			c.place = s.newcomers.take()
		}
		c.newcomer = !c.newcomer
	}
	if s.arc.holds(c.place) {
		return s.candidate
	}
	return s.stable
}

// pick chooses an instance: of two at random the one with less in flight. That
// keeps slow instances from piling up requests, as the least loaded of all
// would, without all of the proxy's goroutines choosing the same one at once.
// Ejected and tried instances come last: when nothing else is left, trying one
// is better than giving up.
func (c *call) pick() *backend {
	all := c.service.backends
	switch n := len(all); {
	case n == 0:
		return nil
	case n > 1:
		i := rand.IntN(n)       //nolint:gosec // balance, no secret
		j := rand.IntN(n-1) + 1 //nolint:gosec // balance, no secret
		a, b := all[i], all[(i+j)%n]
		if b.inFlight.value() < a.inFlight.value() {
			a, b = b, a
		}
		if c.fit(a) {
			return a
		}
		if c.fit(b) {
			return b
		}
	}
	var last *backend
	for _, b := range all {
		if c.fit(b) {
			return b
		}
		if last == nil || !c.hasTried(b) {
			last = b
		}
	}
	return last
}

func (c *call) fit(b *backend) bool { return !b.ejected.Load() && !c.hasTried(b) }

func (c *call) hasTried(b *backend) bool {
	for _, t := range c.tried[:c.attempts] {
		if t == b {
			return true
		}
	}
	return false
}
