package main

import (
	"fmt"

	"github.com/davit-dev/davit"
)

// closing says how a rollout stands, what was measured, and where its receipt is.
func closing(r *davit.Rollout) string {
	text := conclusion(r)
	if r.Measured != nil {
		text += "\nmeasured: " + r.Measured.String()
	}
	if r.Phase.Ended() {
		text += "\nreceipt:  davit receipt show " + r.ID
	}
	return text
}

// measuredText says in a few words what was measured.
func measuredText(r *davit.Rollout) string {
	m := r.Measured
	if m == nil || m.Probes == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d failed, %d ms down", m.Failed, m.Probes, m.Downtime.D().Milliseconds())
}
