package plot

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// axis maps values to positions: low is at from, high at to, in pixels.
type axis struct {
	low, high float64
	from, to  float64
	log       bool
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log10(v), math.Log10(low), math.Log10(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// tick is a labelled place on an axis.
type tick struct {
	value float64
	label string
}

// ticks is about how many places an axis is labelled at.
const ticks = 5

// valueAxis returns an axis that ends at round values around low and high, and
// its ticks. A linear axis has 0 on it where that does not squeeze the rest.
func valueAxis(low, high float64, log bool) (axis, []tick) {
	if log {
		return logAxis(low, high)
	}
	if low > 0 && low < high/2 || low == high && low > 0 {
		low = 0
	}
	// A span that is lost beside the values would leave nothing to tell apart.
	if least := max(math.Abs(low), math.Abs(high)) * 1e-9; high-low <= least {
		high = low + max(least*2, 1)
	}
	step := roundStep((high - low) / ticks)
	a := axis{low: math.Floor(low/step) * step, high: math.Ceil(high/step) * step}
	var at []tick
	for i := range int(math.Round((a.high-a.low)/step)) + 1 {
		v := a.low + float64(i)*step
		at = append(at, tick{v, number(v, step)})
	}
	return a, at
}

// logAxis ticks at powers of ten, or at powers of a power when those are many.
func logAxis(low, high float64) (axis, []tick) {
	first, last := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	if first == last {
		last++
	}
	step := math.Ceil((last - first) / (ticks + 1))
	last = first + math.Ceil((last-first)/step)*step
	a := axis{low: math.Pow(10, first), high: math.Pow(10, last), log: true}
	var at []tick
	for e := first; e <= last; e += step {
		label := strconv.FormatFloat(math.Pow(10, e), 'g', -1, 64)
		at = append(at, tick{math.Pow(10, e), label})
	}
	return a, at
}

// roundStep returns the least of 1, 2 and 5 times a power of ten that is step
// or more.
func roundStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= step*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// number formats a tick of an axis with the given step.
func number(v, step float64) string {
	digits := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	if math.Abs(v) >= 1e7 || digits > 6 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	if v == 0 {
		return "0" // never -0
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// timeSteps are the distances between ticks of a time axis.
var timeSteps = []time.Duration{
	time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// timeTicks labels an axis of the time that has passed, up to span.
func timeTicks(span time.Duration) []tick {
	step := time.Duration(math.Ceil(span.Hours()/24/ticks)) * 24 * time.Hour
	for _, s := range timeSteps {
		if s*ticks >= span {
			step = s
			break
		}
	}
	var at []tick
	for d := time.Duration(0); d <= span; d += step {
		at = append(at, tick{d.Seconds(), "+" + passed(d)})
	}
	return at
}

// passed formats a duration without units that are zero: 1m30s, 2h, 3d.
func passed(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "0s"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
