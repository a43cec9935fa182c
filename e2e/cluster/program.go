//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// program is one program of a cluster, and the process that runs it.
type program struct {
	name  string
	path  string
	args  []string
	env   []string                    // beside this process's own
	ready func(context.Context) error // nil when it is

	process  *os.Process
	ended    chan struct{} // closed when the process has ended
	stopping atomic.Bool
}

// log is where the program's output goes.
func (p *program) log() string { return filepath.Join(logDir, p.name+".log") }

// run starts programs, one after the other, each when the one before is ready.
func (c *Cluster) run(ctx context.Context, programs ...*program) error {
	for _, p := range programs {
		c.programs[p.name] = p
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// start starts the program and waits until it is ready.
func (p *program) start(ctx context.Context) error {
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	defer log.Close() //nolint:errcheck // the process has it
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what the terminal sends is not for it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	p.process, p.ended = cmd.Process, ended
	p.stopping.Store(false)
	go func() { // ends with the process, which ends with the cluster
		defer close(ended)
		if err := cmd.Wait(); !p.stopping.Load() {
			fmt.Fprintf(os.Stderr, "cluster: %s ended by itself: %v\n%s", p.name, err, p.tail())
		}
	}()
	return p.await(ctx)
}

// await waits until the program is ready.
func (p *program) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	err := until(ctx, func(ctx context.Context) error {
		select {
		case <-p.ended:
			cancel()
			return errors.New("it ended")
		default:
			return p.ready(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("waiting for %s to be ready: %w\n%s", p.name, err, p.tail())
	}
	return nil
}

// stop ends the program with a signal, and after a while with the last one.
func (p *program) stop(signal syscall.Signal) error {
	p.stopping.Store(true)
	if err := p.process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	const patience = 5 * time.Second
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
	}
	if err := p.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.ended
	return nil
}

// tail returns the last lines that the program wrote.
func (p *program) tail() string {
	data, err := os.ReadFile(p.log())
	if err != nil {
		return err.Error()
	}
	const lines = 15
	all := strings.SplitAfter(string(data), "\n")
	return strings.Join(all[max(0, len(all)-lines-1):], "")
}

// Stop ends a program of the cluster gracefully, and returns when it has ended.
// It stays away until Start.
func (c *Cluster) Stop(name string) error { return c.end(name, syscall.SIGTERM) }

// Kill ends a program of the cluster at once.
func (c *Cluster) Kill(name string) error { return c.end(name, syscall.SIGKILL) }

func (c *Cluster) end(name string, signal syscall.Signal) error {
	p, err := c.program(name)
	if err != nil {
		return err
	}
	return p.stop(signal)
}

// Start starts a program of the cluster that was stopped or killed, as it was
// started before, and returns when it is ready.
func (c *Cluster) Start(ctx context.Context, name string) error {
	p, err := c.program(name)
	if err != nil {
		return err
	}
	select {
	case <-p.ended:
		return p.start(ctx)
	default:
		return fmt.Errorf("%s runs already", name)
	}
}

func (c *Cluster) program(name string) (*program, error) {
	if c.foreign {
		return nil, ErrForeign
	}
	p := c.programs[name]
	if p == nil {
		return nil, fmt.Errorf("the cluster has no %q", name)
	}
	return p, nil
}

// answers returns a question that is answered when an HTTP server says that all
// is well.
func answers(client *http.Client, url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close() //nolint:errcheck // only its status counts
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil
	}
}

// listens returns a question that is answered when a socket accepts.
func listens(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
