package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// Endpoints tells where instances are. A runtime does.
type Endpoints interface {
	Instances(ctx context.Context) ([]davit.Instance, error)
	Watch(ctx context.Context) <-chan struct{}
}

// Router drives one proxy for all environments: it turns their routings and
// their ready instances into the one table. It is safe for concurrent use.
//
// The proxy knows what is in effect; the router reads it there after a restart
// of either, and numbers on from it.
type Router struct {
	client *Client
	log    *slog.Logger
	wake   chan struct{} // something changed that the table may depend on

	// number is that of the last table that this router read or put in effect.
	number atomic.Int64

	turn chan struct{} // holds one token: whoever has it may change the table
	// All below is used with the token only.
	known   bool // table is what the proxy has
	table   *Table
	leaving map[string]string // instance that gets no more requests -> its site, once known

	mu           sync.Mutex
	environments map[string]*Environment
	added        chan struct{}
	figures      pulse
}

// NewRouter returns a router that drives the proxy behind client.
func NewRouter(client *Client, log *slog.Logger) *Router {
	r := &Router{
		client: client, log: log, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		leaving: map[string]string{}, environments: map[string]*Environment{}, added: make(chan struct{}, 1),
	}
	r.turn <- struct{}{}
	return r
}

// Environment returns the handle of one environment, whose instances endpoints
// tells. The same application and name give the same handle.
func (r *Router) Environment(application, name string, endpoints Endpoints) *Environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	site := application + "/" + name
	e := r.environments[site]
	if e == nil {
		e = &Environment{router: r, site: site, endpoints: endpoints}
		r.environments[site] = e
		notify(r.added)
	}
	return e
}

// Run follows instances and the proxy, and sends a new table when ready
// instances changed or the proxy has an older one, until ctx ends.
func (r *Router) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	tasks.Go(func() { r.followProxy(ctx) })
	followed := map[string]bool{}
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for pause := retryFirst; ; {
		r.mu.Lock()
		for site, e := range r.environments {
			if !followed[site] {
				followed[site] = true
				tasks.Go(func() { r.followInstances(ctx, e) })
			}
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.added:
			continue
		case <-r.wake:
		case <-retry.C:
		}
		if err := r.refresh(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("the proxy's table could not be brought up to date; it is tried again", "error", err)
			retry.Reset(pause)
			pause = min(2*pause, retryLast)
			continue
		}
		pause = retryFirst
	}
}

// Bounds of the wait between two tries of Run.
const (
	retryFirst = 20 * time.Millisecond
	retryLast  = 2 * time.Second
)

// followInstances wakes the router when instances of an environment change.
func (r *Router) followInstances(ctx context.Context, e *Environment) {
	notify(r.wake)
	for range e.endpoints.Watch(ctx) {
		notify(r.wake)
	}
}

// followProxy reads the proxy's figures as they change. A stream that ends means
// that the proxy did: the next one may not have the last table.
func (r *Router) followProxy(ctx context.Context) {
	pause := retryFirst
	for {
		first := true
		_ = r.client.Stream(ctx, func(*Snapshot) { // it always ends in an error
			if first {
				first, pause = false, retryFirst
				r.forget(ctx)
			}
			r.figures.beat()
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, retryLast)
		}
	}
}

// forget makes the router read again what the proxy has.
func (r *Router) forget(ctx context.Context) {
	if r.lock(ctx) != nil {
		return
	}
	r.known = false
	r.unlock()
	notify(r.wake)
}

// Leave takes an instance out of the table and waits for the requests that are
// in flight to it, for limit at most. It returns nil when there are none any
// more. The instance gets no request afterwards.
func (r *Router) Leave(ctx context.Context, instanceID string, limit time.Duration) error {
	if err := r.lock(ctx); err != nil {
		return err
	}
	r.leaving[instanceID] = ""
	err := r.update(ctx, nil)
	r.unlock()
	if err != nil {
		return fmt.Errorf("taking instance %s out of the table: %w", instanceID, err)
	}
	remaining, err := r.client.Drain(ctx, DrainRequest{Instance: instanceID, Limit: davit.Duration(limit)})
	if err != nil {
		return fmt.Errorf("draining instance %s: %w", instanceID, err)
	}
	if remaining > 0 {
		return &davit.Error{Code: davit.CodeUnavailable,
			Message: fmt.Sprintf("%d requests to instance %s were still in flight after %s", remaining, instanceID, limit)}
	}
	return nil
}

// lock takes the token, so that tables are changed one after the other.
func (r *Router) lock(ctx context.Context) error {
	select {
	case <-r.turn:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting to change the routing table: %w", ctx.Err())
	}
}

func (r *Router) unlock() { r.turn <- struct{}{} }

// notify sends to a channel that holds one message, unless it is there already.
func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
