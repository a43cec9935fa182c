package proxy

import (
	"cmp"
	"time"

	"github.com/davit-dev/davit"
)

// The limits where a site sets none. Bodies have no limit by default: they
// stream through, so their size costs the proxy nothing.
const (
	defaultHeaderBytes     = 64 << 10
	defaultHeaderTimeout   = 10 * time.Second
	defaultIdleTimeout     = 75 * time.Second // longer than the 60 s at which load balancers let go of theirs
	defaultResponseTimeout = 60 * time.Second
	defaultConnections     = 10_000

	// connectionStreams is how many requests an HTTP/2 connection may have open:
	// each may hold a connection to an instance.
	connectionStreams = 100
)

// limits are davit.Limits with nothing left out, save body.
type limits struct {
	headerBytes int
	body        int64 // 0: none
	header      time.Duration
	idle        time.Duration
	response    time.Duration
	connections int
}

func newLimits(l davit.Limits) limits {
	return limits{
		headerBytes: cmp.Or(l.HeaderBytes, defaultHeaderBytes),
		body:        l.BodyBytes,
		header:      cmp.Or(l.HeaderTimeout.D(), defaultHeaderTimeout),
		idle:        cmp.Or(l.IdleTimeout.D(), defaultIdleTimeout),
		response:    cmp.Or(l.ResponseTimeout.D(), defaultResponseTimeout),
		connections: cmp.Or(l.Connections, defaultConnections),
	}
}

// join returns the more generous of both for what is limited per listener,
// before the site of a request is known.
func (l limits) join(o limits) limits {
	return limits{
		headerBytes: max(l.headerBytes, o.headerBytes),
		header:      max(l.header, o.header),
		idle:        max(l.idle, o.idle),
		connections: max(l.connections, o.connections),
	}
}
