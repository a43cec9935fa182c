package server_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/server"
)

// cutter passes connections on, and cuts each after a number of bytes.
type cutter struct {
	net.Listener
	bytes int

	mu   sync.Mutex
	cuts int
}

func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cutter: c, left: c.bytes}, nil
}

type cutConn struct {
	net.Conn
	cutter *cutter
	left   int
}

func (c *cutConn) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:c.left])
	c.cutter.mu.Lock()
	c.cutter.cuts++
	c.cutter.mu.Unlock()
	return n, errors.Join(err, net.ErrClosed, c.Close())
}

func TestEventsResumeWithoutLossOrDoubles(t *testing.T) {
	f, path := newFake(), socket(t)
	l := listenUnix(t, path)
	c := &cutter{Listener: l.Listener, bytes: 1777} // in the middle of an event as often as not
	l.Listener = c
	serve(t, f, nil, l)
	const total = 60
	f.happen(total / 2)
	var got []int64
	lost := 0
	for e, err := range dial(t, "unix:"+path, "").Events(t.Context(), "r1", 0) {
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Lost != nil:
			lost++
		case e.Journal != nil:
			got = append(got, e.Journal.Seq)
			if len(got) == total/2 { // the rest comes while the client listens
				f.happen(total / 2)
				f.change(func() { f.rollout.Phase = davit.Promoted })
			}
		case e.Ended && e.Live.Rollout.Phase != davit.Promoted:
			t.Errorf("ended as %s", e.Live.Rollout.Phase)
		}
	}
	want := make([]int64, total)
	for i := range want {
		want[i] = int64(i + 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %v", got)
	}
	if c.cuts < 2 || lost == 0 {
		t.Errorf("the connection was cut %d times and the client noticed %d: the test tests nothing", c.cuts, lost)
	}
}

func TestEventsFromANumberOn(t *testing.T) {
	f, c := start(t, nil)
	f.happen(5)
	f.change(func() { f.rollout.Phase = davit.RolledBack })
	var got []int64
	for e, err := range c.Events(t.Context(), "r1", 3) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Journal != nil {
			got = append(got, e.Journal.Seq)
		}
	}
	if !slices.Equal(got, []int64{4, 5}) {
		t.Errorf("events after 3: %v", got)
	}
}

func TestStatusEventsTellChanges(t *testing.T) {
	f, c := start(t, nil)
	var shares []int
	for e, err := range c.Events(t.Context(), "r1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Live == nil {
			continue
		}
		if n := len(shares); n > 0 && shares[n-1] == e.Live.Split["v2-b"] && !e.Ended {
			t.Errorf("status was sent again without a change: %v", e.Live)
		}
		shares = append(shares, e.Live.Split["v2-b"])
		f.change(func() {
			switch share := e.Live.Split["v2-b"]; {
			case share < 300:
				f.status.Split = davit.Split{"v1-a": davit.Whole - share - 100, "v2-b": share + 100}
			default:
				f.rollout.Phase = davit.Promoted
			}
		})
	}
	if !slices.Equal(shares, []int{0, 100, 200, 300, 300}) {
		t.Errorf("shares %v", shares)
	}
}

func TestStatusEventSaysWhatCannotBeSeen(t *testing.T) {
	f, c := start(t, nil)
	f.err = &davit.Error{Code: davit.CodeUnavailable, Message: "the proxy is away"}
	for e, err := range c.Events(t.Context(), "r1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Live == nil || len(e.Live.Troubles) != 1 || e.Live.Rollout.ID != "r1" {
			t.Errorf("status %+v", e.Live)
		}
		break
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	f, path := newFake(), socket(t)
	f.happen(1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	l := listenUnix(t, path)
	go func() { served <- server.New(quiet(t, f)).Serve(ctx, time.Minute, l) }()
	for e, err := range dial(t, "unix:"+path, "").Events(t.Context(), "r1", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Lost != nil {
			break // the stream did not keep the server from stopping
		}
		stop()
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestEventsOfNothing(t *testing.T) {
	_, c := start(t, nil)
	for _, err := range c.Events(t.Context(), "r9", 0) {
		if davit.ErrorCode(err) != davit.CodeNotFound {
			t.Errorf("error %v", err)
		}
	}
	away := dial(t, "unix:"+socket(t), "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for e, err := range away.Events(ctx, "r1", 0) {
		if e.Lost != nil {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("error %v", last)
	}
}
