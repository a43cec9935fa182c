package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// leasing is a world whose router gives a split up when its lease runs out, as
// the embedded proxy does.
type leasing struct {
	view
	router *leasingRouter
}

// leasingRouter is the part of a leasing world that outlives the server.
type leasingRouter struct {
	timer   *time.Timer
	renewed int
	mute    bool // renewals do not get through
}

func (l leasing) Route(ctx context.Context, routing davit.Routing) error {
	if err := l.view.Route(ctx, routing); err != nil {
		return err
	}
	l.fault(func() {
		if l.router.timer != nil {
			l.router.timer.Stop()
		}
		if routing.Lease.For == 0 {
			return
		}
		l.router.timer = time.AfterFunc(routing.Lease.For.D(), func() {
			l.fault(func() {
				l.routing.Lapsed, l.routing.Split = l.routing.Split, davit.All(routing.Lease.To)
			})
		})
	})
	return nil
}

func (l leasing) Renew(ctx context.Context) (davit.Split, error) {
	if err := l.dead(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.router.mute {
		return nil, errSimulated
	}
	l.router.renewed++
	if l.routing.Lapsed == nil && l.routing.Lease.For > 0 {
		l.router.timer.Reset(l.routing.Lease.For.D())
	}
	return l.routing.Lapsed, nil
}

// testLease is shorter than the bakes of the canary.
const testLease = 4 * time.Second

// newLeasingBench is a bench whose router is a Leaser.
func newLeasingBench(t *testing.T) (*bench, *leasingRouter) {
	t.Helper()
	b := &bench{T: t, world: newWorld(), store: newMemory(), lease: &leasingRouter{}}
	b.world.recorded = b.store.recorded
	b.boot()
	t.Cleanup(func() { b.stop() })
	return b, b.lease
}

// recordedLapses counts what is on record of leases that ran out.
func (b *bench) recordedLapses(rollout string) (events, entries int) {
	b.Helper()
	list, err := b.store.Events(b.Context(), rollout, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range list {
		if e.Kind == davit.EventLapsed {
			events++
		}
	}
	for _, e := range b.store.entries() {
		if e.Action == "rollout.lapsed" && e.Rollout == rollout && len(e.Before) > 0 {
			entries++
		}
	}
	return events, entries
}

func TestLeaseHoldsWhileTheEngineLives(t *testing.T) {
	for name, policy := range map[string]davit.Policy{"canary": canary(), "rolling": rolling, "blueGreen": {
		Strategy:       davit.Strategy{Kind: davit.KindBlueGreen, BlueGreen: davit.BlueGreenOptions{Bake: davit.Duration(time.Minute)}},
		RollbackWindow: davit.Duration(time.Minute),
	}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, router := newLeasingBench(t)
				b.promoted(request("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}}))
				r := b.promoted(request("v2", policy))
				b.world.mu.Lock()
				defer b.world.mu.Unlock()
				if events, entries := b.recordedLapses(r.ID); events+entries > 0 || router.renewed == 0 {
					t.Errorf("%d events and %d audit entries of lapses after %d renewals", events, entries, router.renewed)
				}
				if lease := b.world.routing.Lease; lease.For != 0 {
					t.Errorf("the promoted release is on a lease: %+v", lease)
				}
			})
		})
	}
}

func TestLeaseRunsOutWithoutTheEngine(t *testing.T) {
	for name, test := range map[string]struct {
		policy davit.Policy
		ends   davit.Phase
	}{
		"resume":   {canary(), davit.Promoted},
		"rollback": {interrupted(canary()), davit.RolledBack},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newLeasingBench(t)
				b.promoted(request("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}}))
				r := b.deploy(request("v2", test.policy))
				b.awaitShare(r.Plan.Target, 500)
				b.stop()
				time.Sleep(testLease)
				synctest.Wait()
				b.serves("v1")
				b.boot()
				r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() })
				if r.Phase != test.ends {
					t.Errorf("ended %s because %q, want %s", r.Phase, r.Cause, test.ends)
				}
				if events, entries := b.recordedLapses(r.ID); events != 1 || entries != 1 {
					t.Errorf("%d events and %d audit entries of one lapse", events, entries)
				}
			})
		})
	}
}

func interrupted(p davit.Policy) davit.Policy {
	p.OnInterrupt = davit.InterruptRollback
	return p
}

// TestLeaseRunsOutUnderALivingEngine has the engine live on and not renew: the
// store takes no record, or renewals do not get through.
func TestLeaseRunsOutUnderALivingEngine(t *testing.T) {
	failing := davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.01, MinRequests: 10})
	for name, test := range map[string]struct {
		policy davit.Policy
		begin  func(*bench, davit.ReleaseID)
		end    func(*bench)
		ends   davit.Phase
		cause  string
	}{
		"a full store and a failing candidate": {
			canary(failing),
			func(b *bench, id davit.ReleaseID) {
				b.store.failing(errSimulated)
				b.world.answer(id, 100, 50)
			},
			func(b *bench) { b.store.failing(nil) },
			davit.RolledBack, "50 of 100 requests failed",
		},
		"a mute proxy": {
			canary(),
			func(b *bench, _ davit.ReleaseID) { b.world.fault(func() { b.lease.mute = true }) },
			func(b *bench) { b.world.fault(func() { b.lease.mute = false }) },
			davit.Promoted, "",
		},
		"a mute proxy, to be rolled back": {
			interrupted(canary()),
			func(b *bench, _ davit.ReleaseID) { b.world.fault(func() { b.lease.mute = true }) },
			func(b *bench) { b.world.fault(func() { b.lease.mute = false }) },
			davit.RolledBack, "the policy is to roll back",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newLeasingBench(t)
				b.promoted(request("v1", davit.Policy{Strategy: davit.Strategy{Kind: davit.KindBlueGreen}}))
				r := b.deploy(request("v2", test.policy))
				b.awaitShare(r.Plan.Target, 50)
				synctest.Wait()
				test.begin(b, r.Plan.Target)
				time.Sleep(2 * testLease)
				synctest.Wait()
				b.serves("v1")
				test.end(b)
				r = b.await(r.ID, func(r *davit.Rollout) bool { return r.Phase.Ended() })
				if r.Phase != test.ends || !strings.Contains(r.Cause, test.cause) {
					t.Errorf("ended %s because %q, want %s because %q", r.Phase, r.Cause, test.ends, test.cause)
				}
				if events, entries := b.recordedLapses(r.ID); events != 1 || entries != 1 {
					t.Errorf("%d events and %d audit entries of one lapse", events, entries)
				}
			})
		})
	}
}

// failing makes the store refuse commits; nil makes it take them again.
func (m *memory) failing(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}
