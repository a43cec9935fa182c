package load

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
	"pgregory.net/rapid"
)

// pipes is a listener whose connections are pipes in memory, so that server
// and generator share the simulated time of a synctest bubble.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, open := <-p.conns
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// simulate runs a generator against a handler for a simulated time.
func simulate(t *testing.T, length time.Duration, o Options, handler http.HandlerFunc, during func(*Generator)) Snapshot {
	t.Helper()
	p := pipes{make(chan net.Conn)}
	server := &http.Server{Handler: handler} //nolint:gosec // its only client is the generator
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(p) // ends with the listener
	}()
	o.Target, o.Dial, o.ReleaseHeader = "http://pipe:1", p.dial, "Release"
	if o.Mix == nil {
		o.Mix = []Request{{Method: http.MethodGet, Path: "/", Weight: 1}}
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), length-5*time.Millisecond) // between two requests
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if during != nil {
			during(g)
		}
	}()
	g.Run(ctx)
	<-watched
	close(p.conns)
	<-served
	_ = server.Close()
	return g.Snapshot()
}

func after(d time.Duration) { <-time.After(d) }

func TestLongestGapIsTheOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		outage := func() bool { at := time.Since(start); return at >= 3*time.Second && at < 3700*time.Millisecond }
		handler := func(w http.ResponseWriter, _ *http.Request) {
			if outage() {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
		var before, within Snapshot
		s := simulate(t, 10*time.Second, Options{Rate: 100}, handler, func(g *Generator) {
			after(2005 * time.Millisecond) // between two requests
			before = g.Mark()
			after(3 * time.Second)
			within = g.Snapshot().Since(before)
		})
		if s.Sent != 1000 || s.Lost[ServerError] != 70 || s.TotalLost() != 70 || s.Answered != 930 {
			t.Errorf("sent %d, answered %d, lost %v; want 1000, 930 and 70", s.Sent, s.Answered, s.Lost)
		}
		// The last success is the request of 2.99 s, the next that of 3.70 s.
		if want := 710 * time.Millisecond; s.LongestGap != want {
			t.Errorf("longest gap %s, want %s", s.LongestGap, want)
		}
		if before.LongestGap > 20*time.Millisecond {
			t.Errorf("longest gap before the outage %s", before.LongestGap)
		}
		if within.LongestGap != 710*time.Millisecond || within.Lost[ServerError] != 70 || within.Sent != 300 {
			t.Errorf("the window has a gap of %s, lost %v, sent %d", within.LongestGap, within.Lost, within.Sent)
		}
		if r := within.Releases[""]; r.Failed != 70 || r.FirstFailed.Sub(start) != 3*time.Second || r.LastFailed.Sub(start) != 3690*time.Millisecond {
			t.Errorf("failures are %+v", r)
		}
		if s.Behind() {
			t.Error("the generator claims to be behind")
		}
	})
}

func TestAnOpenGapCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var during Snapshot
		s := simulate(t, 4*time.Second, Options{Rate: 100}, func(w http.ResponseWriter, _ *http.Request) {
			if time.Since(start) >= time.Second {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, func(g *Generator) {
			after(2505 * time.Millisecond)
			during = g.Snapshot()
		})
		if want := 1515 * time.Millisecond; during.LongestGap != want {
			t.Errorf("1.5 s into the outage the longest gap is %s, want %s", during.LongestGap, want)
		}
		if want := 3005 * time.Millisecond; s.LongestGap != want {
			t.Errorf("at the end the longest gap is %s, want %s", s.LongestGap, want)
		}
	})
}

func TestAGapBeforeTheMarkIsNotTheWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var window Snapshot
		simulate(t, 5*time.Second, Options{Rate: 100}, func(w http.ResponseWriter, _ *http.Request) {
			if at := time.Since(start); at > time.Second && at < 2*time.Second {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, func(g *Generator) {
			after(3005 * time.Millisecond)
			mark := g.Mark()
			after(time.Second)
			window = g.Snapshot().Since(mark)
		})
		if window.LongestGap > 20*time.Millisecond || window.TotalLost() != 0 || len(window.Samples) != 0 || window.Answered != 100 {
			t.Errorf("the window after the outage is %+v", window)
		}
		if !window.Releases[""].FirstFailed.IsZero() {
			t.Error("the window has a first failure")
		}
	})
}

func TestAStallIsInTheLatencyOfAllThatWereDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := simulate(t, 10*time.Second, Options{Rate: 100}, func(_ http.ResponseWriter, r *http.Request) {
			if at := time.Since(start); at >= 5*time.Second && at < 6*time.Second {
				select {
				case <-time.After(6*time.Second - at):
				case <-r.Context().Done():
				}
			}
		}, nil)
		slow := int64(0)
		for i, n := range s.Latency {
			if i > davit.Bucket(200*time.Millisecond) {
				slow += n
			}
		}
		// Of the 100 requests that were due in the stall those of its first
		// 800 ms waited longer than 200 ms; a closed loop would show one.
		if slow < 70 || slow > 90 || s.TotalLost() != 0 {
			t.Errorf("%d slow answers, lost %v; want about 80 and none", slow, s.Lost)
		}
		if s.LongestGap != 1010*time.Millisecond {
			t.Errorf("longest gap %s, want 1.01s", s.LongestGap)
		}
	})
}

func TestTheGeneratorSaysWhenItIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, 2*time.Second, Options{Rate: 100, InFlight: 1}, func(http.ResponseWriter, *http.Request) {
			after(100 * time.Millisecond)
		}, nil)
		if s.Sent+s.Unsent != 200 || s.Sent > 21 || !s.Behind() {
			t.Errorf("sent %d, unsent %d, behind %v", s.Sent, s.Unsent, s.Behind())
		}
	})
	late := Snapshot{Sent: 1000, Late: 11}
	if !late.Behind() || (Snapshot{Sent: 1000, Late: 10}).Behind() {
		t.Error("more than one in a hundred late is behind, one is not")
	}
}

func TestMixIsAsWeighted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, 4*time.Second, Options{Rate: 1000, Prefix: "m", Mix: []Request{
			{Method: http.MethodGet, Path: "/a", Weight: 3}, {Method: http.MethodGet, Path: "/never"},
			{Method: http.MethodPost, Path: "/b", Body: "{key}", Expect: "", Weight: 1},
		}}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Release", fmt.Sprint(r.Method, r.URL.Path))
		}, nil)
		posts := s.Releases["POST/b"].Answered
		if share := float64(posts) / float64(s.Sent); share < 0.22 || share > 0.28 || s.Releases["GET/a"].Answered+posts != s.Sent {
			t.Errorf("of %d requests: %v", s.Sent, s.Releases)
		}
	})
}

func TestPeaksTellTheLongestAfterAnyMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 100).Draw(t, "lengths")
		var p peaks
		epoch := time.Unix(0, 0)
		for i, l := range lengths {
			p.add(epoch.Add(time.Duration(i)), time.Duration(l))
		}
		from := rapid.IntRange(-1, len(lengths)).Draw(t, "from")
		want := 0
		for i, l := range lengths {
			if i > from {
				want = max(want, l)
			}
		}
		if got := p.after(epoch.Add(time.Duration(from))); got != time.Duration(want) {
			t.Fatalf("longest after %d of %v is %d, want %d", from, lengths, got, want)
		}
	})
}
