package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// A proxy gives its place to another over a connection to its control socket:
//
//	the one that has the place          the one that comes
//	                             ←      POST /takeover
//	the bequest, with sockets    →
//	                             ←      ready: it could serve
//	go                           →
//	                                    moves its control socket over the other's
//	                             ←      done: it accepts
//	accepts nothing more
//	what it counted              →
//
// The control socket tells whose the place is. Should one of both die, the other
// sees it there: before it has moved, the old one goes on as if nothing had been
// asked; after it, the new one serves alone. The lock on the directory is given
// with the sockets, so that nobody comes in between.

// bequest is what a proxy gives to the one that takes its place. With it come the
// listeners, in their order, and the lock on the directory.
type bequest struct {
	Protocol  int      `json:"protocol"`
	ID        string   `json:"id"`
	Boot      string   `json:"boot"`
	Table     *Table   `json:"table"`
	Listeners []string `json:"listeners"` // addresses, as the table names them
	Legacy    legacy   `json:"legacy"`    // as it is when the offer is made
}

// word is what is said on the connection after the bequest.
type word struct {
	Say    string  `json:"say"`
	Legacy *legacy `json:"legacy,omitempty"` // with counted: as it is when the place is another's
	Error  string  `json:"error,omitempty"`  // with no
}

const (
	sayReady   = "ready"
	sayGo      = "go"
	sayNo      = "no" // and why
	sayDone    = "done"
	sayCounted = "counted"
)

// takeoverProtocol names the connection in HTTP's Upgrade field.
const takeoverProtocol = "davit-takeover"

// takeoverLimit is how long each side may take for a step.
const takeoverLimit = 10 * time.Second

// talk is one end of the connection.
type talk struct {
	conn *net.UnixConn
	in   *json.Decoder
	out  *json.Encoder
}

func newTalk(conn *net.UnixConn) *talk {
	return &talk{conn: conn, in: json.NewDecoder(conn), out: json.NewEncoder(conn)}
}

func (t *talk) say(w word) error {
	_ = t.conn.SetWriteDeadline(time.Now().Add(takeoverLimit)) // its failing shows in the write
	return t.out.Encode(w)
}

// hear returns nil when the other side says what is wanted.
func (t *talk) hear(want string) (w word, err error) {
	_ = t.conn.SetReadDeadline(time.Now().Add(takeoverLimit)) // its failing shows in the read
	if err := t.in.Decode(&w); err != nil {
		return w, err
	}
	if w.Say == sayNo {
		return w, &refused{w.Error}
	}
	if w.Say != want {
		return w, fmt.Errorf("it said %q, want %q", w.Say, want)
	}
	return w, nil
}

// refused is why the other side will not go on.
type refused struct{ why string }

func (r *refused) Error() string { return r.why }

// maxFiles is how many descriptors the kernel passes at once.
const maxFiles = 253

// sendFiles passes descriptors to the other side, with one byte to carry them.
func sendFiles(conn *net.UnixConn, fds []int) error {
	if len(fds) > maxFiles {
		return fmt.Errorf("%d listeners are more than can be given at once (%d)", len(fds)-1, maxFiles-1)
	}
	_, _, err := conn.WriteMsgUnix([]byte{'.'}, syscall.UnixRights(fds...), nil)
	return err
}

// receiveFiles returns what sendFiles has passed.
func receiveFiles(conn *net.UnixConn) ([]*os.File, error) {
	carrier, rights := make([]byte, 1), make([]byte, syscall.CmsgSpace(4*maxFiles))
	_ = conn.SetReadDeadline(time.Now().Add(takeoverLimit)) // its failing shows in the read
	_, n, _, _, err := conn.ReadMsgUnix(carrier, rights)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:n])
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "given")) //nolint:gosec // a descriptor is not negative
		}
	}
	if len(files) == 0 {
		return nil, errors.New("no sockets came with the bequest")
	}
	return files, nil
}
