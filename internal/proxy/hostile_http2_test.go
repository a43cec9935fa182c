package proxy

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames returns what an HTTP/2 client sends: the preface, its settings, and
// what write adds.
func frames(write func(*http2.Framer), settings ...http2.Setting) string {
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&b, nil)
	framer.AllowIllegalWrites = true
	_ = framer.WriteSettings(settings...) // a buffer takes all
	write(framer)
	return b.String()
}

func headerBlock(fields ...string) []byte {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // as above
	}
	return b.Bytes()
}

// asks writes the header of a request.
func asks(framer *http2.Framer, stream uint32, method string) {
	_ = framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, EndHeaders: true, EndStream: method == http.MethodGet,
		BlockFragment: headerBlock(":method", method, ":scheme", "http", ":authority", "x", ":path", "/"),
	})
}

func TestHostileHTTP2Clients(t *testing.T) {
	const many = 300 // more streams than a connection may have open
	for name, c := range map[string]struct {
		text  string
		conns int                               // hostileConns when it is 0
		bad   func(*net.TCPConn, *bufio.Reader) // the instance, if it matters
	}{
		"resets at once": {text: frames(func(framer *http2.Framer) {
			for i := range uint32(many) {
				asks(framer, 2*i+1, http.MethodGet)
				_ = framer.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
			}
		})},
		"many streams without a body": {conns: hostileConns / 10, text: frames(func(framer *http2.Framer) {
			for i := range uint32(many) {
				asks(framer, 2*i+1, http.MethodPost)
			}
		})},
		"slow body": {text: frames(func(framer *http2.Framer) {
			asks(framer, 1, http.MethodPost)
			_ = framer.WriteData(1, false, []byte("x"))
		})},
		"half a header": {text: frames(func(framer *http2.Framer) {
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headerBlock(":method", http.MethodGet)})
		})},
		"endless header": {text: frames(func(framer *http2.Framer) {
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headerBlock(":method", http.MethodGet)})
			for range 100 {
				_ = framer.WriteContinuation(1, false, headerBlock("x", strings.Repeat("~", 10_000)))
			}
		})},
		"pings": {text: frames(func(framer *http2.Framer) {
			for range 10_000 {
				_ = framer.WritePing(false, [8]byte{})
			}
		})},
		"settings": {text: frames(func(framer *http2.Framer) {
			for range 10_000 {
				_ = framer.WriteSettings()
			}
		})},
		"a window of none": {conns: hostileConns / 10, text: frames(func(framer *http2.Framer) {
			for i := range uint32(10) {
				asks(framer, 2*i+1, http.MethodGet)
			}
		}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}), bad: endless},
		"reads nothing": {text: "GET / HTTP/1.1\r\nHost: x\r\n\r\n", bad: endless},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.put(hostileSite(t, c.bad))
			r.calm(func(open func(string) *net.TCPConn) {
				for range cmp.Or(c.conns, hostileConns) {
					open(c.text)
				}
			})
		})
	}
}

// h2cInstance serves HTTP/2 with a function that answers the first request of
// each connection, and then only reads.
func h2cInstance(answer func(*http2.Framer, uint32)) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, in *bufio.Reader) {
		if _, err := io.ReadFull(in, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		framer := http2.NewFramer(c, in)
		framer.AllowIllegalWrites = true
		_ = framer.WriteSettings() // a proxy that is gone shows in the read
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			if _, is := frame.(*http2.HeadersFrame); is {
				answer(framer, frame.Header().StreamID)
			}
		}
	}
}

func TestHostileH2CInstances(t *testing.T) {
	says := func(framer *http2.Framer, stream uint32, end bool, fields ...string) {
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndHeaders: true, EndStream: end, BlockFragment: headerBlock(fields...)})
	}
	for name, c := range map[string]struct {
		answer func(*http2.Framer, uint32)
		want   string // the answer begins with it
		hangs  bool   // until the time limit for answers
	}{
		"hangs":  {func(*http2.Framer, uint32) {}, "HTTP/1.1 504 ", true},
		"resets": {func(f *http2.Framer, id uint32) { _ = f.WriteRSTStream(id, http2.ErrCodeInternal) }, "HTTP/1.1 502 ", false},
		"leaves": {func(f *http2.Framer, _ uint32) { _ = f.WriteGoAway(1<<31-1, http2.ErrCodeNo, nil) }, "HTTP/1.1 504 ", true},
		"writes rubbish": {func(f *http2.Framer, _ uint32) {
			_ = f.WriteRawFrame(http2.FrameSettings, 0xff, 1<<31-1, bytes.Repeat([]byte{0xff}, 101))
		}, "HTTP/1.1 502 ", false},
		"has no status": {func(f *http2.Framer, id uint32) { says(f, id, true, "x", "y") }, "HTTP/1.1 502 ", false},
		"answers early": {func(f *http2.Framer, id uint32) { says(f, id, true, ":status", "413") }, "HTTP/1.1 413 ", false},
		"half an answer": {func(f *http2.Framer, id uint32) {
			says(f, id, false, ":status", "200", "content-length", "9")
			_ = f.WriteData(id, false, []byte("x"))
			_ = f.WriteRSTStream(id, http2.ErrCodeCancel)
		}, "", false},
		"an endless header": {func(f *http2.Framer, id uint32) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: headerBlock(":status", "200")})
			for range 100 {
				_ = f.WriteContinuation(id, false, headerBlock("x", strings.Repeat("~", 10_000)))
			}
		}, "HTTP/1.1 502 ", false},
		"more than there is room for": {func(f *http2.Framer, id uint32) {
			says(f, id, false, ":status", "200")
			for range 1000 { // it ought to wait for the window
				if f.WriteData(id, false, make([]byte, 1<<14)) != nil {
					return
				}
			}
		}, "HTTP/1.1 ", false}, // 502, when it was faster than the answer's header
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			site := hostileSite(t, h2cInstance(c.answer))
			bad := site.Releases["v1"].Services["bad"]
			bad.Protocol = davit.ProtocolH2C
			site.Releases["v1"].Services["bad"] = bad
			if !c.hangs { // the others answer, if late on a busy machine
				site.Front.Limits.ResponseTimeout = davit.Duration(20 * time.Second)
			}
			r.put(site)
			r.calm(func(open func(string) *net.TCPConn) {
				var first []*net.TCPConn
				for i := range hostileConns {
					if i%2 == 0 {
						first = append(first, open("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
						continue
					}
					open("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx") // its body never ends
				}
				for _, conn := range first {
					got := make([]byte, len(c.want))
					if _, err := io.ReadFull(conn, got); err != nil || string(got) != c.want {
						t.Errorf("the client got %q, %v, want %q", got, err, c.want)
					}
				}
			})
		})
	}
}
