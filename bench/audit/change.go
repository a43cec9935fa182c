package main

import (
	"fmt"
	"time"

	"github.com/davit-dev/davit"
)

// change returns n entries as a canary's stages give them, from the given
// number on: what was before and after, of two services.
func change(from, n int) *davit.Change {
	c := &davit.Change{Audit: make([]davit.AuditEntry, n)}
	for i := range c.Audit {
		number := from + i
		share := 1 + number%999
		c.Audit[i] = davit.AuditEntry{
			At:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(number) * time.Second),
			Actor: "davit", Action: "rollout.stage", Application: "shop", Environment: "production",
			Rollout: fmt.Sprintf("06hq%012d", number/10), Release: "v2-1f0c9a3be4d1", Reason: fmt.Sprintf("canary %d", share),
			Before: state(share - 1), After: state(share),
		}
	}
	return c
}

func state(share int) []byte {
	return fmt.Appendf(nil, `{"run":{"v1-0c9a3be4d11f":{"api":4,"web":4},"v2-1f0c9a3be4d1":{"api":2,"web":2}},"split":{"v1-0c9a3be4d11f":%d,"v2-1f0c9a3be4d1":%d},"candidate":"v2-1f0c9a3be4d1"}`, 1000-share, share)
}
