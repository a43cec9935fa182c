package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
	"github.com/davit-dev/davit/internal/witness"
)

// sampleEvery is how long a point of a rollout's series is at first.
const sampleEvery = time.Second

// watched is a rollout that is being watched.
type watched struct {
	*observer
	rollout *davit.Rollout
	absent  string          // why there is no prober
	prober  *witness.Prober // nil: there is none

	ended, resting chan struct{}
	once, restOnce sync.Once

	series  *receipt.Series
	began   time.Time     // of this server's part of the series
	offset  time.Duration // of began after the series' start
	figures davit.Figures // of the last sample
}

// newWatched prepares to watch a rollout. What an earlier server measured goes on.
func (o *observer) newWatched(ctx context.Context, r *davit.Rollout) (*watched, error) {
	w := &watched{observer: o, rollout: r, ended: make(chan struct{}), resting: make(chan struct{}), began: time.Now()}
	options, absent, err := o.frontDoor(ctx, r)
	if err != nil {
		return nil, err
	}
	if w.absent = absent; absent == "" {
		if w.prober, err = witness.New(options); err != nil { // as no davit.yaml says it, but a client of the API may
			w.absent = err.Error()
		}
	}
	doc, err := o.store.Series(ctx, r.ID)
	if davit.ErrorCode(err) == davit.CodeNotFound {
		w.series = receipt.NewSeries(w.began, sampleEvery)
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	if w.series, err = receipt.ParseSeries(doc); err != nil { // what is damaged is no reason not to watch
		w.warn(ctx, err)
		w.series = receipt.NewSeries(w.began, sampleEvery)
		return w, nil
	}
	w.offset = max(w.began.Sub(w.series.Start), 0)
	if n := len(w.series.At); n > 0 {
		w.offset = max(w.offset, time.Duration(w.series.At[n-1])*time.Millisecond)
	}
	return w, nil
}

// frontDoor returns what to probe during a rollout: what users use now. absent
// says why there is nothing.
func (o *observer) frontDoor(ctx context.Context, r *davit.Rollout) (options witness.Options, absent string, err error) {
	options = witness.Options{Witness: r.Policy.Witness, Serving: r.Plan.Stable != "", Earlier: r.Measured}
	switch {
	case r.Kind == davit.KindDown:
		return options, "the environment was taken down", nil
	case options.Rate <= 0:
		return options, "the environment declares no witness", nil
	}
	var fronts []davit.ReleaseConfig // of stable, then of the target
	for _, id := range []davit.ReleaseID{r.Plan.Stable, r.Plan.Target} {
		if id == "" {
			continue
		}
		release, err := o.store.Release(ctx, id)
		if err != nil {
			return options, "", err
		}
		fronts = append(fronts, release.Config)
	}
	front, after := fronts[0].Front, fronts[len(fronts)-1].Front
	if front.Address == "" && len(front.Listen) == 0 || len(fronts[0].Routes) == 0 {
		return options, "the release has no front door", nil
	}
	if options.Address, options.TLS, err = probed(front, after); err != nil {
		return options, err.Error(), nil
	}
	route := fronts[0].Routes[0]
	if options.Host == "" {
		options.Host = strings.Replace(route.Host, "*", "witness", 1)
	}
	if options.Host == "" {
		options.Host = options.Address
	}
	if options.Path == "" {
		options.Path = route.Prefix
	}
	return options, "", nil
}

// probed returns where a front door is reached that listens somewhere: where it
// does so after the rollout too, if there is such a place.
func probed(front, after davit.Front) (address string, tls bool, err error) {
	if front.Address != "" {
		return dialled(front.Address)
	}
	kept := slices.IndexFunc(front.Listen, func(l davit.Listener) bool {
		return slices.ContainsFunc(after.Listen, func(other davit.Listener) bool { return other.Address == l.Address })
	})
	listener := front.Listen[max(kept, 0)]
	address, err = reachable(listener.Address)
	return address, listener.Cert != "", err
}

// reachable returns where to reach a listener from its own machine.
func reachable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("the listener %s: %w", address, err)
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

// over says that the rollout has ended.
func (w *watched) over() { w.once.Do(func() { close(w.ended) }) }

// rest ends the probing before the rollout's end.
func (w *watched) rest() { w.restOnce.Do(func() { close(w.resting) }) }

// measured returns what was measured so far.
func (w *watched) measured() davit.Measured {
	if w.prober == nil {
		return davit.Measured{Absent: w.absent}
	}
	return w.prober.Measured()
}

// run probes and samples until the rollout has ended, every probe was answered,
// and what was sampled is stored; or until ctx ends.
func (w *watched) run(ctx context.Context) {
	var probing sync.WaitGroup
	defer probing.Wait()
	probes, stop := context.WithCancel(ctx)
	defer stop()
	if w.prober != nil {
		probing.Go(func() { w.prober.Run(probes) })
	}
	samples, notes := time.NewTicker(sampleEvery), time.NewTicker(noteEvery)
	defer samples.Stop()
	defer notes.Stop()
	resting := w.resting
	for {
		var err error
		select {
		case <-samples.C:
			err = w.sample(ctx)
		case <-notes.C:
			err = errors.Join(w.note(ctx), w.keep(ctx))
		case <-resting:
			resting = nil
			stop()
		case <-w.ended:
			err = errors.Join(w.sample(ctx), w.keep(ctx))
			w.warn(ctx, err)
			return
		case <-ctx.Done():
			return
		}
		w.warn(ctx, err)
	}
}

func (w *watched) warn(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		w.log.WarnContext(ctx, "a rollout is not fully observed", "rollout", w.rollout.ID, "error", err)
	}
}

// note writes what was measured in the rollout's journal.
func (w *watched) note(ctx context.Context) error { return w.engine.NoteMeasured(ctx, w.rollout) }

// sample adds a point to the series.
func (w *watched) sample(ctx context.Context) error {
	status, err := w.engine.Status(ctx, w.rollout.Application, w.rollout.Environment)
	if err != nil {
		return err
	}
	points := map[davit.ReleaseID]receipt.Sample{}
	for _, id := range []davit.ReleaseID{w.rollout.Plan.Stable, w.rollout.Plan.Target} {
		if id == "" {
			continue
		}
		p := receipt.Sample{Share: status.Split[id]}
		if w.figures.Boot == status.Figures.Boot {
			p.Traffic = status.Figures.Release(id).Since(w.figures.Release(id))
		}
		for _, i := range status.Instances {
			if i.Release == id {
				p.Running++
				if i.Condition == davit.Ready {
					p.Ready++
				}
			}
		}
		points[id] = p
	}
	w.figures = status.Figures
	w.series.Add(w.offset+time.Since(w.began), points)
	return nil
}

// keep stores the series.
func (w *watched) keep(ctx context.Context) error {
	doc, err := json.Marshal(w.series)
	if err != nil {
		return err
	}
	return w.store.PutSeries(ctx, w.rollout.ID, doc)
}
