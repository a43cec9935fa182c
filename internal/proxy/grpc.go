package proxy

import (
	"encoding/binary"
	"net/http"
	"strings"
)

// Content types begin with these. gRPC-Web says its status in a last message of
// the body; its text form is base64, in which the proxy looks for no messages.
const (
	grpcType    = "application/grpc"
	grpcWeb     = grpcType + "-web"
	grpcWebText = grpcWeb + "-text"
)

func isGRPC(header http.Header) bool {
	return strings.HasPrefix(header.Get("Content-Type"), grpcType)
}

// What a call is told that ends because its release leaves. The status is
// UNAVAILABLE: clients may call again.
const (
	grpcUnavailable = "14"
	grpcLeaving     = "this release is leaving"
)

// unanswered lets a gRPC call be told to end while it waits for its answer's
// header, which an instance that has nothing to say yet does not send. A call
// is a stream for certain only as long as its client has more to send; one that
// may be unary is left to its end. answered is to be called when the wait is over.
func (u *h2c) unanswered(f *h2cFlow) (answered func()) {
	if !f.q.stream || !isGRPC(f.q.in.Header) {
		return func() {}
	}
	return u.streams.add(func() {
		if !f.sent.Load() {
			f.parted.Store(true)
			f.cancel()
		}
	})
}

// callAgain answers a gRPC call that was told to end before its instance
// answered.
func (c *call) callAgain() {
	out := c.w.Header()
	out["Content-Type"] = c.r.Header["Content-Type"]
	out["Grpc-Status"], out["Grpc-Message"] = []string{grpcUnavailable}, []string{grpcLeaving}
	c.own(out)
	c.answered(http.StatusOK)
	c.w.WriteHeader(http.StatusOK)
}

// part ends an answer that was told to end, so that the client calls again.
func (c *call) part(a *answer) {
	switch {
	case strings.HasPrefix(a.Header.Get("Content-Type"), grpcWeb):
		const status = "grpc-status:" + grpcUnavailable + "\r\ngrpc-message:" + grpcLeaving + "\r\n"
		last := binary.BigEndian.AppendUint32([]byte{0x80}, uint32(len(status)))
		_, _ = c.w.Write(append(last, status...)) // a client that is gone needs no status
	case isGRPC(a.Header):
		out := c.w.Header()
		out[http.TrailerPrefix+"Grpc-Status"] = []string{grpcUnavailable}
		out[http.TrailerPrefix+"Grpc-Message"] = []string{grpcLeaving}
	}
}

// grpcMessages finds the ends of gRPC's messages: each has a flag and its length
// in four bytes before it.
type grpcMessages struct {
	prefix [5]byte
	have   int // bytes of the prefix
	left   int // bytes of the message
}

func (m *grpcMessages) passed(piece []byte) { m.walk(piece) }

func (m *grpcMessages) last(piece []byte) int {
	ahead := *m
	return ahead.walk(piece)
}

// walk goes over a piece and returns where the last end of a message is.
func (m *grpcMessages) walk(piece []byte) (at int) {
	at = -1
	for i := 0; ; {
		if m.have == 0 && m.left == 0 {
			at = i
		}
		switch rest := piece[i:]; {
		case len(rest) == 0:
			return at
		case m.left > 0:
			n := min(m.left, len(rest))
			m.left, i = m.left-n, i+n
		default:
			n := copy(m.prefix[m.have:], rest)
			if m.have, i = m.have+n, i+n; m.have == len(m.prefix) {
				m.have, m.left = 0, int(binary.BigEndian.Uint32(m.prefix[1:]))
			}
		}
	}
}
