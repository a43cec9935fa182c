package main

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // RFC 6455 asks for it, and no secret hangs on it
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// tick is how often the event stream says something.
const tick = 500 * time.Millisecond

// handleEvents streams numbered server-sent events until the client goes or ctx
// ends.
func handleEvents(ctx context.Context) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		control := http.NewResponseController(w)
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for n := 1; ; n++ {
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", n, version); err != nil || control.Flush() != nil {
				return // the client has gone
			}
			select {
			case <-ticker.C:
			case <-r.Context().Done():
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

// farewell is how long a client may take to end its WebSocket when it is asked to.
const farewell = time.Second

// The parts of RFC 6455 that an echo needs.
const (
	acceptGUID  = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // section 1.3
	opClose     = 0x8
	opPing      = 0x9
	opPong      = 0xA
	final       = 0x80
	masked      = 0x80
	longest     = 125  // bytes of a message: a length of one byte
	goingAway   = 1001 // section 7.4.1
	frameHeader = 2
)

// handleEcho is a WebSocket that sends every message back, up to 125 bytes in one
// frame. When ctx ends it says that it is going away, and waits a moment for the
// client to say so too. Those that are open are counted.
func handleEcho(ctx context.Context, open *sync.WaitGroup) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Done()
		key := r.Header.Get("Sec-WebSocket-Key")
		if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" {
			http.Error(w, "this is a WebSocket", http.StatusUpgradeRequired)
			return
		}
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, "the connection cannot be upgraded", http.StatusInternalServerError)
			return
		}
		defer conn.Close()                        //nolint:errcheck // the client was told, or has gone
		sum := sha1.Sum([]byte(key + acceptGUID)) //nolint:gosec // as above
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\nShop-Version: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]), version)
		e := &echo{out: conn, in: buffered.Reader}
		stop := context.AfterFunc(ctx, func() {
			_ = e.send(opClose, binary.BigEndian.AppendUint16(nil, goingAway)) // the client ends the connection then
			_ = conn.SetReadDeadline(time.Now().Add(farewell))                 // or does not
		})
		defer stop()
		for err == nil {
			err = e.turn()
		}
	}
}

// echo is an open WebSocket.
type echo struct {
	in  *bufio.Reader
	mu  sync.Mutex // orders what is sent
	out io.Writer
}

// turn answers one frame. It returns an error when the connection is over.
func (e *echo) turn() error {
	var header [frameHeader]byte
	if _, err := io.ReadFull(e.in, header[:]); err != nil {
		return fmt.Errorf("reading a frame: %w", err)
	}
	length := int(header[1] &^ masked)
	if header[1]&masked == 0 || length > longest || header[0]&final == 0 {
		return fmt.Errorf("a frame is not as this echo takes it: % x", header)
	}
	frame := make([]byte, 4+length) // the mask comes first
	if _, err := io.ReadFull(e.in, frame); err != nil {
		return fmt.Errorf("reading a frame: %w", err)
	}
	mask, payload := frame[:4], frame[4:]
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	switch op := header[0] &^ final; op {
	case opClose:
		_ = e.send(opClose, payload) // the client is leaving, and may have left
		return io.EOF
	case opPing:
		return e.send(opPong, payload)
	case opPong:
		return nil
	default:
		return e.send(op, payload)
	}
}

func (e *echo) send(op byte, payload []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, err := e.out.Write(append([]byte{final | op, byte(len(payload))}, payload...)) //nolint:gosec // at most 125
	return err
}
