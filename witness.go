package davit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Witness declares the steady probe that goes through the front door during a
// rollout, and measures what a user would have met there.
type Witness struct {
	// Rate is in requests a second; 0 is no witness.
	Rate float64 `json:"rate"`
	// Host and Path say what is asked for; "" are those of the first route.
	Host    string   `json:"host,omitempty"`
	Path    string   `json:"path,omitempty"`
	Timeout Duration `json:"timeout"`
	// Post, if there is one, is sent in turn with GET. It must be safe to
	// send any number of times.
	Post *WitnessPost `json:"post,omitempty"`
}

// WitnessPost is a POST that does no harm.
type WitnessPost struct {
	Path        string `json:"path"`
	Body        string `json:"body,omitempty"`
	ContentType string `json:"contentType,omitempty"`
}

// WitnessHeader marks the requests of a witness. From the proxy's own machine
// they are left out of the figures that gates judge by.
const WitnessHeader = "Davit-Witness"

// Measured is what the witness of a rollout measured, cumulative. All lengths of
// time are of the monotonic clock; From and Until are for people.
type Measured struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Complete says that the witness went on until the rollout had ended.
	Complete bool `json:"complete"`
	// Absent says why there was no witness; all else is zero then.
	Absent string `json:"absent,omitempty"`

	// Interval is the grid on which probes are due.
	Interval Duration `json:"interval"`
	// Probes that were sent since something served: Failed of them failed,
	// by kind in Failures; the others were answered with a status below 500.
	Probes   int64            `json:"probes"`
	Failed   int64            `json:"failed"`
	Failures map[string]int64 `json:"failures,omitempty"`
	// Before is how many were sent before the first release of the
	// environment answered. They count for nothing: there was nothing to lose.
	Before int64 `json:"before,omitempty"`

	// LongestGap is the longest time without an answer that was no failure.
	LongestGap Duration `json:"longestGap"`
	// Downtime is the time in which nobody who came was served, in Outages
	// pieces; it is known to within Resolution. See internal/witness.
	Downtime   Duration `json:"downtime"`
	Outages    int64    `json:"outages"`
	Resolution Duration `json:"resolution"`

	// What the witness itself did not manage: Missed probes were due and not
	// sent, because the witness got no processor for Starved. Nothing is
	// claimed for that time.
	Missed  int64    `json:"missed,omitempty"`
	Starved Duration `json:"starved,omitempty"`
	// Holes is how often the server was away, and Unwatched for how long in
	// all, by the wall clock.
	Holes     int64    `json:"holes,omitempty"`
	Unwatched Duration `json:"unwatched,omitempty"`
}

// String says it in one line for people: "18,204 probes, 0 failed; longest gap
// 51 ms, downtime 0 ms (±50 ms)".
func (m Measured) String() string {
	if m.Absent != "" {
		return "not measured: " + m.Absent
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s probes, %s failed", thousands(m.Probes), thousands(m.Failed))
	if len(m.Failures) > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(m.Failures)) {
			kinds = append(kinds, fmt.Sprintf("%s %s", thousands(m.Failures[kind]), kind))
		}
		fmt.Fprintf(&b, " (%s)", strings.Join(kinds, ", "))
	}
	fmt.Fprintf(&b, "; longest gap %s, downtime %s (±%s)", millis(m.LongestGap), millis(m.Downtime), millis(m.Resolution))
	if m.Starved > 0 {
		fmt.Fprintf(&b, "; the probe itself was starved for %s", millis(m.Starved))
	}
	if m.Holes > 0 {
		fmt.Fprintf(&b, "; nobody measured for %s, when the server was away", millis(m.Unwatched))
	}
	return b.String()
}

// millis formats a duration in whole milliseconds.
func millis(d Duration) string {
	return thousands(d.D().Round(time.Millisecond).Milliseconds()) + " ms"
}

// thousands formats a number with commas.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
