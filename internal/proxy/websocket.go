package proxy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// tunnel is an upgraded connection.
type tunnel struct {
	client       net.Conn
	fromClient   *bufio.Reader
	instance     net.Conn
	fromInstance *bufio.Reader
	webSocket    bool
	leaving      atomic.Bool
}

// goingAway is the close frame by which a server says that the client should
// come back to another (RFC 6455, 7.4.1: status 1001).
var goingAway = []byte{0x88, 2, 1001 >> 8, 1001 & 0xff}

// closeWait is how long the closing handshake of a WebSocket may take.
const closeWait = 5 * time.Second

// run copies both ways and returns the bytes that went to the client. An end of
// one direction is passed on, and leaves the other open; an error ends both.
func (t *tunnel) run() (down int64) {
	var up sync.WaitGroup
	up.Go(func() { _, _ = pump(t.instance, t.fromClient, t.client) })
	if t.webSocket {
		down = t.frames()
	} else {
		down, _ = pump(t.client, t.fromInstance, t.instance) // the count is for the log alone
	}
	up.Wait()
	return down
}

// leave ends the tunnel: a WebSocket between two frames, with a close frame;
// anything else at once.
func (t *tunnel) leave() {
	if !t.webSocket {
		_, _ = t.client.Close(), t.instance.Close() // the copying ends by this
		return
	}
	t.leaving.Store(true)
	_ = t.client.SetDeadline(time.Now().Add(2 * closeWait)) // one that does not answer is not waited for
	_ = t.instance.SetReadDeadline(aLongTimeAgo)            // wakes who waits for a frame
}

// frames passes on the instance's frames, so that a close frame can be put
// between two of them.
func (t *tunnel) frames() (sent int64) {
	for {
		n, err := t.frame()
		sent += n
		switch {
		case t.leaving.Load() && (err == nil || n == 0 && errors.Is(err, os.ErrDeadlineExceeded)):
			t.goAway()
			return sent
		case err == nil:
		case errors.Is(err, io.EOF) && n == 0 && closeWrite(t.client) == nil:
			return sent // what the client still sends goes on
		default:
			_, _ = t.client.Close(), t.instance.Close() // the other direction ends by this
			return sent
		}
	}
}

// frame passes on one frame. An error with n == 0 left the client between two.
func (t *tunnel) frame() (n int64, err error) {
	head, err := t.fromInstance.Peek(2)
	if err != nil {
		return 0, err
	}
	size, length := 2, uint64(head[1]&0x7f)
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if head, err = t.fromInstance.Peek(size); err != nil {
		return 0, err
	}
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		length = binary.BigEndian.Uint64(head[2:])
	}
	if head[1]&0x80 != 0 {
		size += 4 // a mask, which a server must not use; it is the client's to object
	}
	left := int64(size) + int64(min(length, 1<<62)) //nolint:gosec // bounded
	for woken := false; left > 0; {
		m, err := t.some(left)
		n, left = n+m, left-m
		switch {
		case err == nil:
		case !woken && t.leaving.Load() && errors.Is(err, os.ErrDeadlineExceeded):
			woken = true // this was not between two frames: the frame is sent to its end first
			_ = t.instance.SetReadDeadline(time.Now().Add(closeWait))
		default:
			return n, err
		}
	}
	return n, nil
}

// some passes on at most limit bytes: what is at hand, or else what comes.
func (t *tunnel) some(limit int64) (int64, error) {
	if held := min(int64(t.fromInstance.Buffered()), limit); held > 0 {
		b, _ := t.fromInstance.Peek(int(held)) // it is there
		n, err := t.client.Write(b)
		_, _ = t.fromInstance.Discard(n)
		return int64(n), err
	}
	n, err := io.CopyN(t.client, t.instance, limit) // in the kernel, where it can
	if err == io.EOF {                              //nolint:errorlint // CopyN returns it bare
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// goAway tells the client to come back, and lets the closing handshake, which
// goes on between client and instance, come to its end.
func (t *tunnel) goAway() {
	if _, err := t.client.Write(goingAway); err == nil {
		limit := time.Now().Add(closeWait)
		_, _ = t.client.SetReadDeadline(limit), t.instance.SetReadDeadline(limit)
		_, _ = io.Copy(io.Discard, t.instance) // nothing may follow a close frame
	}
	_, _ = t.client.Close(), t.instance.Close()
}

// closeWrite ends one direction of a connection, if it can end alone.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
