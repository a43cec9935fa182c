package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// Proxy is the data plane: it serves by the table in effect.
type Proxy struct {
	dir      string
	id       string // of this run
	boot     string // of the first run whose counts go on in this one
	log      *slog.Logger
	access   *slog.Logger
	registry *registry
	changed  pulse // figures changed
	routing  atomic.Pointer[routing]
	heritage heritage
	parting  atomic.Bool // another proxy has its place
	// While this one takes the place of another, the listeners that are given
	// to it, by address, and a channel that is closed when it has the place.
	given     map[string]net.Listener
	accepting chan struct{}

	mu      sync.Mutex // orders changes of the table
	doors   map[string]*door
	unkept  error // why the table in effect is not the one on disk
	leases  leases
	leaving sync.WaitGroup

	ctx context.Context // ends when what is still in flight is to be cut off
	cut context.CancelFunc
}

// ErrStale is wrapped by the error that refuses a table which does not follow
// the one in effect.
var ErrStale = errors.New("the table is older than the one in effect")

// New returns a proxy that keeps its table in dir, and serves nothing yet. It
// says what goes wrong on stderr, and logs requests, for the sites that want it,
// on stdout.
func New(dir string, stdout, stderr io.Writer) *Proxy {
	id := rand.Text()
	p := &Proxy{
		dir: dir, id: id, boot: id, doors: map[string]*door{}, accepting: make(chan struct{}),
		log:      slog.New(slog.NewTextHandler(stderr, nil)),
		access:   slog.New(slog.NewJSONHandler(stdout, nil)),
		registry: newRegistry(&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}),
	}
	p.ctx, p.cut = context.WithCancel(context.Background())
	p.routing.Store(&routing{table: &Table{}})
	close(p.accepting)
	return p
}

// Load puts the table that was kept in effect, if there is one. A listener that
// cannot be opened is left out and said so, as long as another one can: part of
// the applications is better than none.
func (p *Proxy) Load(ctx context.Context) error {
	table, warning, err := loadTable(p.dir)
	if err != nil {
		return err
	}
	if warning != nil {
		p.log.Warn("the previous routing table is used", "reason", warning)
	}
	if table == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err = p.putInEffect(ctx, table, true)
	if err != nil && len(p.doors) == 0 {
		return err
	}
	if err != nil {
		p.log.Error("not all listeners are open", "error", err)
	}
	return nil
}

// Apply puts a table in effect, and returns when it is. Afterwards no request is
// sent by an earlier one. A table that cannot be put in effect changes nothing.
func (p *Proxy) Apply(ctx context.Context, table *Table) error {
	if err := table.Check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parting.Load() {
		return errMoved
	}
	present := p.routing.Load().table
	if table.Number <= present.Number {
		if table.Number == present.Number && reflect.DeepEqual(table, present) && p.unkept == nil {
			return nil
		}
		if table.Number < present.Number || !reflect.DeepEqual(table, present) {
			return &davit.Error{Code: davit.CodeConflict, Err: ErrStale,
				Message: fmt.Sprintf("routing table %d is refused, table %d is in effect", table.Number, present.Number),
				Hint:    "read the table in effect and number on from there"}
		}
	}
	if err := p.putInEffect(ctx, table, false); err != nil {
		return err
	}
	p.keep(table)
	return nil
}

// keep writes the table in effect to disk. A full disk must not keep a bad
// release in traffic: the table is in effect either way. Should the proxy be
// restarted before it is kept, the server sees the old number and sends the
// table again. The caller holds mu.
func (p *Proxy) keep(table *Table) {
	p.unkept = keepTable(p.dir, table)
	if p.unkept != nil {
		p.log.Error("the routing table in effect could not be kept", "number", table.Number, "error", p.unkept)
	}
}

// putInEffect compiles the table, opens its listeners, swaps, and closes the
// listeners that it does not name. When partly is set, it goes on without
// listeners that cannot be opened, and returns why. The caller holds mu.
func (p *Proxy) putInEffect(ctx context.Context, table *Table, partly bool) error {
	next, err := compile(table, p.registry)
	if err != nil {
		p.registry.settle(p.routing.Load().table)
		return err
	}
	configs, err := doorConfigs(table)
	if err != nil {
		p.registry.settle(p.routing.Load().table)
		return err
	}
	opened := map[string]*door{}
	loaded := map[string]*certificates{}
	var problems []error
	for address, config := range configs {
		certificates, err := loadCertificates(config.pairs, p.log)
		if err == nil && p.doors[address] == nil {
			opened[address], err = openDoor(ctx, p, address)
		}
		if err != nil {
			delete(opened, address)
			problems = append(problems, err)
			continue
		}
		loaded[address] = certificates
	}
	if len(problems) > 0 && !partly {
		for _, d := range opened {
			d.close()
		}
		p.registry.settle(p.routing.Load().table)
		return errors.Join(problems...)
	}
	p.routing.Store(next)
	p.swapDoors(configs, loaded, opened)
	p.settle(table)
	if p.given == nil { // else it is not this proxy's yet
		p.leases.follow(table, p.lapse)
		p.relay(ctx, table)
	}
	p.changed.beat()
	return errors.Join(problems...)
}

// settle forgets what the table in effect, and the one before it, do not name.
func (p *Proxy) settle(table *Table) {
	p.registry.settle(table)
	p.heritage.forget(p.registry.counted())
}

func (p *Proxy) swapDoors(configs map[string]doorConfig, loaded map[string]*certificates, opened map[string]*door) {
	for address, d := range opened {
		p.doors[address] = d
	}
	for address, d := range p.doors {
		if config, wanted := configs[address]; wanted {
			d.serve(config, loaded[address])
			continue
		}
		delete(p.doors, address)
		d.close()
		p.leaving.Go(func() {
			ctx, cancel := context.WithTimeout(p.ctx, leaveLimit)
			defer cancel()
			d.shut(ctx)
		})
	}
}

// leaveLimit is how long the requests behind a listener that was taken out of
// the table may take.
const leaveLimit = 5 * time.Minute

// Table returns the table in effect; its Number is 0 when there is none.
func (p *Proxy) Table() *Table { return p.routing.Load().table }

// Drain returns when no request to what is asked for is in flight, or at the
// limit, with the number of those that still are. Streams that do not end by
// themselves are ended before it, spread over the last part of the limit.
func (p *Proxy) Drain(ctx context.Context, request DrainRequest) int64 {
	limit := request.Limit.D()
	ctx, cancel := context.WithTimeout(ctx, limit)
	var parting sync.WaitGroup
	defer parting.Wait()
	defer cancel()
	parting.Go(func() { part(ctx, limit, p.registry.leaving(request)) })
	gauges := p.registry.releaseGauges(request)
	if request.Instance != "" {
		gauges = p.registry.instanceGauges(request)
	}
	for {
		for _, g := range gauges {
			g.wait(ctx)
		}
		var remaining int64
		for _, g := range gauges {
			remaining += g.value()
		}
		if remaining == 0 || ctx.Err() != nil {
			return remaining
		}
	}
}

// Addresses returns where each listener of the table really listens: the port
// is set where the table says 0.
func (p *Proxy) Addresses() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	addresses := map[string]string{}
	for address, d := range p.doors {
		addresses[address] = d.listener.Addr().String()
	}
	return addresses
}

// Close stops accepting, waits for what is in flight until ctx ends, and cuts
// off the rest; when ctx has a deadline, streams are ended before it as by
// Drain. It returns when nothing of the proxy runs any more.
func (p *Proxy) Close(ctx context.Context) {
	stop := context.AfterFunc(ctx, p.cut)
	defer stop()
	var parting sync.WaitGroup
	defer parting.Wait()
	if deadline, limited := ctx.Deadline(); limited {
		parting.Go(func() { part(p.ctx, time.Until(deadline), p.registry.all()) })
	}
	p.mu.Lock()
	doors := p.doors
	p.doors = map[string]*door{}
	p.leases.follow(&Table{}, p.lapse)
	p.mu.Unlock()
	for _, d := range doors {
		p.leaving.Go(func() { d.shut(p.ctx) })
	}
	p.leaving.Wait()
	for _, g := range p.registry.allGauges() { // connections that were handed over are nobody's servers'
		g.wait(p.ctx)
	}
	p.cut()
	p.registry.close()
}

// Tend closes connections to instances that were idle for long, until ctx ends.
func (p *Proxy) Tend(ctx context.Context) {
	tick := time.NewTicker(keepIdle / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			p.registry.prune(now.Add(-keepIdle))
		}
	}
}
