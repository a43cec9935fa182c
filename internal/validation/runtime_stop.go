package validation

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// runtimeStop ends one instance for real.
func runtimeStop() []Check {
	return []Check{define(Check{
		ID: "runtime.stop", Category: Runtime, Severity: davit.Required, Alone: true, Timeout: time.Minute, Retries: -1,
		Proves: "an instance that is told to end under load loses no request, and ends within its grace period",
		Hint:   "on SIGTERM stop accepting, answer what was asked, then end; or give it more grace",
	}, stopParams{"/", 4, ms(100), ms(100)}, gracefulStop)}
}

type stopParams struct {
	Path    string         `json:"path"`
	Clients int            `json:"clients"` // at each of the two addresses
	Before  davit.Duration `json:"before"`  // load before the instance is told to end
	// Accepted is how long a request has to be on its way, when SIGTERM comes, to
	// count as one that the instance had accepted: a server may close a kept
	// connection on which it has read nothing yet.
	Accepted davit.Duration `json:"accepted"`
}

func (p *stopParams) check() error {
	if p.Clients < 1 || p.Clients > 64 {
		return errors.New("clients is from 1 to 64")
	}
	return checkPath(p.Path)
}

// gracefulStop asks at the front door, where a rollout is to lose nothing, and
// at the instance's own address, where nobody drains it before the signal comes.
func gracefulStop(ctx context.Context, x *exam, p stopParams) error {
	if x.Replace == nil {
		return skip("only a rollout ends instances, and before the switch")
	}
	victim, others, err := x.expendable(ctx, p.Path)
	if err != nil {
		return err
	}
	asking, enough := context.WithCancel(ctx)
	defer enough()
	direct, front := &load{}, &load{}
	direct.start(ctx, asking, x, x.at(victim), p)
	if others > 0 {
		front.start(ctx, asking, x, x.front(), p)
	}
	rest(ctx, p.Before.D())
	gone, err := x.Replace(ctx, victim.ID)
	rest(ctx, p.Before.D())
	enough()
	accepted, lost := direct.acceptedBefore(gone.Signalled, p.Accepted.D())
	asked, failed := front.all()
	if err != nil {
		return unknowable{fmt.Errorf("ending %s: %w", victim.ID, err)}
	}
	x.expectf(gone.InTime, "SIGTERM to "+victim.ID, fmt.Sprintf("it ends within %s", x.Release.Config.Services[victim.Service].Grace),
		"it ended after %s", gone.Ended.Sub(gone.Signalled).Round(time.Millisecond))
	x.expectf(len(lost) == 0, "requests in flight on "+victim.ID+" when SIGTERM came", "all are answered", "%d, %d of them lost%s", accepted, len(lost), first(lost))
	if others > 0 {
		x.expectf(len(failed) == 0, fmt.Sprintf("%d requests at the front door meanwhile", asked), "none fails", "%d failed%s", len(failed), first(failed))
	}
	x.summarize("%s ended %s after SIGTERM; %d requests in flight and %d at the front door, none lost",
		victim.ID, gone.Ended.Sub(gone.Signalled).Round(time.Millisecond), accepted, asked)
	return x.restored(ctx, victim.Service, others+1)
}

func first(errs []error) string {
	if len(errs) == 0 {
		return ""
	}
	return ": " + errs[0].Error()
}

// expendable returns the instance to end, of the service that serves the path if
// that is known, and how many others of its service are ready. Where users are
// served it takes two to spare one.
func (x *exam) expendable(ctx context.Context, path string) (victim davit.Instance, others int, err error) {
	instances, err := x.instances(ctx)
	if err != nil {
		return victim, 0, err
	}
	ready := map[string][]davit.Instance{}
	for _, i := range instances {
		if i.Condition == davit.Ready && i.Address != "" {
			ready[i.Service] = append(ready[i.Service], i)
		}
	}
	serving, longest := "", -1
	for _, r := range x.Release.Config.Routes {
		if strings.HasPrefix(path, r.Prefix) && len(r.Prefix) > longest {
			serving, longest = r.Service, len(r.Prefix)
		}
	}
	if of := ready[serving]; len(of) > 0 {
		ready = map[string][]davit.Instance{serving: of}
	}
	for _, of := range ready {
		if best := ready[victim.Service]; len(of) > len(best) || len(of) == len(best) && of[0].Service < victim.Service {
			victim = of[0]
		}
	}
	n := len(ready[victim.Service])
	switch {
	case n == 0:
		return victim, 0, skip("there is no instance to ask")
	case n == 1 && x.Shared:
		return victim, 0, skip("no service has two instances, and users are served by the one")
	}
	return victim, n - 1, nil
}

// restored waits until the service has its instances again.
func (x *exam) restored(ctx context.Context, service string, want int) error {
	const look = 25 * time.Millisecond
	for {
		instances, err := x.instances(ctx)
		if err != nil {
			return err
		}
		ready := slices.DeleteFunc(instances, func(i davit.Instance) bool { return i.Service != service || i.Condition != davit.Ready })
		if len(ready) >= want {
			return nil
		}
		if !rest(ctx, look) {
			return fmt.Errorf("the instance in the place of the one that ended does not become ready")
		}
	}
}

// load is requests of clients that ask again as soon as they have an answer.
type load struct {
	clients sync.WaitGroup
	mu      sync.Mutex
	sent    []sent
}

// sent is a request that ended.
type sent struct {
	written time.Time // to the connection; zero when there was none
	ended   time.Time
	err     error // also for an answer of 500 and above
}

// start starts the clients. They begin no request after asking has ended, and
// wait for the answers to those that they began until ctx has.
func (l *load) start(ctx, asking context.Context, x *exam, at place, p stopParams) {
	for range p.Clients {
		l.clients.Go(func() {
			for asking.Err() == nil {
				var s sent
				traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { s.written = time.Now() }})
				a, err := x.get(traced, at, p.Path)
				if ctx.Err() != nil {
					return
				}
				if err == nil && a.StatusCode >= 500 {
					err = errors.New(a.String())
				}
				s.ended, s.err = time.Now(), err
				l.mu.Lock()
				l.sent = append(l.sent, s)
				l.mu.Unlock()
				if err != nil { // the instance is gone: there is no hurry
					rest(asking, 5*time.Millisecond)
				}
			}
		})
	}
}

// acceptedBefore waits for the clients, and returns how many requests had been
// on their way for some time at a moment, with those that failed.
func (l *load) acceptedBefore(at time.Time, before time.Duration) (n int, lost []error) {
	l.clients.Wait()
	for _, s := range l.sent {
		if !s.written.IsZero() && s.written.Before(at.Add(-before)) && s.ended.After(at) {
			n++
			if s.err != nil {
				lost = append(lost, s.err)
			}
		}
	}
	return n, lost
}

// all waits for the clients, and returns how many requests there were, with
// those that failed.
func (l *load) all() (n int, failed []error) {
	l.clients.Wait()
	for _, s := range l.sent {
		if s.err != nil {
			failed = append(failed, s.err)
		}
	}
	return len(l.sent), failed
}
