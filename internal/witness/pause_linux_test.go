package witness_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/witness"
)

// asDoor makes the test's binary a front door of its own process.
const asDoor = "WITNESS_TEST_DOOR"

func TestMain(m *testing.M) {
	if os.Getenv(asDoor) != "" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(listener.Addr())
		server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "ok")
		})}
		fmt.Fprintln(os.Stderr, server.Serve(listener))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// frontDoor is a front door in a process of its own, which can be stopped.
type frontDoor struct {
	t       *testing.T
	address string
	process *os.Process
}

func startDoor(t *testing.T) *frontDoor {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asDoor+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &frontDoor{t, strings.TrimSpace(address), cmd.Process}
}

// stopped reports whether the kernel says that the process is stopped.
func (d *frontDoor) stopped() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "T")
}

// stop stops the process for a time, and returns how long it was stopped at
// least and at most, as measured.
func (d *frontDoor) stop(length time.Duration) (least, most time.Duration) {
	d.t.Helper()
	asked := time.Now()
	if err := d.process.Signal(syscall.SIGSTOP); err != nil {
		d.t.Fatal(err)
	}
	for !d.stopped() {
		if time.Since(asked) > 10*time.Second {
			d.t.Fatal("the process does not stop")
		}
	}
	sure := time.Now()
	<-time.After(length - time.Since(asked))
	least = time.Since(sure)
	if err := d.process.Signal(syscall.SIGCONT); err != nil {
		d.t.Fatal(err)
	}
	for d.stopped() {
		if time.Since(asked) > 10*time.Second {
			d.t.Fatal("the process does not go on")
		}
	}
	return least, time.Since(asked)
}

// until polls the figures until they are as wanted.
func until(t *testing.T, p *witness.Prober, what string, holds func(davit.Measured) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds(p.Measured()) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s never: %s", what, p.Measured())
		}
	}
}

func probing(t *testing.T, o witness.Options) (p *witness.Prober, end func() davit.Measured) {
	t.Helper()
	p, err := witness.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { p.Run(ctx) })
	end = func() davit.Measured {
		cancel()
		all.Wait()
		return p.Measured()
	}
	t.Cleanup(func() { end() })
	return p, end
}

func options(address string) witness.Options {
	return witness.Options{
		Witness: davit.Witness{Rate: 20, Host: "shop.example.org", Path: "/", Timeout: davit.Duration(5 * time.Second)},
		Address: address, Serving: true,
	}
}

// TestDowntimeBesideTheTruth stops a front door for known times, and wants what
// is measured to be within one interval. The machine may make a stop longer than
// was wanted, and add stalls of its own: such a measurement is taken again.
func TestDowntimeBesideTheTruth(t *testing.T) {
	door := startDoor(t)
	for _, length := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		t.Run(length.String(), func(t *testing.T) {
			const attempts = 20
			for attempt := 1; ; attempt++ {
				err := measureStop(t, door, length)
				if err == nil {
					return
				}
				if attempt == attempts {
					t.Fatal(err)
				}
				t.Log(err)
			}
		})
	}
}

func measureStop(t *testing.T, door *frontDoor, length time.Duration) error {
	t.Helper()
	p, end := probing(t, options(door.address))
	until(t, p, "10 probes", func(m davit.Measured) bool { return m.Probes >= 10 })
	least, most := door.stop(length)
	probes := p.Measured().Probes
	until(t, p, "10 more probes", func(m davit.Measured) bool { return m.Probes >= probes+10 })
	m := end()
	t.Logf("stopped for %s to %s: %s", least, most, m)
	if m.Failed != 0 {
		return fmt.Errorf("%d probes failed, and nothing was lost", m.Failed)
	}
	if least.Round(time.Millisecond) != length {
		return fmt.Errorf("the stop was %s", least)
	}
	if got := m.Downtime.D() + m.Starved.D(); got < length-m.Interval.D() {
		t.Fatalf("measured %s of a stop of at least %s", got, least)
	}
	if m.Downtime.D() > most+m.Interval.D() {
		return errors.New("measured too much: " + m.String())
	}
	return nil
}

// TestKindsOfFailure meets every kind of failure.
func TestKindsOfFailure(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for kind, answer := range map[string]func(net.Conn){
		witness.ServerError: func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") },
		witness.Reset:       func(c net.Conn) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") },
		witness.Timeout:     func(net.Conn) { <-hang },
	} {
		t.Run(kind, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go serve(listener, answer)
			o := options(listener.Addr().String())
			o.Timeout = davit.Duration(200 * time.Millisecond)
			p, end := probing(t, o)
			until(t, p, "3 failures", func(m davit.Measured) bool { return m.Failures[kind] >= 3 })
			if m := end(); m.Failed != m.Probes || m.Failures[kind] != m.Failed || !m.Complete || m.Downtime <= 0 {
				t.Errorf("measured %+v, want nothing but %q", m, kind)
			}
		})
	}
	t.Run(witness.Dial, func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		o := options(listener.Addr().String())
		listener.Close()
		p, end := probing(t, o)
		until(t, p, "3 failures", func(m davit.Measured) bool { return m.Failures[witness.Dial] >= 3 })
		end()
	})
}

// serve answers one request of every connection, then closes it.
func serve(listener net.Listener, answer func(net.Conn)) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				answer(c)
			}
		}()
	}
}

// TestNewAndKeptConnectionsInTurn counts what arrives.
func TestNewAndKeptConnectionsInTurn(t *testing.T) {
	var mu sync.Mutex
	connections, seen := map[string]int{}, map[string]int{}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.RemoteAddr]++
		seen[fmt.Sprintf("%s %s%s close=%v witness=%s", r.Method, r.Host, r.URL, r.Close, r.Header.Get(davit.WitnessHeader))]++
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // until it is closed
	defer server.Close()
	o := options(listener.Addr().String())
	o.Rate = 100
	o.Post = &davit.WitnessPost{Path: "/ping", Body: "{}", ContentType: "application/json"}
	p, end := probing(t, o)
	until(t, p, "40 probes", func(m davit.Measured) bool { return m.Probes >= 40 })
	m := end()
	mu.Lock()
	defer mu.Unlock()
	if m.Failed > 0 {
		t.Error(m)
	}
	quarter := int(m.Probes)/4 - 2 - int(m.Missed)
	for _, want := range []string{
		"GET shop.example.org/ close=true witness=1", "GET shop.example.org/ close=false witness=1",
		"POST shop.example.org/ping close=true witness=1", "POST shop.example.org/ping close=false witness=1",
	} {
		if seen[want] < quarter {
			t.Errorf("%d of %q among %d probes", seen[want], want, m.Probes)
		}
	}
	most := 0
	for _, n := range connections {
		most = max(most, n)
	}
	if most < 2 {
		t.Error("no connection was used twice")
	}
}

// A second server goes on with the figures of the first, and says that nobody
// watched in between.
func TestGoesOnAfterAHole(t *testing.T) {
	door := startDoor(t)
	p, end := probing(t, options(door.address))
	until(t, p, "5 probes", func(m davit.Measured) bool { return m.Probes >= 5 })
	first := end()
	first.Until = first.Until.Add(-3 * time.Second)
	o := options(door.address)
	o.Earlier = &first
	p, end = probing(t, o)
	until(t, p, "5 more probes", func(m davit.Measured) bool { return m.Probes >= first.Probes+5 })
	m := end()
	if m.Holes != 1 || m.Unwatched.D() < 3*time.Second || !m.From.Equal(first.From) || !m.Until.After(first.Until) {
		t.Errorf("first %+v\nthen %+v", first, m)
	}
}

// A wall clock that went back between two servers makes no negative time.
func TestWallClockWentBack(t *testing.T) {
	door := startDoor(t)
	o := options(door.address)
	o.Earlier = &davit.Measured{From: time.Now().Add(time.Hour), Until: time.Now().Add(2 * time.Hour), Probes: 7}
	p, end := probing(t, o)
	until(t, p, "2 probes", func(m davit.Measured) bool { return m.Probes >= 9 })
	if m := end(); m.Unwatched != 0 || m.Holes != 1 || m.Downtime < 0 || m.LongestGap < 0 {
		t.Errorf("%+v", m)
	}
}
