package process

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/davit-dev/davit"
)

// Config is what a Host needs. Only Dir must be set.
type Config struct {
	// Dir holds artifacts, declarations, records and logs. It is made when it
	// is not there.
	Dir string
	// Drain returns when no request to the instance is in flight and none will
	// come, or at the service's drain limit. An instance is not stopped before,
	// unless the limit is long over and the context ends; an error does not keep
	// it from being stopped. Nil drains nothing.
	Drain func(ctx context.Context, application, environment string, instance davit.Instance, limit time.Duration) error
	// Log receives what happens to instances on their own. Nil discards it.
	Log *slog.Logger
	// Ports are given to instances. The default is 20000 to 29999, which lies
	// outside the kernel's ephemeral range.
	Ports PortRange
	// LogBytes is the size at which an instance's log is rotated (default
	// 10 MiB), LogFiles how many rotated files are kept (default 5).
	LogBytes int64
	LogFiles int
	// KeepLogs is how many ended instances keep their logs (default 50),
	// KeepLogsFor how long (default 7 days).
	KeepLogs    int
	KeepLogsFor time.Duration
	// Lookup finds variables of the server's environment; os.LookupEnv by
	// default.
	Lookup func(name string) (string, bool)
	// Now tells the time; time.Now by default.
	Now func() time.Time
	// Random chooses instance names, ports and the jitter of restarts; by
	// default it is seeded from the operating system.
	Random rand.Source
}

// PortRange is the ports From to To, both included.
type PortRange struct{ From, To int }

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Ports == (PortRange{}) {
		c.Ports = PortRange{From: 20000, To: 29999}
	}
	if c.LogBytes <= 0 {
		c.LogBytes = 10 << 20
	}
	if c.LogFiles <= 0 {
		c.LogFiles = 5
	}
	if c.KeepLogs <= 0 {
		c.KeepLogs = 50
	}
	if c.KeepLogsFor <= 0 {
		c.KeepLogsFor = 7 * 24 * time.Hour
	}
	if c.Lookup == nil {
		c.Lookup = os.LookupEnv
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.NewPCG(rand.Uint64(), rand.Uint64()) //nolint:gosec // names and jitter, no secrets
	}
	return c
}
