package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// grip is an engine's hold on the traffic of a candidate. It tightens with every
// turn in which the driver could decide and record; when the driver dies, hangs
// or cannot record, the lease runs out and the data plane goes back to stable by
// itself.
type grip struct {
	leaser Leaser // nil when the router is none
	lease  time.Duration
	ticker *time.Ticker

	owed     bool // a renewal is due
	slips    int  // how often a lease ran out, as far as is on record
	recorded bool // a slip is on record, and its stage not reached again
	age      int  // tells a look at the data plane from one before it changed

	asks   chan int   // the age at which to renew
	lapses chan lapse // what was found
}

// lapse is a split that the data plane gave up.
type lapse struct {
	before davit.Split
	age    int
}

// Error implements error.
func (l *lapse) Error() string { return lapseError(l.before).Error() }

// lapseError says that a lease ran out; nil when none did.
func lapseError(before davit.Split) error {
	if len(before) == 0 {
		return nil
	}
	return fmt.Errorf("the lease of %s ran out, and the proxy gave all traffic to stable", before)
}

// renewals is how many renewals fit into a lease.
const renewals = 4

func newGrip(leaser Leaser, lease time.Duration) *grip {
	g := &grip{asks: make(chan int, 1), lapses: make(chan lapse)}
	if leaser != nil && lease > 0 {
		g.leaser, g.lease = leaser, lease
	}
	return g
}

// hold starts what renews when told to. It ends some time after ctx does; the
// function returned waits for that.
func (g *grip) hold(ctx context.Context) (letGo func()) {
	if g.leaser == nil {
		return func() {}
	}
	g.ticker, g.owed = time.NewTicker(g.lease/renewals), true
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case age := <-g.asks:
				g.ask(ctx, age)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { g.ticker.Stop(); wg.Wait() }
}

// ask renews the lease. An error is no news: what it means shows when the
// lease has run out, or when the next attempt routes.
func (g *grip) ask(ctx context.Context, age int) {
	call, cancel := context.WithTimeout(ctx, g.lease)
	defer cancel()
	before, err := g.leaser.Renew(call)
	if err != nil || len(before) == 0 {
		return
	}
	select {
	case g.lapses <- lapse{before, age}:
	case <-ctx.Done():
	}
}

// due receives when a renewal is due.
func (g *grip) due() <-chan time.Time {
	if g.ticker == nil {
		return nil
	}
	return g.ticker.C
}

// renew has the lease renewed if that is due. It does not wait for it.
func (g *grip) renew() {
	if !g.owed {
		return
	}
	select {
	case g.asks <- g.age:
		g.owed = false
	default: // the last renewal is under way
	}
}

// news returns the split of a lapse that is not on record; nil for one that is.
func (g *grip) news(l lapse) davit.Split {
	if g.recorded || l.age != g.age {
		return nil
	}
	return l.before
}

// lost notes that a lapse is on record.
func (g *grip) lost() { g.slips, g.recorded, g.age = g.slips+1, true, g.age+1 }

// taken notes that the traffic is where the driver wants it.
func (g *grip) taken() { g.recorded, g.age = false, g.age+1 }

// leased reports whether the candidate's share is to be held on a lease: there is
// one, and stable runs in a size that can bear all traffic. A rolling update
// takes that size away step by step, and what is left of stable must not be
// buried under traffic because a server died.
func (c *convergence) leased(releases []*davit.Release) bool {
	if c.lease.For <= 0 || c.state.Split[c.state.Candidate] == 0 {
		return false
	}
	for _, r := range releases {
		if r.ID != c.lease.To {
			continue
		}
		for name, s := range r.Config.Services {
			if s.Traffic && c.state.Run[r.ID][name] < s.Replicas {
				return false
			}
		}
		return len(c.state.Run[r.ID]) > 0
	}
	return false
}
