package proxy

import (
	"log/slog"
	"time"
)

// log writes the request to the access log, if its site wants one. The query
// stays out of it: it may hold secrets.
func (c *call) log() {
	if c.site == nil || !c.site.accessLog {
		return
	}
	instance := ""
	if c.backend != nil {
		instance = c.backend.key.Instance
	}
	c.p.access.LogAttrs(c.r.Context(), slog.LevelInfo, "request",
		slog.String("site", c.site.name),
		slog.String("release", string(c.release.id)),
		slog.String("service", c.service.name),
		slog.String("instance", instance),
		slog.String("client", c.visitor.client.String()),
		slog.String("method", c.r.Method),
		slog.String("host", c.r.Host),
		slog.String("path", c.r.URL.Path),
		slog.String("proto", c.r.Proto),
		slog.Int("status", c.status),
		slog.Int64("bytes", c.written),
		slog.Duration("took", time.Since(c.start)),
		slog.Int("attempts", c.attempts+1),
		slog.String("request_id", c.requestID),
	)
}
