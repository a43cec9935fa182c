package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/davit-dev/davit"
)

// door is an open listener. It stays open over tables that name its address,
// also when what is served behind it (limits, certificates) changes: then a new
// server gets the connections from there on, and the old one keeps those it has.
type door struct {
	p        *Proxy
	address  string
	listener net.Listener
	slots    *slots
	ended    chan struct{}
	end      sync.Once
	idle     chan struct{} // closed when nothing more is accepted
	open     gauge         // connections

	mu      sync.Mutex
	config  doorConfig
	server  *http.Server
	queue   *queue
	servers []*http.Server // all that were started
	tasks   sync.WaitGroup
}

// doorConfig is what a server is made from.
type doorConfig struct {
	limits limits
	pairs  []pair // certificates; none for cleartext
}

func (c doorConfig) equal(o doorConfig) bool {
	return c.limits == o.limits && slices.Equal(c.pairs, o.pairs)
}

// doorConfigs returns what each listener address of a table needs.
func doorConfigs(table *Table) (map[string]doorConfig, error) {
	configs := map[string]doorConfig{}
	for _, site := range table.Sites {
		for _, listener := range site.Front.Listen {
			config, shared := configs[listener.Address]
			if shared && (listener.Cert == "") != (len(config.pairs) == 0) {
				return nil, invalid(fmt.Sprintf("listener %s is wanted both with and without TLS", listener.Address), nil)
			}
			config.limits = config.limits.join(newLimits(site.Front.Limits))
			if p := (pair{listener.Cert, listener.Key}); p.cert != "" && !slices.Contains(config.pairs, p) {
				config.pairs = append(config.pairs, p)
			}
			configs[listener.Address] = config
		}
	}
	return configs, nil
}

// openDoor listens, on the socket that the proxy before gave, if it gave one.
// Nothing is accepted before serve.
func openDoor(ctx context.Context, p *Proxy, address string) (*door, error) {
	listener, err := p.given[address], error(nil)
	if listener == nil {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	}
	delete(p.given, address)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: "listening on " + address,
			Hint: "choose another address under listen, or stop what uses this one", Err: err}
	}
	return &door{p: p, address: address, listener: listener, slots: newSlots(), ended: make(chan struct{}), idle: make(chan struct{})}, nil
}

// ServeHTTP implements http.Handler.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.p.serve(d.address, w, r) }

// serve lets a server with the given configuration take what comes in from now
// on. certificates are those of the configuration.
func (d *door) serve(config doorConfig, certificates *certificates) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil && d.config.equal(config) {
		return
	}
	server := &http.Server{
		Handler:                      d,
		DisableGeneralOptionsHandler: true, // OPTIONS * is the application's to answer
		MaxHeaderBytes:               config.limits.headerBytes,
		ReadHeaderTimeout:            config.limits.header,
		IdleTimeout:                  config.limits.idle,
		ErrorLog:                     slog.NewLogLogger(d.p.log.Handler(), slog.LevelWarn),
		Protocols:                    &http.Protocols{},
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: connectionStreams},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	if len(config.pairs) > 0 {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificates.get}
	}
	started := d.server != nil
	next := newQueue(d.listener.Addr())
	d.slots.resize(config.limits.connections)
	d.config, d.server, d.servers = config, server, append(d.servers, server)
	previous := d.queue
	d.queue = next
	d.tasks.Go(func() {
		if server.TLSConfig != nil {
			_ = server.ServeTLS(next, "", "") // it ends when the queue does
			return
		}
		_ = server.Serve(next) // as above
	})
	if !started {
		d.tasks.Go(d.accept)
		return
	}
	previous.end()
}

// acceptPause is the wait after a failure to accept, such as when the process
// has no file descriptor left.
const acceptPause = 10 * time.Millisecond

// accept hands connections to the present server, once the proxy may.
func (d *door) accept() {
	defer close(d.idle)
	select {
	case <-d.p.accepting:
	case <-d.ended:
		return
	}
	for d.slots.take() {
		conn, err := d.listener.Accept()
		if err != nil {
			d.slots.give()
			select {
			case <-d.ended:
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		d.open.begin()
		d.hand(&heldConn{TCPConn: conn.(*net.TCPConn), slots: d.slots, open: &d.open}) //nolint:errcheck,forcetypeassert // it listens on tcp
	}
}

func (d *door) hand(conn net.Conn) {
	for {
		d.mu.Lock()
		queue := d.queue
		d.mu.Unlock()
		if queue.put(conn) {
			return
		}
		select {
		case <-d.ended:
			_ = conn.Close() // nobody will serve it
			return
		default: // another server took over
		}
	}
}

// close stops accepting. Requests in flight go on.
func (d *door) close() {
	d.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue != nil {
		d.queue.end()
	}
}

// leave stops accepting, when another process accepts from the same socket. What
// was accepted is served to its end.
func (d *door) leave() {
	d.stop()
	<-d.idle
	d.close()
}

func (d *door) stop() {
	d.end.Do(func() {
		close(d.ended)
		_ = d.listener.Close() // nothing waits in it but the next connection
		d.slots.close()
	})
}

// shut closes the door and waits for the requests behind it until ctx ends,
// then cuts them off.
func (d *door) shut(ctx context.Context) {
	d.close()
	d.mu.Lock()
	servers := d.servers
	d.mu.Unlock()
	for _, server := range servers {
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // the limit is reached
		}
	}
	d.tasks.Wait()
}
