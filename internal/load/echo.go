package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// echo runs one WebSocket: every message has to come back.
func (s *Streams) echo(ctx context.Context, opened func()) error {
	dialing, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	conn, response, err := websocket.Dial(dialing, s.options.Target+s.options.WebSocketPath, &websocket.DialOptions{HTTPClient: s.http})
	if err != nil {
		return err
	}
	if response.Body != nil {
		defer response.Body.Close() //nolint:errcheck // the connection is the WebSocket's now
	}
	defer conn.CloseNow() //nolint:errcheck // it was closed before, or is given up
	opened()
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	said := make(chan said)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer conn.CloseNow() //nolint:errcheck // as above; it ends the reader
	reader.Go(func() { listen(reading, conn, said) })
	err = s.talk(ctx, conn, said)
	cancel()
	return err
}

// said is a message that came, or why none will.
type said struct {
	message string
	err     error
}

// listen reads all the time, so that the end of a WebSocket is noticed when it
// comes.
func listen(ctx context.Context, conn *websocket.Conn, to chan<- said) {
	for {
		_, message, err := conn.Read(ctx)
		select {
		case to <- said{string(message), err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// talk sends a numbered message in every tick and waits for it to come back.
func (s *Streams) talk(ctx context.Context, conn *websocket.Conn, from <-chan said) error {
	ticker := time.NewTicker(s.options.Every)
	defer ticker.Stop()
	silence := time.NewTimer(s.options.Silence)
	defer silence.Stop()
	n, waiting := 1, true
	writeErr := conn.Write(ctx, websocket.MessageText, []byte("1"))
	for {
		select {
		case got := <-from:
			switch {
			case got.err != nil:
				// A close frame that came says more than a write that failed.
				return ending(errors.Join(got.err, writeErr))
			case !waiting || got.message != strconv.Itoa(n):
				return fmt.Errorf("%q came back in place of %d", got.message, n)
			}
			waiting = false
			silence.Reset(s.options.Silence)
			s.count(func(f *StreamFigures) { f.Messages++ })
		case <-ticker.C:
			if waiting {
				continue
			}
			n, waiting = n+1, true
			writeErr = conn.Write(ctx, websocket.MessageText, []byte(strconv.Itoa(n)))
		case <-silence.C:
			return fmt.Errorf("nothing came for %s", s.options.Silence)
		case <-ctx.Done():
			return conn.Close(websocket.StatusNormalClosure, "")
		}
	}
}

// ending tells a close frame that says why from a connection that just ends.
func ending(err error) error {
	var closed websocket.CloseError
	if errors.As(err, &closed) && (closed.Code == websocket.StatusGoingAway || closed.Code == websocket.StatusNormalClosure) {
		return errEnded
	}
	return err
}
