package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// grpcPeer is a release's gRPC server: it says its name in each answer.
type grpcPeer struct {
	testpb.UnimplementedTestServiceServer
	name string
}

func (p grpcPeer) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return &testpb.SimpleResponse{Username: p.name}, nil
}

// FullDuplexCall answers each message that brings a payload, with its payload
// and the server's name. It sends no header before that.
func (p grpcPeer) FullDuplexCall(stream grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]) error {
	for {
		in, err := stream.Recv()
		if err == io.EOF { //nolint:errorlint // gRPC returns it bare
			return nil
		}
		if err != nil {
			return err
		}
		if body := in.GetPayload().GetBody(); len(body) > 0 {
			out := &testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: append([]byte(p.name+" "), body...)}}
			if err := stream.Send(out); err != nil {
				return err
			}
		}
	}
}

// grpcServer starts a gRPC server and returns its address.
func grpcServer(t *testing.T, name string) string {
	t.Helper()
	server := grpc.NewServer()
	testpb.RegisterTestServiceServer(server, grpcPeer{name: name})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// grpcClient returns a client with one connection to the front door.
func (r *rig) grpcClient() testpb.TestServiceClient {
	r.t.Helper()
	conn, err := grpc.NewClient(r.Addresses()[anyPort], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	return testpb.NewTestServiceClient(conn)
}

// conversation is an open call in which both sides send.
type conversation struct {
	grpc.BidiStreamingClient[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse]
}

func converse(ctx context.Context, client testpb.TestServiceClient) (conversation, error) {
	stream, err := client.FullDuplexCall(ctx)
	return conversation{stream}, err
}

// ask sends a text and returns what comes back.
func (c conversation) ask(text string) (string, error) {
	err := c.Send(&testpb.StreamingOutputCallRequest{Payload: &testpb.Payload{Body: []byte(text)}})
	if err != nil && err != io.EOF { //nolint:errorlint // gRPC returns it bare; why is said by Recv
		return "", err
	}
	return c.hear()
}

func (c conversation) hear() (string, error) {
	answer, err := c.Recv()
	return string(answer.GetPayload().GetBody()), err
}

// The calls of TestGRPCStreams: all kinds on each connection.
const (
	grpcConnections = 5
	grpcOfAKind     = 4 // on each connection
)

// TestGRPCStreams switches from one release to another under 60 open calls: they
// run on at the old one, are ended one after the other, and come back to the new
// one by the connections that they had.
func TestGRPCStreams(t *testing.T) {
	v1, v2 := grpcServer(t, "v1"), grpcServer(t, "v2")
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolH2C, v1))
	ctx := testContext(t)
	var (
		ended    ends
		clients  []testpb.TestServiceClient
		idle     []conversation
		opening  sync.WaitGroup
		switched = make(chan struct{})
	)
	kinds := []func(stream conversation) error{
		// It says something all the time: no answer gets lost before the end.
		func(stream conversation) error {
			first := true
			for n := 0; ; n++ {
				text := strings.Repeat("x", n%5000+1)
				got, err := stream.ask(text)
				if err == nil && got != "v1 "+text {
					t.Errorf("%d bytes came back of %d", len(got), len(text))
				}
				if first {
					opening.Done()
					first = false
				}
				if err != nil {
					return err
				}
			}
		},
		// It has said something, and is silent.
		func(stream conversation) error {
			_, err := stream.ask("hello")
			opening.Done()
			if err == nil {
				_, err = stream.hear()
			}
			return err
		},
		// It has asked, and was not answered yet: not even the header has come.
		func(stream conversation) error {
			err := stream.Send(&testpb.StreamingOutputCallRequest{})
			opening.Done()
			if err == nil {
				_, err = stream.hear()
			}
			return err
		},
	}
	for range grpcConnections {
		client := r.grpcClient()
		clients = append(clients, client)
		for range grpcOfAKind {
			for i, kind := range kinds {
				stream, err := converse(ctx, client)
				if err != nil {
					t.Fatal(err)
				}
				opening.Add(1)
				ended.wg.Go(func() {
					if err := kind(stream); status.Code(err) != codes.Unavailable {
						t.Errorf("stream %d ended with %v", i, err)
						return
					}
					ended.note()
					<-switched
					again, err := converse(ctx, client)
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := again.ask("again"); err != nil || got != "v2 again" {
						t.Errorf("the stream that was opened again got %q, %v", got, err)
					}
				})
			}
		}
		stream, err := converse(ctx, client)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.ask("hello"); err != nil {
			t.Fatal(err)
		}
		idle = append(idle, stream)
	}
	opening.Wait()
	eventually(t, "all calls are at the instance", func() bool {
		return r.inFlight() == grpcConnections*int64(len(kinds)*grpcOfAKind+1)
	})
	site := oneRelease(davit.ProtocolH2C, v1)
	site.Releases["v2"], site.Split, site.Stable = releaseAt(davit.ProtocolH2C, "v2", v2), davit.All("v2"), "v2"
	r.put(site)
	close(switched)
	for i, client := range clients {
		if res, err := client.UnaryCall(ctx, &testpb.SimpleRequest{}); err != nil || res.GetUsername() != "v2" {
			t.Errorf("a call after the switch was answered by %q, %v", res.GetUsername(), err)
		}
		// A stream from before goes on where it is, to its own end.
		if got, err := idle[i].ask("still"); err != nil || got != "v1 still" {
			t.Errorf("a stream after the switch got %q, %v", got, err)
		}
		_ = idle[i].CloseSend()
		if _, err := idle[i].hear(); err != io.EOF { //nolint:errorlint // as above
			t.Errorf("a stream that its client ended, ended with %v", err)
		}
	}
	began := time.Now()
	r.Drain(ctx, drainOf("v1", "", partLimit))
	ended.check(t, grpcConnections*grpcOfAKind*len(kinds), began)
	span, together := ended.spread()
	t.Logf("all ended within %v, at most %d of them within 100 ms", span, together)
	eventually(t, "nothing is in flight", func() bool { return r.Drain(ctx, drainOf("v1", "", 0)) == 0 })
}

// spread tells how the ends lie, for people.
func (e *ends) spread() (span time.Duration, together int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, from := range e.times {
		n := slices.IndexFunc(e.times[i:], func(at time.Time) bool { return at.Sub(from) > 100*time.Millisecond })
		if n < 0 {
			n = len(e.times) - i
		}
		together = max(together, n)
	}
	return e.times[len(e.times)-1].Sub(e.times[0]), together
}

// TestUnaryCallsAreNotToldToEnd lets calls that may change something go on past
// the time at which streams are told to end.
func TestUnaryCallsAreNotToldToEnd(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
		message, _ := io.ReadAll(r.Body)
		close(arrived)
		<-answer
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		_, _ = w.Write(message)
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolH2C, backend))
	client, ctx := r.grpcClient(), testContext(t)
	done := make(chan error, 1)
	go func() {
		_, err := client.UnaryCall(ctx, &testpb.SimpleRequest{})
		done <- err
	}()
	<-arrived
	if n := r.Drain(ctx, drainOf("v1", "", 50*time.Millisecond)); n != 1 {
		t.Errorf("%d calls remain at the limit, want 1", n)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestGRPCWebStreamsEndWithAStatus ends a stream whose protocol has its status in
// the body, in the middle of a piece, behind a whole message.
func TestGRPCWebStreamsEndWithAStatus(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		const message = "\x00\x00\x00\x00\x03abc"
		backend := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc-web+proto")
			control := http.NewResponseController(w)
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			_, _ = io.WriteString(w, message[:4])
			for r.Context().Err() == nil { // no piece ends with a message
				_, _ = io.WriteString(w, message[4:]+message[:4])
				_ = control.Flush()
				<-tick.C
			}
		})
		r := newRig(t)
		r.put(oneRelease(protocol, backend))
		res, err := newClient(t).Get(r.url("/"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		var all bytes.Buffer
		read := make(chan error, 1)
		go func() { _, err := all.ReadFrom(res.Body); read <- err }()
		r.Drain(testContext(t), drainOf("v1", "", 100*time.Millisecond))
		if err := <-read; err != nil {
			t.Error(err)
		}
		messages, ok := strings.CutSuffix(all.String(), "\x80\x00\x00\x00\x36grpc-status:14\r\ngrpc-message:this release is leaving\r\n")
		if !ok || strings.Trim(strings.ReplaceAll(messages, message, "."), ".") != "" {
			t.Errorf("it ended with %q", messages[max(0, len(messages)-100):])
		}
	})
}

// TestStreamingBodyIsRetriedElsewhere opens calls that go on sending, where most
// instances cannot be reached.
func TestStreamingBodyIsRetriedElsewhere(t *testing.T) {
	both(t, func(t *testing.T, protocol davit.Protocol) {
		alive := backendServer(t, func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprint(w, n, err)
		})
		for range 5 { // an instance is tried once and then left out
			r := newRig(t)
			r.put(oneRelease(protocol, deadAddress(t), alive, deadAddress(t)))
			in, out := io.Pipe()
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(out, strings.Repeat("x", 2*readAhead))
				sent <- errors.Join(err, out.Close())
			}()
			if res, got := exchangeWith(t, newClient(t), http.MethodPost, r.url("/"), in); got != "131072 <nil>" {
				t.Errorf("got %s %q", res.Status, got)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestResetStreamIsAnswered resets a call before its answer, when its client has
// more to send and sends nothing.
func TestResetStreamIsAnswered(t *testing.T) {
	backend := backendServer(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 5)) // the proxy waits for more to send then
		panic(http.ErrAbortHandler)
	})
	r := newRig(t)
	r.put(oneRelease(davit.ProtocolH2C, backend))
	stream, err := converse(testContext(t), r.grpcClient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.ask("hello"); status.Code(err) != codes.Unavailable {
		t.Errorf("the call ended with %v", err)
	}
}
