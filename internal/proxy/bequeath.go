package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/davit-dev/davit"
)

// control is the control socket of the proxy that has the place.
type control struct {
	p      *Proxy
	self   identity
	seat   *seat
	server *http.Server
	moved  chan net.Listener // receives the parting proxy's socket once another has the place
}

// handleTakeover gives the proxy's place to the one that asks.
func (c *control) handleTakeover(w http.ResponseWriter, r *http.Request) {
	asked, err := strconv.Atoi(r.Header.Get("Davit-Protocol"))
	if err != nil || asked < takeover {
		writeError(w, invalid("a takeover is asked for by a proxy that says no protocol", err))
		return
	}
	hijacked, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		writeError(w, err)
		return
	}
	defer func() { _ = hijacked.Close() }() // all is said
	conn, ok := hijacked.(*net.UnixConn)
	if !ok {
		return
	}
	_ = conn.SetDeadline(time.Time{}) // the server's limits were for the request
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", takeoverProtocol); err != nil {
		return
	}
	if err := c.bequeath(context.WithoutCancel(r.Context()), newTalk(conn)); err != nil {
		c.p.log.Error("another proxy was to take this one's place, and did not; this one goes on", "error", err)
	}
}

// bequeath gives everything to the proxy at the other end. It returns nil when
// that has the place; after an error this one still has it, and nothing changed.
// No table can come in between.
func (c *control) bequeath(ctx context.Context, t *talk) error {
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parting.Load() {
		return t.say(word{Say: sayNo, Error: errMoved.Error()})
	}
	if err := c.offer(t); err != nil {
		return err
	}
	if _, err := t.hear(sayReady); err != nil {
		return fmt.Errorf("waiting for it to be ready: %w", err)
	}
	parting, err := listenParting(ctx, p.dir, c.self)
	if err != nil {
		return errors.Join(err, t.say(word{Say: sayNo, Error: err.Error()}))
	}
	err = t.say(word{Say: sayGo})
	if err == nil {
		_, err = t.hear(sayDone)
	}
	if err != nil && c.seat.kept() {
		forgetParting(p.dir, c.self.PID)
		return errors.Join(fmt.Errorf("waiting for it to take over: %w", err), parting.Close())
	}
	c.give(t, parting)
	return nil
}

// offer sends the bequest.
func (c *control) offer(t *talk) error {
	p := c.p
	b := bequest{Protocol: protocol, ID: p.id, Boot: p.boot, Table: p.Table(), Legacy: p.legacy()}
	var fds []int
	for address, d := range p.doors {
		fd, err := descriptor(d.listener)
		if err != nil {
			return fmt.Errorf("giving the listener %s: %w", address, err)
		}
		b.Listeners, fds = append(b.Listeners, address), append(fds, fd)
	}
	if err := sendFiles(t.conn, append(fds, int(c.seat.lock.Fd()))); err != nil { //nolint:gosec // a descriptor is small
		return fmt.Errorf("giving the listeners: %w", err)
	}
	if err := t.out.Encode(b); err != nil {
		return fmt.Errorf("giving the table: %w", err)
	}
	return nil
}

// give is what follows once another proxy has the place. The caller holds mu.
func (c *control) give(t *talk, parting net.Listener) {
	p := c.p
	p.parting.Store(true)
	for _, d := range p.doors {
		d.leave()
	}
	p.leases.follow(&Table{}, p.lapse)
	_ = c.server.Close() // what is asked from now on is asked of the other
	p.heritage.close()
	told := p.legacy()
	_ = t.say(word{Say: sayCounted, Legacy: &told})
	_ = c.seat.lock.Close() // the other has its own
	c.moved <- parting
}

// descriptor returns the descriptor of a listener, which stays the listener's.
func descriptor(l net.Listener) (fd int, err error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return 0, fmt.Errorf("%s is no TCP socket", l.Addr())
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	return fd, raw.Control(func(n uintptr) { fd = int(n) }) //nolint:gosec // a descriptor is small
}

// seat is what only one proxy of a directory has: the lock, and the control
// socket at its path.
type seat struct {
	dir    string
	lock   *os.File
	socket os.FileInfo // of the control socket, as it lies on disk
}

// kept reports whether the control socket at the path is this proxy's.
func (s *seat) kept() bool {
	info, err := os.Stat(filepath.Join(s.dir, socketFile))
	return err == nil && os.SameFile(info, s.socket)
}

// sit takes the place of the one proxy of dir, when no other has it.
func sit(ctx context.Context, dir string) (*seat, net.Listener, error) {
	lock, err := lock(dir)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, socketFile)
	listener, err := listenSocket(ctx, path)
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	s := &seat{dir: dir, lock: lock}
	if s.socket, err = os.Stat(path); err != nil {
		return nil, nil, errors.Join(err, listener.Close(), lock.Close())
	}
	return s, listener, nil
}

// lock makes sure that one proxy serves from dir.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the proxy's own directory
	if err != nil {
		return nil, fmt.Errorf("locking the proxy's directory: %w", err)
	}
	if err := flock(file); err != nil {
		_ = file.Close() // the first error is the one that matters
		return nil, &davit.Error{Code: davit.CodeConflict, Message: "another proxy serves from " + dir,
			Hint: "give this one a directory of its own, or stop the other", Err: err}
	}
	return file, nil
}
