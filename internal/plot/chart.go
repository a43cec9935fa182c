// Package plot draws charts over time as SVG: self-contained, without scripts,
// fonts or styles from elsewhere, and byte for byte the same for the same data.
package plot

import (
	"math"
	"time"
)

// Chart is a chart of values over time. The zero value of each field is useful;
// a chart without a point says that it has no data.
type Chart struct {
	Title string
	Unit  string // of the values, such as "requests/s" or "%"
	// Log draws values on a logarithmic axis. Those that are not above 0 are
	// left out.
	Log bool
	// From and To bound the time axis. Where they are zero, the data does.
	From, To time.Time
	Series   []Series
	Limits   []Limit
	Marks    []Mark
}

// Series is a line through points in the order of their time.
type Series struct {
	Name   string
	Points []Point
	// Step holds each value until the next point, as a split or a number of
	// instances does. Otherwise points are joined.
	Step bool
}

// Point is a value at a time. One that is NaN or infinite is a gap in the line.
type Point struct {
	At    time.Time
	Value float64
}

// Limit is a horizontal line, such as a threshold.
type Limit struct {
	Value float64
	Label string
}

// Mark is a vertical line at an event, such as a stage or a verdict.
type Mark struct {
	At    time.Time
	Label string
}

// span returns what the time axis shows.
func (c *Chart) span() (from, to time.Time) {
	from, to = c.From, c.To
	see := func(at time.Time) {
		if c.From.IsZero() && (from.IsZero() || at.Before(from)) {
			from = at
		}
		if c.To.IsZero() && (to.IsZero() || at.After(to)) {
			to = at
		}
	}
	for _, s := range c.Series {
		for _, p := range s.Points {
			see(p.At)
		}
	}
	for _, m := range c.Marks {
		see(m.At)
	}
	if to.Sub(from) < time.Millisecond {
		to = from.Add(time.Second)
	}
	return from, to
}

// bounds returns the lowest and highest value to show, and whether there is one.
func (c *Chart) bounds() (low, high float64, any bool) {
	low, high = math.Inf(1), math.Inf(-1)
	see := func(v float64) {
		if c.shows(v) {
			low, high, any = min(low, v), max(high, v), true
		}
	}
	for _, s := range c.Series {
		for _, p := range s.Points {
			see(p.Value)
		}
	}
	if !any {
		return 0, 0, false
	}
	for _, l := range c.Limits {
		see(l.Value)
	}
	return low, high, true
}

// shows reports whether a value has a place on the axis. Beyond the extremes
// arithmetic would end in infinities, and nobody could read the chart.
func (c *Chart) shows(v float64) bool {
	const least, most = 1e-250, 1e250
	if c.Log {
		return v >= least && v <= most
	}
	return v == 0 || math.Abs(v) >= least && math.Abs(v) <= most
}
