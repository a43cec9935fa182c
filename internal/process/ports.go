package process

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"

	"github.com/davit-dev/davit"
)

// ports hands out free ports on the loopback address, none of them twice.
type ports struct {
	PortRange
	mu     sync.Mutex
	taken  map[int]string // port -> instance
	random *rand.Rand
}

// choose returns a free port for an instance, which keeps it until release.
func (p *ports) choose(ctx context.Context, instance string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.To - p.From + 1
	if n <= 0 {
		return 0, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("the port range %d to %d is empty", p.From, p.To)}
	}
	offset := p.random.IntN(n)
	for i := range n {
		port := p.From + (offset+i)%n
		if _, taken := p.taken[port]; !taken && free(ctx, port) == nil {
			p.taken[port] = instance
			return port, nil
		}
	}
	return 0, &davit.Error{
		Code: davit.CodeUnavailable, Message: fmt.Sprintf("no port from %d to %d is free", p.From, p.To),
		Hint: "let davit serve use a larger range",
	}
}

// claim takes a port that was asked for by number.
func (p *ports) claim(ctx context.Context, instance string, port int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch owner, taken := p.taken[port]; {
	case taken && owner == instance:
		return nil
	case taken:
		return &davit.Error{Code: davit.CodeConflict, Message: fmt.Sprintf("port %d is still used by instance %s", port, owner)}
	}
	if err := free(ctx, port); err != nil {
		return &davit.Error{Code: davit.CodeConflict, Message: fmt.Sprintf("port %d is in use on this machine", port), Err: err}
	}
	p.taken[port] = instance
	return nil
}

// keep notes the port of an instance that runs already.
func (p *ports) keep(instance string, port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[port] = instance
}

// release gives the port of an instance back.
func (p *ports) release(instance string, port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[port] == instance {
		delete(p.taken, port)
	}
}

func free(ctx context.Context, port int) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", loopback(port))
	if err != nil {
		return fmt.Errorf("trying a port: %w", err)
	}
	return listener.Close() //nolint:wrapcheck // closing a listener that nobody used
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
