package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/davit-dev/davit"
)

// check asks an instance once. It returns why the answer is no.
type check func(ctx context.Context) error

// checker returns the check that a probe describes. env is the environment of
// the process p.
func (i *instance) checker(probe *davit.Probe, env []string) check {
	rec := i.record()
	port := func(own int) string {
		if own == 0 {
			own = rec.Port
		}
		return loopback(own)
	}
	switch {
	case probe.HTTP != nil:
		return httpCheck(*probe.HTTP, port(probe.HTTP.Port), i.service.Protocol)
	case probe.Exec != nil:
		return i.execCheck(*probe.Exec, append(env, envProbe+"=1"))
	case probe.TCP != nil:
		return tcpCheck(port(probe.TCP.Port))
	default:
		return tcpCheck(port(0))
	}
}

func tcpCheck(address string) check {
	return func(ctx context.Context) error {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return err //nolint:wrapcheck // it names the address
		}
		return conn.Close() //nolint:wrapcheck // as above
	}
}

// httpCheck asks in the service's own protocol, on a new connection each time,
// and takes the answer as it is: a redirect is one.
func httpCheck(probe davit.HTTPProbe, address string, protocol davit.Protocol) check {
	transport := &http.Transport{DisableKeepAlives: true}
	if protocol.HTTP2() {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) error {
		defer client.CloseIdleConnections()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+probe.Path, http.NoBody)
		if err != nil {
			return fmt.Errorf("asking for %s: %w", probe.Path, err)
		}
		request.Header.Set("User-Agent", "davit-probe")
		for name, value := range probe.Headers {
			if strings.EqualFold(name, "Host") {
				request.Host = value
				continue
			}
			request.Header.Set(name, value)
		}
		response, err := client.Do(request)
		if err != nil {
			return err //nolint:wrapcheck // it names method and URL
		}
		_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
		err = errors.Join(err, response.Body.Close())
		if response.StatusCode < 200 || response.StatusCode > 399 {
			return fmt.Errorf("GET %s answered %d", probe.Path, response.StatusCode)
		}
		return err
	}
}

// execCheck runs a command in the instance's environment and directory. At the
// end of its time it is killed with all that it started.
func (i *instance) execCheck(probe davit.ExecProbe, env []string) check {
	return func(ctx context.Context) error {
		if len(probe.Command) == 0 {
			return errors.New("the exec probe has no command")
		}
		path, err := program(i.service, probe.Command[0], value(env, "DAVIT_ARTIFACT"), value(env, "PATH"))
		if err != nil {
			return err
		}
		var output tail
		cmd := exec.CommandContext(ctx, path, probe.Command[1:]...) //nolint:gosec // the user's own probe
		cmd.Env, cmd.Dir = env, i.work()
		cmd.Stdout, cmd.Stderr = &output, &output
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // not reaped yet, so the pid is its own
		cmd.WaitDelay = time.Second                                                          // for output that a stray process holds open
		err = cmd.Run()
		if ctx.Err() != nil {
			return fmt.Errorf("%s took too long", probe.Command[0])
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %s", probe.Command[0], err, printable(bytes.TrimSpace(output)))
		}
		return nil
	}
}

// tail keeps the end of what is written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	const limit = 200
	*t = append(*t, p...)
	*t = append((*t)[:0], (*t)[max(0, len(*t)-limit):]...)
	return len(p), nil
}
