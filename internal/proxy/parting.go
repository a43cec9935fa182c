package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// A proxy that has given its place to another parts: it accepts nothing more, and
// serves the connections that it has to their end. It follows the tables of the
// one that has its place, since a kept connection may bring one more request, and
// tells it what it counts; it can be asked to drain. Its socket and its identity
// lie in partingDir, under its process ID.
const partingDir = "parting"

// errMoved is wrapped by the error that tells to ask again: another proxy has the
// place.
var errMoved error = &davit.Error{Code: davit.CodeUnavailable, Message: "the proxy has given its place to another", Hint: "ask again"}

// partingFile returns the path of a file of the parting proxy.
func partingFile(dir string, pid int, kind string) string {
	return filepath.Join(dir, partingDir, strconv.Itoa(pid)+kind)
}

const (
	partingSocket   = ".sock"
	partingIdentity = ".json"
)

// listenParting opens the socket at which a proxy answers once it parts, and
// writes down who it is.
func listenParting(ctx context.Context, dir string, self identity) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Join(dir, partingDir), 0o700); err != nil {
		return nil, fmt.Errorf("making room for a parting proxy: %w", err)
	}
	if err := writeIdentity(partingFile(dir, self.PID, partingIdentity), self); err != nil {
		return nil, err
	}
	return listenSocket(ctx, partingFile(dir, self.PID, partingSocket))
}

func forgetParting(dir string, pid int) {
	for _, kind := range []string{partingSocket, partingIdentity} {
		_ = os.Remove(partingFile(dir, pid, kind)) // the proxy has ended, which is what matters
	}
}

// part serves what is open to its end, or until ctx ends.
func (p *Proxy) part(ctx context.Context, listener net.Listener, self identity) {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /table", p.handleTable(p.follow))
	mux.HandleFunc("POST /drain", p.handleDrain(p.Drain))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = server.Serve(listener) }) // it ends when it is closed
	ending, end := context.WithCancel(ctx)
	tasks.Go(func() { p.tell(ending) })
	tasks.Go(func() { p.Tend(ending) })
	p.log.Info("another proxy has this one's place; open connections are served to their end", "pid", self.PID)
	for _, d := range p.allDoors() {
		d.open.wait(ctx)
	}
	for _, g := range p.registry.allGauges() {
		g.wait(ctx)
	}
	end()
	_ = server.Close() // whoever waits for a drain sees that all is gone
	tasks.Wait()
	if ctx.Err() == nil {
		p.lastWord(ctx)
	}
	forgetParting(p.dir, self.PID)
}

func (p *Proxy) allDoors() []*door {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*door
	for _, d := range p.doors {
		all = append(all, d)
	}
	return all
}

// follow puts a table of the proxy that has the place in effect. One that is
// older than what is in effect is passed over.
func (p *Proxy) follow(_ context.Context, table *Table) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if table.Number <= p.Table().Number {
		return nil
	}
	next, err := compile(table, p.registry)
	if err != nil {
		return err
	}
	p.routing.Store(next)
	p.settle(table)
	return nil
}

// partReport is what a parting proxy tells the one that has its place.
type partReport struct {
	ID     string  `json:"id"`
	Counts []count `json:"counts"`
	End    bool    `json:"end"` // it is its last word
}

// tell reports what is counted as it changes, until ctx ends.
func (p *Proxy) tell(ctx context.Context) {
	client := NewClient(p.dir)
	defer client.http.CloseIdleConnections()
	pause := time.NewTimer(streamPause)
	defer pause.Stop()
	for {
		changed := p.changed.next()
		_ = p.report(ctx, client, false) // the next says it too
		pause.Reset(streamPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// lastWord reports what was counted to the end. It is what the sum of all counts
// rests on, so it is said until it was heard; when there is nobody to hear it,
// nobody needs it.
func (p *Proxy) lastWord(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWordLimit)
	defer cancel()
	client := NewClient(p.dir)
	defer client.http.CloseIdleConnections()
	for p.report(ctx, client, true) != nil {
		select {
		case <-time.After(streamPause):
		case <-ctx.Done():
			p.log.Warn("what this proxy counted last is not known to another")
			return
		}
	}
}

const lastWordLimit = 5 * time.Second

func (p *Proxy) report(ctx context.Context, client *Client, end bool) error {
	return client.call(ctx, http.MethodPost, "/parting", partReport{p.id, p.own(), end}, nil)
}

// handleReport takes in what a parting proxy says.
func (p *Proxy) handleReport(w http.ResponseWriter, r *http.Request) {
	var said partReport
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTable)).Decode(&said); err != nil {
		writeError(w, invalid("the report of a parting proxy cannot be read", err))
		return
	}
	if !p.heritage.report(said.ID, said.Counts, said.End) {
		writeError(w, errMoved)
		return
	}
	p.changed.beat()
	w.WriteHeader(http.StatusNoContent)
}

// eachParting asks all parting proxies at once, and returns when all have
// answered. Of those that were killed nothing is left then.
func (p *Proxy) eachParting(ask func(*Client) error) {
	paths, _ := filepath.Glob(filepath.Join(p.dir, partingDir, "*"+partingSocket)) // the pattern is well formed
	var asking sync.WaitGroup
	for _, path := range paths {
		asking.Go(func() {
			c := newClientAt(p.dir, path)
			defer c.http.CloseIdleConnections()
			err := ask(c)
			switch {
			case errors.Is(err, syscall.ECONNREFUSED):
				_ = os.Remove(path) // it is in the way of nothing
				_ = os.Remove(strings.TrimSuffix(path, partingSocket) + partingIdentity)
			case err != nil && !absent(err):
				p.log.Error("a parting proxy does not answer as it should", "error", err)
			}
		})
	}
	asking.Wait()
}

// absent reports whether a proxy does not run any more.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || severed(err)
}

// relayLimit is how long a parting proxy may take to follow a table. One that
// hangs sends no request either.
const relayLimit = 2 * time.Second

// relay puts the table in effect in the parting proxies too.
func (p *Proxy) relay(ctx context.Context, table *Table) {
	ctx, cancel := context.WithTimeout(ctx, relayLimit)
	defer cancel()
	p.eachParting(func(c *Client) error { return c.Apply(ctx, table) })
}

// drainAll waits for what is in flight through this proxy and those that part.
// Of one that does not answer, at least one request is taken to be in flight.
func (p *Proxy) drainAll(ctx context.Context, r DrainRequest) int64 {
	var remaining atomic.Int64
	var own sync.WaitGroup
	own.Go(func() { remaining.Add(p.Drain(ctx, r)) })
	limit, cancel := context.WithTimeout(ctx, r.Limit.D()+relayLimit)
	defer cancel()
	p.eachParting(func(c *Client) error {
		n, err := c.Drain(limit, r)
		if err != nil && !absent(err) {
			n = 1
		}
		remaining.Add(n)
		return err
	})
	own.Wait()
	return remaining.Load()
}
