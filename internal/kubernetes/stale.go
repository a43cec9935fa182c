package kubernetes

import (
	"context"
	"net"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

const (
	// staleAfter is how long a watch may take to show what the API server has taken.
	staleAfter = 5 * time.Second
	// reconnectPause is how long at least there is between two reconnections, so that
	// an API server that is slow is not asked for everything again and again.
	reconnectPause = 15 * time.Second
)

// line is what a cluster is reached by: connections that can be broken all at once.
type line struct {
	dialer *connrotation.Dialer
	broken time.Time // last; guarded by the cluster's mu
}

// newLine has the clients of a configuration connect by a line.
func newLine(config *rest.Config) *line {
	const dialLimit, keepAlive = 30 * time.Second, 30 * time.Second // as client-go has them
	dial := config.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialLimit, KeepAlive: keepAlive}).DialContext
	}
	l := &line{dialer: connrotation.NewDialer(dial)}
	config.Dial = l.dialer.DialContext
	return l
}

// reconnect breaks all connections, so that the watches begin anew: one that is open
// and shows nothing, since something on the way swallows it, would not end by itself
// for minutes. What else is asked for just now is asked for once more.
func (c *Cluster) reconnect(ctx context.Context) {
	now := c.now()
	c.mu.Lock()
	due := now.Sub(c.line.broken) >= reconnectPause
	if due {
		c.line.broken = now
	}
	c.mu.Unlock()
	if due {
		c.log.WarnContext(ctx, "the watches do not show what the API server has taken; connecting anew", "cluster", c.String())
		c.line.dialer.CloseAll()
	}
}
