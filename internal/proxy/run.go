package proxy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// Options are those of [Run].
type Options struct {
	Dir     string        // holds the table, the control socket, the log; made when missing
	Version string        // of the program, told to the server
	Drain   time.Duration // how long requests in flight may take after ctx has ended
	// Takeover has the proxy take the place of the one that serves from Dir,
	// which serves its open connections to their end.
	Takeover bool
	// Protocol is the number that the proxy speaks on its control socket; 0 is
	// the newest. Another one is for tests of versions apart.
	Protocol int
	Stdout   io.Writer // access log
	Stderr   io.Writer // what goes wrong
}

// identity tells one run of the proxy from another: a pid alone may be reused.
type identity struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // the process's start time, as the system counts it
	Version string `json:"version"`

	protocol int // that it speaks on its control socket
}

// Run is the proxy's process: it serves by the table kept in Dir at once, and
// then by what comes over the control socket, until ctx ends. It then stops
// accepting, lets requests in flight end, and returns. It returns too when
// another proxy has taken its place and the last of its connections has ended.
func Run(ctx context.Context, o Options) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("making the proxy's directory: %w", err)
	}
	self := identity{PID: os.Getpid(), Version: o.Version, protocol: cmp.Or(o.Protocol, protocol)}
	// Where the start time is not known, the proxy serves; it only is not adopted.
	self.Started, _ = startTime(self.PID)
	tuneMemory()
	p := New(o.Dir, o.Stdout, o.Stderr)
	var seat *seat
	defer func() {
		if seat != nil {
			_ = seat.lock.Close() // it may have been given to another
		}
	}()
	defer func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain)
		defer cancel()
		p.Close(limit)
	}()
	seat, listener, err := place(ctx, p, self, o.Takeover)
	if err != nil {
		return err
	}
	if err := writeIdentity(filepath.Join(o.Dir, stateFile), self); err != nil {
		return errors.Join(err, listener.Close())
	}
	parting, err := serveControl(ctx, p, self, seat, listener)
	if parting != nil {
		p.part(ctx, parting, self)
	}
	return err
}

// place gives the proxy its place: that of another, or one that nobody has.
func place(ctx context.Context, p *Proxy, self identity, takeover bool) (*seat, net.Listener, error) {
	if takeover {
		return takeOver(ctx, p, self)
	}
	seat, listener, err := sit(ctx, p.dir)
	if err != nil {
		return nil, nil, err
	}
	if err := p.Load(ctx); err != nil {
		return nil, nil, errors.Join(err, listener.Close(), seat.lock.Close())
	}
	return seat, listener, nil
}

// serveControl serves the control socket until ctx ends, or until another proxy
// has the place: then it returns the socket at which this one answers while it
// parts.
func serveControl(ctx context.Context, p *Proxy, self identity, seat *seat, listener net.Listener) (parting net.Listener, err error) {
	mux := controlHandler(p, self)
	c := &control{p: p, self: self, seat: seat, moved: make(chan net.Listener, 1),
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
	if self.protocol >= takeover {
		mux.HandleFunc("POST /takeover", c.handleTakeover)
		mux.HandleFunc("POST /parting", p.handleReport)
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tasks.Go(func() { p.Tend(ctx) })
	stop := context.AfterFunc(ctx, func() { _ = c.server.Close() }) // streams end with it
	defer stop()
	if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return nil, fmt.Errorf("serving the control socket: %w", err)
	}
	if !p.parting.Load() {
		return nil, nil
	}
	return <-c.moved, nil
}

// listenSocket opens a unix socket that only its owner can use. Whoever calls
// has made sure that one which is there already is nobody's. Its path stays when
// it is closed: another may listen there.
func listenSocket(ctx context.Context, path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing an old socket: %w", err)
	}
	// The directory is the owner's alone, so nobody else reaches the socket
	// before its mode is set.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, &davit.Error{Code: davit.CodeUnavailable, Message: "opening the control socket " + path,
			Hint: "a path of a socket may have about 100 bytes; choose a shorter directory if this one is longer", Err: err}
	}
	if unix, ok := listener.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = listener.Close() // the first error is the one that matters
		return nil, fmt.Errorf("protecting the control socket: %w", err)
	}
	return listener, nil
}

// flock takes the lock on a file, which is let go of when every descriptor of it
// is closed.
func flock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

func writeIdentity(path string, self identity) error {
	data, err := json.Marshal(self)
	if err != nil {
		return fmt.Errorf("encoding the proxy's identity: %w", err)
	}
	return writeFile(path, data)
}

func readIdentity(path string) (identity, error) {
	var self identity
	data, err := os.ReadFile(path) //nolint:gosec // the proxy's own directory
	if err != nil {
		return self, fmt.Errorf("reading the proxy's identity: %w", err)
	}
	if err := json.Unmarshal(data, &self); err != nil {
		return self, fmt.Errorf("reading the proxy's identity: %w", err)
	}
	return self, nil
}
