package redis_test

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"
)

// patience bounds what takes milliseconds on an idle machine.
const patience = 60 * time.Second

// server is a real Redis that a test may end and start again on the same port,
// empty.
type server struct {
	t       *testing.T
	address string
	args    []string
	process *exec.Cmd
	client  *client.Client
}

func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if out, err := exec.Command("../../scripts/need", "redis-server=redis-server").CombinedOutput(); err != nil {
			t.Skipf("no Redis here: %v\n%s", err, out)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, address: l.Addr().String(), args: args}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.client = client.NewClient(&client.Options{Addr: s.address, MaxRetries: -1})
	t.Cleanup(func() { _ = s.client.Close() })
	t.Cleanup(s.end)
	s.start()
	return s
}

func (s *server) start() {
	s.t.Helper()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.process = exec.Command("redis-server", append([]string{
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.t.TempDir(),
	}, s.args...)...)
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "Redis answers", func() bool {
		err := s.client.Ping(context.Background()).Err()
		return err == nil || err.Error() == "NOAUTH Authentication required."
	})
}

func (s *server) end() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // it may have ended
	_ = s.process.Wait()         // it was killed
	s.process = nil
}

// do sends a command that must be taken.
func (s *server) do(args ...any) {
	s.t.Helper()
	if err := s.client.Do(context.Background(), args...).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits for what nothing tells of.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline, tick := time.Now().Add(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

// line is a TCP proxy that can hold back, slow down and cut what goes through.
type line struct {
	net.Listener
	to string

	mu    sync.Mutex
	open  map[net.Conn]bool
	cut   bool          // refuse connections
	mute  chan struct{} // while it is open, nothing gets through
	delay time.Duration // of each piece
	piece int           // bytes; 0 is as much as comes
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{Listener: l, to: to, open: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.carry(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.Speak()
		p.Cut()
		serving.Wait()
	})
	return p
}

// Cut ends all connections, and takes none until Mend.
func (p *line) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for conn := range p.open {
		_ = conn.Close()
	}
}

// Mend takes connections again.
func (p *line) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Mute holds back all that goes through, in connections that stay open.
func (p *line) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = make(chan struct{})
}

// Speak lets through what was held back.
func (p *line) Speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mute != nil {
		close(p.mute)
		p.mute = nil
	}
}

// Slow lets pieces of some bytes through, each after a delay.
func (p *line) Slow(piece int, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.piece, p.delay = piece, delay
}

func (p *line) carry(from net.Conn) {
	to, err := net.Dial("tcp", p.to)
	p.mu.Lock()
	if err != nil || p.cut {
		p.mu.Unlock()
		_ = from.Close()
		if err == nil {
			_ = to.Close()
		}
		return
	}
	p.open[from], p.open[to] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			p.copy(way[1], way[0])
			_, _ = way[0].Close(), way[1].Close()
		})
	}
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, from)
	delete(p.open, to)
}

func (p *line) copy(to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		p.mu.Lock()
		piece, delay := p.piece, p.delay
		p.mu.Unlock()
		if piece == 0 {
			piece = len(buffer)
		}
		n, err := from.Read(buffer[:piece])
		if err != nil {
			return
		}
		p.mu.Lock()
		mute := p.mute
		p.mu.Unlock()
		if mute != nil {
			<-mute
		}
		if delay > 0 {
			<-time.After(delay)
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// url returns the address of Redis behind a host and port.
func url(address string) string { return "redis://" + address }

func text(n int64) string { return strconv.FormatInt(n, 10) }
