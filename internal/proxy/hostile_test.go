package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

// hostileLimits are short, so that what they bound ends within the test.
func hostileLimits() davit.Limits {
	limit := davit.Duration(time.Second)
	return davit.Limits{HeaderTimeout: limit, IdleTimeout: limit, ResponseTimeout: limit, Connections: 500}
}

// calm wants others to be answered while attack holds its connections open, and
// all that the attack cost to be given back when it is over.
func (r *rig) calm(attack func(open func(text string) *net.TCPConn)) {
	r.t.Helper()
	good := newClient(r.t)
	good.Transport.(*http.Transport).DisableKeepAlives = true
	ask := func() {
		r.t.Helper()
		if res, body := exchangeWith(r.t, good, http.MethodGet, r.url("/"), nil, "Host", "good"); res.StatusCode != http.StatusOK || body != "ok" {
			r.t.Errorf("others get %s %q", res.Status, body)
		}
	}
	ask()
	eventually(r.t, "nothing is in flight at first", func() bool { return r.inFlight() == 0 })
	before, heap := runtime.NumGoroutine(), heapInUse()
	var opened []*net.TCPConn
	attack(func(text string) *net.TCPConn {
		r.t.Helper()
		c := dialRaw(r.t, r.Addresses()[anyPort])
		_, _ = io.WriteString(c, text)
		opened = append(opened, c)
		return c
	})
	for range 20 {
		ask()
	}
	if grown := heapInUse() - heap; grown > hostileHeap {
		r.t.Errorf("the attack holds %d MiB", grown>>20)
	}
	// The proxy ends them all by itself: the clients only look, and not before.
	eventually(r.t, "nothing is in flight", func() bool { return r.inFlight() == 0 })
	for _, c := range opened {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
	eventually(r.t, "the goroutines of the attack have ended", func() bool {
		return runtime.NumGoroutine() <= before+hostileSlack
	})
}

// hostileSlack is how many goroutines may differ for other reasons; an attack
// opens many more connections.
const (
	hostileSlack = 20
	hostileConns = 100
	hostileHeap  = 64 << 20 // bytes, both sides of all connections together
)

// heapInUse returns what the garbage collector leaves, in bytes.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// hostileSite answers "good" by a good instance, and all other hosts by one that
// serves connections with a function.
func hostileSite(t *testing.T, bad func(c *net.TCPConn, in *bufio.Reader)) Site {
	t.Helper()
	// It keeps no connection, so that those of the attack are all there is to count.
	site := oneRelease("", backendServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		says("ok")(w, r)
	}))
	site.Front.Limits = hostileLimits()
	if bad == nil {
		return site
	}
	release := site.Releases["v1"]
	release.Routes = []davit.Route{{Host: "good", Prefix: "/", Service: "web"}, {Prefix: "/", Service: "bad"}}
	release.Services["bad"] = Service{Backends: []Backend{{Instance: "bad-a", Address: parallelServer(t, bad)}}}
	site.Releases["v1"] = release
	return site
}

// parallelServer serves connections side by side with a function, and ends them
// with the test.
func parallelServer(t *testing.T, serve func(*net.TCPConn, *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		conns sync.WaitGroup
		mu    sync.Mutex
		open  []net.Conn
	)
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			conns.Go(func() {
				defer func() { _ = c.Close() }()
				serve(c.(*net.TCPConn), bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		conns.Wait()
	})
	return l.Addr().String()
}

func TestHostileClients(t *testing.T) {
	for name, text := range map[string]string{
		"silent":               "",
		"slow header":          "GET / HTTP/1.1\r\nHost: x\r\nX-Slow",
		"slow short body":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx",
		"slow long body":       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx",
		"slow refused body":    "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\nContent-Length: 100\r\n\r\nx",
		"slow chunks":          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"endless chunk size":   "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("0", 10_000),
		"huge header":          "GET / HTTP/1.1\r\nHost: x\r\nX-Huge: " + strings.Repeat("x", 200_000),
		"many headers":         "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 50_000),
		"no HTTP":              "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"HTTP/2 and no more":   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"idle after a request": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.put(hostileSite(t, nil))
			r.calm(func(open func(string) *net.TCPConn) {
				for range hostileConns {
					open(text)
				}
			})
		})
	}
}

func TestHalfClosedClients(t *testing.T) {
	r := newRig(t)
	r.put(hostileSite(t, nil))
	r.calm(func(open func(string) *net.TCPConn) {
		for i := range hostileConns {
			c := open([]string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", "GET / HT"}[i%3])
			_ = c.CloseWrite()
		}
	})
}

func TestHostileInstances(t *testing.T) {
	answering := func(answer string) func(*net.TCPConn, *bufio.Reader) {
		return func(c *net.TCPConn, in *bufio.Reader) {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			_, _ = io.WriteString(c, answer)
			_, _ = io.Copy(io.Discard, in)
		}
	}
	for name, c := range map[string]struct {
		serve func(*net.TCPConn, *bufio.Reader)
		want  string // the answer begins with it
	}{
		"hangs":             {answering(""), "HTTP/1.1 504 "},
		"resets":            {func(c *net.TCPConn, _ *bufio.Reader) { _ = c.SetLinger(0) }, "HTTP/1.1 502 "},
		"hangs in a header": {answering("HTTP/1.1 200 OK\r\nX-Slow"), "HTTP/1.1 502 "},
		"answers rubbish":   {answering("\x00\x01\x02 rubbish\r\n\r\n"), "HTTP/1.1 502 "},
		"two lengths":       {answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "HTTP/1.1 502 "},
		"an endless header": {answering("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*answerHeader)), "HTTP/1.1 502 "},
		"endless interim":   {answering(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100)), "HTTP/1.1 103 "},
		"answers early":     {answering("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), "HTTP/1.1 413 "},
		"two answers":       {answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), "HTTP/1.1 200 "},
		"switches unasked":  {answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), "HTTP/1.1 502 "},
		"an endless answer": {endless, "HTTP/1.1 200 "},
		"closes in its body": {func(c *net.TCPConn, in *bufio.Reader) {
			_, _ = http.ReadRequest(in)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			site := hostileSite(t, c.serve)
			if !strings.HasPrefix(name, "hangs") { // the others answer, if late on a busy machine
				site.Front.Limits.ResponseTimeout = davit.Duration(20 * time.Second)
			}
			r.put(site)
			r.calm(func(open func(string) *net.TCPConn) {
				var first, all []*net.TCPConn
				for i := range hostileConns {
					text := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
					if i%2 == 1 { // and one whose body never ends
						text = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx"
					}
					conn := open(text)
					all = append(all, conn)
					if i%2 == 0 {
						first = append(first, conn)
					}
				}
				for _, conn := range first {
					got := make([]byte, len(c.want))
					if _, err := io.ReadFull(conn, got); err != nil || string(got) != c.want {
						t.Errorf("the client got %q, %v, want %q", got, err, c.want)
					}
				}
				if name == "an endless answer" {
					for _, conn := range all {
						_ = conn.Close() // nothing else would end it
					}
				}
			})
		})
	}
}

// endless answers for ever.
func endless(c *net.TCPConn, in *bufio.Reader) {
	if _, err := http.ReadRequest(in); err != nil {
		return
	}
	_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", 1<<15, strings.Repeat("x", 1<<15)) // bytes: no garbage while the heap is looked at
	for err == nil {
		_, err = c.Write(chunk)
	}
}
