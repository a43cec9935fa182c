package server

import (
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// windowLength is how far back rates look.
const windowLength = 10 * time.Second

// windowStep is the least time between two figures that are kept.
const windowStep = time.Second

// window keeps the figures of the last seconds, to tell what is new from what
// was counted before.
type window struct {
	old []davit.Figures // oldest first, windowStep apart, of one boot
	now davit.Figures
}

// add takes newer figures. Those of another boot begin a new window.
func (w *window) add(f davit.Figures) {
	if f.Boot != w.now.Boot {
		w.old = nil
	}
	w.now = f
	if n := len(w.old); n == 0 || f.At.Sub(w.old[n-1].At) >= windowStep {
		w.old = append(w.old, f)
	}
	for len(w.old) > 1 && f.At.Sub(w.old[1].At) >= windowLength {
		w.old = w.old[1:]
	}
}

// fill sets the traffic of a release.
func (w *window) fill(r *api.LiveRelease) {
	now := w.now.Release(r.ID)
	r.Requests = now.Requests
	if len(w.old) == 0 {
		return
	}
	recent := now.Since(w.old[0].Release(r.ID))
	if span := w.now.At.Sub(w.old[0].At); span > 0 {
		r.Rate = float64(recent.Requests) / span.Seconds()
	}
	if recent.Requests > 0 {
		r.ErrorRate = float64(recent.Failures) / float64(recent.Requests)
	}
	r.P99 = davit.Duration(recent.Latency.Quantile(0.99))
}
