package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// StreamEvent is one of the things that an event stream tells.
type StreamEvent struct {
	Journal *davit.Event // something happened
	Live    *api.Live    // or: how the rollout is going
	Ended   bool         // Live is the last: the rollout has ended
	// Lost says that the server does not answer any more, and why; the stream
	// goes on when it does again.
	Lost error
}

// How long a stream tries to reach its server again, and how often.
const (
	streamPatience = 2 * time.Minute
	retryFirst     = 100 * time.Millisecond
	retryMost      = 2 * time.Second
)

// Events yields the events of a rollout from the one after number after on,
// until the rollout has ended. When the connection breaks it is made again:
// no event is lost, and none comes twice. The sequence ends with an error when
// ctx ends, when the server refuses, or when it stays away for two minutes.
func (c *Client) Events(ctx context.Context, rollout string, after int64) iter.Seq2[StreamEvent, error] {
	return func(yield func(StreamEvent, error) bool) {
		s := &stream{client: c, path: "/v1/rollouts/" + url.PathEscape(rollout) + "/events", after: after, yield: yield}
		s.run(ctx)
	}
}

// stream is an event stream over as many connections as it takes.
type stream struct {
	client *Client
	path   string
	after  int64
	yield  func(StreamEvent, error) bool

	lostAt time.Time // zero while connected
	delay  time.Duration
}

func (s *stream) run(ctx context.Context) {
	for {
		done, err := s.connection(ctx)
		switch {
		case done:
			return
		case ctx.Err() != nil:
			s.yield(StreamEvent{}, ctx.Err())
			return
		case davit.ErrorCode(err) != davit.CodeUnavailable:
			s.yield(StreamEvent{}, err)
			return
		}
		if s.lostAt.IsZero() {
			s.lostAt, s.delay = time.Now(), retryFirst
			if !s.yield(StreamEvent{Lost: err}, nil) {
				return
			}
		} else if time.Since(s.lostAt) > streamPatience {
			s.yield(StreamEvent{}, err)
			return
		}
		timer := time.NewTimer(s.delay)
		s.delay = min(2*s.delay, retryMost)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// connection reads one connection to its end. done says that nobody wants more.
func (s *stream) connection(ctx context.Context) (done bool, err error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.after > 0 {
		header.Set("Last-Event-ID", strconv.FormatInt(s.after, 10))
	}
	resp, err := s.client.send(ctx, http.MethodGet, s.path, nil, header)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close() //nolint:errcheck // streams end by being closed
	for events := newSSEReader(resp.Body); ; {
		m, err := events.next()
		if err != nil {
			return false, s.client.broken(err)
		}
		s.lostAt = time.Time{}
		if done, err := s.deliver(m); done || err != nil {
			return done, err
		}
	}
}

// deliver yields what a message tells. Names that it does not know are of a
// newer server and passed over.
func (s *stream) deliver(m message) (done bool, err error) {
	switch m.name {
	case api.StreamJournal:
		var e davit.Event
		number, err := m.number()
		if err = errors.Join(err, json.Unmarshal([]byte(m.data), &e)); err != nil {
			return false, fmt.Errorf("reading an event of %s: %w", s.client.server, err)
		}
		if number <= s.after { // seen on an earlier connection
			return false, nil
		}
		s.after = number
		return !s.yield(StreamEvent{Journal: &e}, nil), nil
	case api.StreamStatus, api.StreamEnd:
		var live api.Live
		if err := json.Unmarshal([]byte(m.data), &live); err != nil || live.Rollout == nil {
			return false, fmt.Errorf("reading a status of %s: %w", s.client.server, errors.Join(err, errors.ErrUnsupported))
		}
		ended := m.name == api.StreamEnd
		more := s.yield(StreamEvent{Live: &live, Ended: ended}, nil)
		return ended || !more, nil
	}
	return false, nil
}
