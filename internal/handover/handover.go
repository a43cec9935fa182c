// Package handover lets a running server put another program in its place. The
// server that leaves starts its successor as a child, gives it the sockets it
// listens on, and steps aside only when the successor says that it is prepared.
// A successor that ends, hangs or cannot take over is ended, and the server goes
// on as if it had never been asked.
//
//	the one that leaves                 its successor
//	starts the program, offers   →
//	                             ←      here: its version
//	                             ←      prepared: all is checked that can be checked
//	closes what only one may have
//	go                           →
//	                             ←      serving
//	exits
//
// When the one that leaves dies before it has said go, the successor ends: it
// cannot know what the other was about to do. After it, the successor goes on
// alone. Both say only what the other's version understands: see [Protocol].
package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Protocol numbers what the two say to each other. One who is asked by an older
// number answers as that one did; one who is asked by a number that it does not
// know says so, and the server that asked goes on.
const Protocol = 1

// variable tells a program that it is to take over, and by which descriptor it
// speaks to the one before it. The sockets follow it.
const variable = "DAVIT_HANDOVER"

// Offer is what a server tells its successor.
type Offer struct {
	Protocol int      `json:"protocol"`
	ID       string   `json:"id"`      // of the upgrade
	From     string   `json:"from"`    // version of the server that leaves
	Actor    string   `json:"actor"`   // who asked for it
	Proxy    bool     `json:"proxy"`   // the proxy is to be upgraded too
	Sockets  []string `json:"sockets"` // names of the sockets that come with the offer
}

// message is all that is said after the offer.
type message struct {
	Say      word   `json:"say"`
	Protocol int    `json:"protocol,omitempty"` // with here
	Version  string `json:"version,omitempty"`  // with here
	Error    string `json:"error,omitempty"`    // with failed: what happened
	Hint     string `json:"hint,omitempty"`     // with failed: what to do next
}

type word string

const (
	sayHere     word = "here"
	sayPrepared word = "prepared"
	sayGo       word = "go"
	sayServing  word = "serving"
	sayFailed   word = "failed"
)

// line is one end of the connection between the two.
type line struct {
	conn net.Conn
	in   *json.Decoder
	out  *json.Encoder
}

func newLine(f *os.File) (*line, error) {
	conn, err := net.FileConn(f) // a descriptor of its own
	if err != nil {
		return nil, fmt.Errorf("opening the connection between two servers: %w", errors.Join(err, f.Close()))
	}
	_ = f.Close() // conn has its own
	return &line{conn: conn, in: json.NewDecoder(conn), out: json.NewEncoder(conn)}, nil
}

// receive reads a value within a limit; 0 is none.
func (l *line) receive(v any, limit time.Duration) error {
	deadline := time.Time{}
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	return l.in.Decode(v)
}

// pair returns both ends of a new connection.
func pair() (ours, theirs *os.File, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting two servers: %w", err)
	}
	for _, fd := range ends {
		unix.CloseOnExec(fd)
	}
	return os.NewFile(uintptr(ends[0]), "successor"), os.NewFile(uintptr(ends[1]), "predecessor"), nil //nolint:gosec // descriptors are not negative
}
