package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// connections is how many ask at once, each on a connection that is kept.
const connections = 16

// subject is a server in a process of its own.
type subject struct {
	process *exec.Cmd
	address string
	key     string
}

func start(role string) (*subject, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &subject{process: exec.Command(self, "-role", role)} //nolint:gosec // this program
	s.process.Stderr = os.Stderr
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	if _, err := fmt.Fscanln(out, &s.address, &s.key); err != nil {
		return nil, errors.Join(fmt.Errorf("the server %s says nothing: %w", role, err), s.stop())
	}
	return s, nil
}

func (s *subject) stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.process.Wait()
}

// round sends requests and returns the CPU time that the server took for each.
func (s *subject) round(requests int) (time.Duration, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	errs := make([]error, connections)
	var group sync.WaitGroup
	for i := range connections {
		group.Go(func() { errs[i] = s.ask(requests / connections) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	after, err := s.cpu()
	return (after - before) / time.Duration(requests/connections*connections), err
}

// ask sends requests one after the other on one connection. It writes them as
// bytes, so that the two cores have more for the server.
func (s *subject) ask(requests int) error {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // all was read
	const body = `{"context":{"targetingKey":"user-4711","plan":"pro","country":"DE"}}`
	request := []byte("POST /ofrep/v1/evaluate/flags/checkout-v2 HTTP/1.1\r\nHost: davit\r\nContent-Type: application/json\r\nAuthorization: Bearer " + s.key +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	answers := bufio.NewReader(conn)
	for range requests {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(string(text), `{"key":"checkout-v2","reason":"S`) {
			return fmt.Errorf("%s: %s", answer.Status, text)
		}
	}
	return nil
}

// tick is the unit of times in /proc/PID/stat.
const tick = 10 * time.Millisecond

// cpu returns the CPU time that the server's process has taken so far, to the
// hundredth of a second.
func (s *subject) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The fields after the program's name, which may hold anything but a ')'.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const user, system = 11, 12
	if len(fields) <= system {
		return 0, errors.New("/proc has no times of the server")
	}
	var sum time.Duration
	for _, field := range []string{fields[user], fields[system]} {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}
