package process

import (
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

func TestPorts(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := taken.Addr().(*net.TCPAddr).Port
	p := &ports{PortRange: PortRange{port, port + 2}, taken: map[int]string{}, random: rand.New(rand.NewPCG(1, 2))}
	seen := map[int]bool{}
	for {
		got, err := p.choose(t.Context(), "a")
		if err != nil {
			if davit.ErrorCode(err) != davit.CodeUnavailable {
				t.Errorf("an exhausted range: %v", err)
			}
			break
		}
		if seen[got] || got == port {
			t.Fatalf("port %d was given again or is taken", got)
		}
		seen[got] = true
	}
	if err := p.claim(t.Context(), "b", port); davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("a taken port: %v", err)
	}
	for got := range seen {
		if err := p.claim(t.Context(), "b", got); davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("another's port: %v", err)
		}
		p.release("b", got) // not its own
		p.release("a", got)
		if err := p.claim(t.Context(), "b", got); err != nil {
			t.Errorf("a port given back: %v", err)
		}
	}
}

func TestFixedPortIsForOne(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	f := runtimeOf(t, open(t, Config{}))
	fixed := service(t, "http", func(s *davit.Service) {
		s.Port = port
		s.Env["PORT"] = strings.TrimPrefix(loopback(port), "127.0.0.1:")
	})
	v1, v2 := release(t, "v1", nil, fixed), release(t, "v2", nil, fixed)
	if err := f.Declare(t.Context(), v1, davit.Size{"web": 2}); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("two on one port: %v", err)
	}
	f.declare(v1, 1) // somebody else has the port still
	f.until("a reason", func(all []davit.Instance) bool {
		return are(all, 1, davit.Starting) && strings.Contains(all[0].Reason, "is in use on this machine")
	})
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if i := f.untilReady(1)[0]; i.Address != loopback(port) {
		t.Errorf("it is at %s", i.Address)
	}
	if err := f.Declare(t.Context(), v2, davit.Size{"web": 1}); davit.ErrorCode(err) != davit.CodeRefused {
		t.Errorf("an overlapping release: %v", err)
	}
	f.declare(v1, 0)
	f.declare(v2, 1)
	f.until("the next release", func(all []davit.Instance) bool { return are(all, 1, davit.Ready) && all[0].Release == v2.ID })
}
