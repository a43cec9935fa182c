package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// inner is the request that each attack tries to get through beside its own.
const inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

// attack is an ambiguous request of the desync literature. %d in it is the
// length of inner, %x the same in hex.
type attack struct {
	name    string
	head    string // after "POST /outer HTTP/1.1\r\nHost: x\r\n"
	body    string
	forward bool // one request reaches the instance; else none does
}

var attacks = []attack{
	{"plain", "Content-Length: 5\r\n\r\n", "hello", true},
	{"plain chunked", "Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", true},
	{"CL.TE", "Content-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n" + inner, true},
	{"TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner), true},
	{"CL.TE in the wrong case", "content-length: 6\r\ntransfer-encoding: CHUNKED\r\n\r\n", "0\r\n\r\n" + inner, true},
	{"TE.TE unknown", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE.TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE list", "Transfer-Encoding: identity, chunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE gzip", "Transfer-Encoding: gzip, chunked\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE identity", "Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE with a prefix", "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE quoted", "Transfer-Encoding: \"chunked\"\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE with a parameter", "Transfer-Encoding: chunked;x=y\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE after a vertical tab", "Transfer-Encoding: \vchunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE after a tab", "Transfer-Encoding:\tchunked\r\n\r\n", "0\r\n\r\n" + inner, true},
	{"TE before a space", "Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE folded", "Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, true},
	{"TE in a fold", "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "hello", true},
	{"TE behind a bare CR", "X: y\rTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE behind a bare LF", "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, true},
	{"TE behind a NUL", "X: y\x00Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE with a NUL", "Transfer-Encoding: chunked\x00\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE empty", "Transfer-Encoding:\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + inner, false},
	{"TE hidden by Connection", "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n" + inner, true},
	{"CL hidden by Connection", "Connection: Content-Length\r\nContent-Length: 5\r\n\r\n", "hello", true},
	{"CL twice", "Content-Length: 0\r\nContent-Length: 44\r\n\r\n", inner, false},
	{"CL list", "Content-Length: 0, 44\r\n\r\n", inner, false},
	{"CL list of the same", "Content-Length: 5, 5\r\n\r\n", "hello", false},
	{"CL twice the same", "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "hello", true},
	{"CL with a sign", "Content-Length: +5\r\n\r\n", "hello", false},
	{"CL negative", "Content-Length: -5\r\n\r\n", "hello", false},
	{"CL in hex", "Content-Length: 0x5\r\n\r\n", "hello", false},
	{"CL with an underscore", "Content-Length: 1_0\r\n\r\n", "hellohello", false},
	{"CL empty", "Content-Length:\r\n\r\n", inner, false},
	{"CL too large", "Content-Length: 99999999999999999999\r\n\r\n", inner, false},
	{"CL folded", "Content-Length: 5\r\n 5\r\n\r\n", "hello", false},
	{"CL before a space", "Content-Length : 44\r\n\r\n", inner, false},
	{"CL behind a bare CR", "X: y\rContent-Length: 44\r\n\r\n", inner, false},
	{"a fold first", " X: y\r\nContent-Length: 5\r\n\r\n", "hello", false},
	{"two hosts", "Host: y\r\nContent-Length: 5\r\n\r\n", "hello", false},
	{"no colon", "GET /smuggled HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "hello", false},
	{"chunk extension", "Transfer-Encoding: chunked\r\n\r\n", "5;a=b\r\nhello\r\n0;c\r\n\r\n", true},
	{"chunk extension with a bare LF", "Transfer-Encoding: chunked\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n" + inner, false},
	{"chunk size with a bare LF", "Transfer-Encoding: chunked\r\n\r\n", "5\nhello\r\n0\r\n\r\n", false},
	{"chunk size with a sign", "Transfer-Encoding: chunked\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", false},
	{"chunk size with 0x", "Transfer-Encoding: chunked\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", false},
	{"chunk size too large", "Transfer-Encoding: chunked\r\n\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n" + inner, false},
	{"chunk without its end", "Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello0\r\n\r\n" + inner, false},
	{"trailer that frames", "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n", "5\r\nhello\r\n0\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n", false},
	{"body that looks like one", fmt.Sprintf("Content-Length: %d\r\n\r\n", len(inner)), inner, true},
	{"GET with a body", fmt.Sprintf("X-Method: y\r\nContent-Length: %d\r\n\r\n", len(inner)), inner, true},
	{"Expect and a body", fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(inner)), inner, true},
	{"Expect unknown", fmt.Sprintf("Expect: y\r\nContent-Length: %d\r\n\r\n", len(inner)), inner, false},
	{"upgrade to h2c", fmt.Sprintf("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: %d\r\n\r\n", len(inner)), inner, true},
}

func (a attack) wire() string { return "POST /outer HTTP/1.1\r\nHost: x\r\n" + a.head + a.body }

// naive is an instance that reads requests in the most forgiving way there is,
// and, when a request has both, either by its length or by its chunks. It
// counts what it takes for requests.
type naive struct {
	byLength bool
	mu       sync.Mutex
	lines    []string
}

// next reads one request.
func (n *naive) next(in *bufio.Reader) error {
	var first string
	for first == "" {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		first = strings.TrimSpace(line)
	}
	n.mu.Lock()
	n.lines = append(n.lines, first)
	n.mu.Unlock()
	length, chunked := 0, false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.TrimRight(line, "\r\n") == "" {
			break
		}
		for _, field := range strings.Split(line, "\r") { // a bare CR ends a line, too
			name, value, _ := strings.Cut(strings.ToLower(field), ":")
			switch strings.TrimSpace(name) {
			case "content-length":
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			case "transfer-encoding":
				chunked = chunked || strings.Contains(value, "chunked")
			}
		}
	}
	if chunked && (length == 0 || !n.byLength) {
		return skipChunks(in)
	}
	_, err := io.CopyN(io.Discard, in, int64(length))
	return err
}

func skipChunks(in *bufio.Reader) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		length, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, in, length); err != nil {
			return err
		}
		for { // the end of the chunk, or the trailers
			if line, err = in.ReadString('\n'); err != nil {
				return err
			}
			if length > 0 || strings.TrimSpace(line) == "" {
				break
			}
		}
		if length == 0 {
			return nil
		}
	}
}

// serve answers every request that it sees.
func (n *naive) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for n.next(in) == nil {
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

// listen serves until the test ends.
func (n *naive) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { defer func() { _ = c.Close() }(); n.serve(c) })
			t.Cleanup(func() { _ = c.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func (n *naive) seen() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.lines...)
}

// TestSmuggling sends each attack on a connection of its own, and wants the
// instance to see one request or, if it is refused, none: whichever way the
// instance reads what is ambiguous.
func TestSmuggling(t *testing.T) {
	for _, byLength := range []bool{false, true} {
		for _, a := range attacks {
			t.Run(fmt.Sprintf("%s, by length %v", a.name, byLength), func(t *testing.T) {
				t.Parallel()
				n := &naive{byLength: byLength}
				site := oneRelease("", n.listen(t))
				// What is left incomplete ends by this.
				limit := davit.Duration(300 * time.Millisecond)
				site.Front.Limits = davit.Limits{HeaderTimeout: limit, IdleTimeout: limit, ResponseTimeout: limit}
				r := newRig(t)
				r.put(site)
				c := dialRaw(t, r.Addresses()[anyPort])
				_, _ = io.WriteString(c, a.wire())
				answers, _ := io.ReadAll(c) // a reset after an answer is fine
				lines, forwarded := n.seen(), bytes.Count(answers, []byte("HTTP/1.1 200 OK"))
				if a.forward && (len(lines) != 1 || forwarded != 1) || !a.forward && forwarded != 0 {
					t.Errorf("the client got\n%s\nand the instance saw %q", answers, lines)
				}
				if len(lines) > 1 || len(lines) == 1 && lines[0] != "POST /outer HTTP/1.1" {
					t.Errorf("the instance saw %q", lines)
				}
			})
		}
	}
}

// TestDowngradeSmuggling sends HTTP/2 requests that cannot be said in HTTP/1.1.
func TestDowngradeSmuggling(t *testing.T) {
	usual := []hpack.HeaderField{{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "x"}, {Name: ":path", Value: "/outer"}}
	with := func(fields ...hpack.HeaderField) []hpack.HeaderField {
		return append(usual[:len(usual):len(usual)], fields...)
	}
	instead := func(name, value string) []hpack.HeaderField {
		fields := append([]hpack.HeaderField(nil), usual...)
		for i := range fields {
			if fields[i].Name == name {
				fields[i].Value = value
			}
		}
		return fields
	}
	for name, c := range map[string]struct {
		fields  []hpack.HeaderField
		body    string
		forward bool
	}{
		"plain":                {usual, "hello", true},
		"looks like one":       {usual, inner, true},
		"transfer-encoding":    {with(hpack.HeaderField{Name: "transfer-encoding", Value: "chunked"}), "0\r\n\r\n" + inner, false},
		"connection":           {with(hpack.HeaderField{Name: "connection", Value: "content-length"}), inner, false},
		"upgrade":              {with(hpack.HeaderField{Name: "upgrade", Value: "h2c"}), inner, false},
		"content-length small": {with(hpack.HeaderField{Name: "content-length", Value: "1"}), inner, false},
		"content-length large": {with(hpack.HeaderField{Name: "content-length", Value: "999"}), inner, false},
		"content-length twice": {with(hpack.HeaderField{Name: "content-length", Value: "0"}, hpack.HeaderField{Name: "content-length", Value: "36"}), inner, false},
		"CRLF in a value":      {with(hpack.HeaderField{Name: "x", Value: "y\r\ntransfer-encoding: chunked"}), "0\r\n\r\n" + inner, false},
		"LF in a value":        {with(hpack.HeaderField{Name: "x", Value: "y\ncontent-length: 0"}), inner, false},
		"CRLF in a name":       {with(hpack.HeaderField{Name: "x: y\r\ntransfer-encoding", Value: "chunked"}), "0\r\n\r\n" + inner, false},
		"colon in a name":      {with(hpack.HeaderField{Name: "transfer-encoding: chunked", Value: "y"}), "0\r\n\r\n" + inner, false},
		"capital name":         {with(hpack.HeaderField{Name: "Transfer-Encoding", Value: "chunked"}), "0\r\n\r\n" + inner, false},
		"CRLF in the path":     {instead(":path", "/ HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled"), "", false},
		"space in the path":    {instead(":path", "/smuggled HTTP/1.1"), "", false},
		"CRLF in the method":   {instead(":method", "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\nPOST"), "", false},
		"CRLF in the host":     {instead(":authority", "x\r\ntransfer-encoding: chunked"), "0\r\n\r\n" + inner, false},
		"path of another form": {instead(":path", "smuggled"), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &naive{}
			site := oneRelease("", n.listen(t))
			limit := davit.Duration(300 * time.Millisecond)
			site.Front.Limits = davit.Limits{IdleTimeout: limit, ResponseTimeout: limit}
			r := newRig(t)
			r.put(site)
			answered := sendHTTP2(t, r.Addresses()[anyPort], c.fields, c.body)
			lines := n.seen()
			if answered != c.forward || c.forward && (len(lines) != 1 || lines[0] != "POST /outer HTTP/1.1") {
				t.Errorf("answered well: %v, and the instance saw %q", answered, lines)
			}
			for _, line := range lines {
				if strings.Contains(line, "smuggled") {
					t.Errorf("the instance saw %q", lines)
				}
			}
		})
	}
}

// sendHTTP2 sends a request as it is, and reports whether 200 came back.
func sendHTTP2(t *testing.T, address string, fields []hpack.HeaderField, body string) bool {
	t.Helper()
	c := dialRaw(t, address)
	_, _ = io.WriteString(c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	framer.AllowIllegalWrites = true
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		if err := encoder.WriteField(f); err != nil {
			t.Fatal(err)
		}
	}
	_ = framer.WriteSettings() // a connection that is closed shows in the read
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == ""})
	if body != "" {
		_ = framer.WriteData(1, true, []byte(body))
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return false
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status") == "200"
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return false
		}
	}
}

// FuzzForwardedRequest parses what a client may send and forwards it: whoever
// reads that, in whichever way, must see one request, with the same target, and
// nothing after it.
func FuzzForwardedRequest(f *testing.F) {
	for _, a := range attacks {
		f.Add([]byte(a.wire()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil || !validTarget(in.RequestURI) || in.Method == http.MethodConnect || !httpguts.ValidHostHeader(in.Host) {
			return
		}
		for name, values := range in.Header { // net/http's server refuses these
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(strings.Join(values, "")) {
				return
			}
		}
		q := &request{in: in, out: []field{{"X-Request-Id", "r"}}}
		if in.ContentLength != 0 {
			if q.body, err = io.ReadAll(in.Body); err != nil {
				return
			}
			in.ContentLength, in.TransferEncoding = int64(len(q.body)), nil // as when it was read ahead
		}
		wire := appendRequest(nil, q)
		for _, byLength := range []bool{false, true} {
			n, rest := &naive{byLength: byLength}, bufio.NewReader(bytes.NewReader(wire))
			if err := n.next(rest); err != nil {
				t.Fatalf("%q is forwarded as %q, which cannot be read: %v", data, wire, err)
			}
			if more, _ := io.ReadAll(rest); len(more) > 0 {
				t.Fatalf("%q is forwarded as %q, with %q after it", data, wire, more)
			}
		}
		again, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil || again.Method != in.Method || again.ContentLength != in.ContentLength {
			t.Fatalf("%q is forwarded as %q: %v", data, wire, err)
		}
	})
}
