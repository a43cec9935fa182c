package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/davit-dev/davit"
)

// takeOver gives p the place of the proxy that serves from its directory: its
// table, its listeners, and in the end its control socket. It returns when p
// accepts connections and the other does not any more. After an error the other
// has its place as before.
func takeOver(ctx context.Context, p *Proxy, self identity) (*seat, net.Listener, error) {
	conn, err := askForPlace(ctx, p.dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = conn.Close() }() // all is said
	t := newTalk(conn)
	files, err := receiveFiles(conn)
	if err != nil {
		return nil, nil, fmt.Errorf("taking over the listeners: %w", err)
	}
	var b bequest
	if err := t.in.Decode(&b); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("taking over the table: %w", err), closeAll(files))
	}
	s := &seat{dir: p.dir, lock: files[len(files)-1]}
	if err := p.inherit(ctx, b, files[:len(files)-1]); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("taking over: %w", err), s.lock.Close(), t.say(word{Say: sayNo, Error: err.Error()}))
	}
	listener, err := s.move(ctx, t, self)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("taking over: %w", err), s.lock.Close())
	}
	p.begin()
	_ = t.say(word{Say: sayDone})
	if w, err := t.hear(sayCounted); err == nil && w.Legacy != nil { // one that has died tells no more
		p.heritage.inherit(b.ID, *w.Legacy)
	}
	return s, listener, nil
}

// askForPlace connects to the proxy that has the place, and asks for it.
func askForPlace(ctx context.Context, dir string) (*net.UnixConn, error) {
	dialed, err := (&net.Dialer{Timeout: takeoverLimit}).DialContext(ctx, "unix", filepath.Join(dir, socketFile))
	if err != nil {
		return nil, fmt.Errorf("asking the proxy for its place: %w", err)
	}
	conn, ok := dialed.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("the control socket is no unix socket"), dialed.Close())
	}
	_ = conn.SetDeadline(time.Now().Add(takeoverLimit)) // its failing shows below
	_, err = fmt.Fprintf(conn, "POST /takeover HTTP/1.1\r\nHost: proxy\r\nConnection: Upgrade\r\nUpgrade: %s\r\nDavit-Protocol: %d\r\nContent-Length: 0\r\n\r\n",
		takeoverProtocol, protocol)
	if err == nil {
		err = switched(conn)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("asking the proxy for its place: %w", err), conn.Close())
	}
	return conn, conn.SetDeadline(time.Time{})
}

// switched reads the answer's header and no byte more: what follows it carries
// descriptors, which are lost to an ordinary read.
func switched(conn net.Conn) error {
	var header []byte
	for one := make([]byte, 1); !bytes.HasSuffix(header, []byte("\r\n\r\n")) && len(header) < 64<<10; {
		if _, err := conn.Read(one); err != nil {
			return err
		}
		header = append(header, one[0])
	}
	res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(header), conn)), nil)
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	defer closeBody(res)
	if res.StatusCode == http.StatusNotFound {
		return &davit.Error{Code: davit.CodeUnsupported, Message: "the proxy that runs is of a version that cannot give its place to another"}
	}
	return readProblem(res)
}

// inherit puts the table of the proxy before in effect, on its listeners. Nothing
// is accepted before begin.
func (p *Proxy) inherit(ctx context.Context, b bequest, files []*os.File) error {
	if len(files) != len(b.Listeners) {
		return errors.Join(fmt.Errorf("%d listeners were given for %d addresses", len(files), len(b.Listeners)), closeAll(files))
	}
	p.given, p.accepting = map[string]net.Listener{}, make(chan struct{})
	var errs []error
	for i, address := range b.Listeners {
		listener, err := net.FileListener(files[i])
		if err == nil {
			p.given[address] = listener
		}
		errs = append(errs, err, files[i].Close()) // the listener has its own
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	p.boot = b.Boot
	p.heritage.inherit(b.ID, b.Legacy)
	if b.Table.Number == 0 { // the other has none yet
		return nil
	}
	if err := b.Table.Check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.putInEffect(ctx, b.Table, false)
}

// move says that all is ready, and moves this proxy's control socket over the
// other's, which makes the place this one's. That the other has died meanwhile
// leaves nobody else to serve.
func (s *seat) move(ctx context.Context, t *talk, self identity) (net.Listener, error) {
	path := filepath.Join(s.dir, socketFile+"."+strconv.Itoa(self.PID))
	listener, err := listenSocket(ctx, path)
	if err != nil {
		return nil, errors.Join(err, t.say(word{Say: sayNo, Error: err.Error()}))
	}
	abandon := func(err error) (net.Listener, error) {
		return nil, errors.Join(err, listener.Close(), os.Remove(path))
	}
	if s.socket, err = os.Stat(path); err != nil {
		return abandon(err)
	}
	_ = t.say(word{Say: sayReady}) // that it has died shows below
	if _, err := t.hear(sayGo); err != nil && !severed(err) {
		return abandon(err)
	}
	if err := os.Rename(path, filepath.Join(s.dir, socketFile)); err != nil {
		return abandon(err)
	}
	return listener, nil
}

// begin accepts connections, and holds the leases of the table, once the place
// is this proxy's. Those that part have that table already.
func (p *Proxy) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, unused := range p.given {
		_ = unused.Close() // an address that its table does not name any more
	}
	p.given = nil
	close(p.accepting)
	table := p.Table()
	p.leases.follow(table, p.lapse)
	if table.Number > 0 {
		p.keep(table)
	}
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
