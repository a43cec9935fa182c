package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/davit-dev/davit"
)

// gate is a simulated front door: it deals by one split until a moment, and by
// another one from then on.
type gate struct {
	before, after davit.Split
	change        time.Time
	unmarked      bool // answers do not tell their release
	dealt         bool // answers tell by which routing they were dealt
	cookies       bool // answers have their user stay
	stays         bool // who comes back with a cookie meets the same release
	shuts         bool // who comes back is not answered
	err           error

	mu     sync.Mutex
	random *rand.Rand
	asked  int

	returned int // how often somebody came back to a door that is shut
}

// observer returns one that stands before the gate.
func (g *gate) observer() *observer {
	g.random = rand.New(rand.NewPCG(7, 7))
	o := &observer{known: map[string]davit.ReleaseID{}, targets: []target{{path: "/healthz", kind: httpRoute}}, marks: markings{httpRoute: backendMarks}}
	switch {
	case g.dealt:
		o.routing = "after"
	case g.unmarked:
		o.marks = nil
	}
	o.door = &door{base: &url.URL{Scheme: "http", Host: "shop.example.org"}, ask: g.ask}
	o.knows("a")
	o.knows("b")
	return o
}

func (g *gate) ask(_ context.Context, t target, release davit.ReleaseID) answer {
	<-time.After(2 * time.Millisecond) // simulated: the way there and back
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	split, by := g.before, "before"
	if !time.Now().Before(g.change) {
		split, by = g.after, "after"
	}
	id := dealt(g.random, split)()
	if release != "" {
		id = release
	}
	if t.cookie != "" && g.shuts {
		g.returned++
		return answer{err: errors.New("no answer")}
	}
	if home, ok := strings.CutPrefix(t.cookie, sessionCookie+"="); ok && g.stays {
		id = davit.ReleaseID(home)
	}
	a := answer{release: releaseMark(id), status: http.StatusOK, err: g.err}
	if len(split) == 0 && release == "" {
		a.release = ""
	}
	if g.cookies {
		a.cookie = sessionCookie + "=" + string(id)
	}
	switch {
	case g.dealt:
		a.routing = by
	case split == nil:
		a.status = http.StatusServiceUnavailable
	}
	if g.unmarked {
		a.release = ""
	}
	return a
}

func TestObserve(t *testing.T) {
	for _, c := range []struct {
		name   string
		gate   *gate
		wanted davit.Split
		late   time.Duration // when the Gateway acts
		within time.Duration // of that
		says   string        // effect
		fails  string
	}{
		{name: "canary", gate: &gate{before: between(0), after: between(50)}, wanted: between(50), within: 6 * time.Second, says: "seen at http://shop.example.org/healthz: "},
		{name: "all", gate: &gate{before: between(0), after: between(1000)}, wanted: between(1000), within: time.Second, says: "answers, "},
		{name: "a Gateway that takes its time", gate: &gate{before: between(0), after: between(1000)}, wanted: between(1000), late: 3 * time.Second, within: 6 * time.Second, says: "seen at"},
		{name: "the first release", gate: &gate{before: davit.Split{}, after: between(0)}, wanted: between(0), late: time.Second, within: time.Second, says: "seen at"},
		{name: "as it was", gate: &gate{before: between(500), after: between(500)}, wanted: between(500), within: 3 * time.Second, says: "seen at"},
		{name: "nothing", gate: &gate{}, wanted: davit.Split{}, says: "nothing is routed"},
		{name: "no marks", gate: &gate{after: between(50), unmarked: true}, wanted: between(50), within: settle + time.Second, says: "not observed: the front door cannot be observed: none of"},
		{name: "a routing's mark alone", gate: &gate{before: between(0), after: between(50), unmarked: true, dealt: true}, wanted: between(50), late: time.Second, within: time.Second, says: "238 answers in a row by this routing"},
		{name: "both marks", gate: &gate{before: between(100), after: between(50), dealt: true}, wanted: between(50), within: 6 * time.Second, says: " of b"},
		{name: "a routing's mark that does not come", gate: &gate{before: between(0), after: between(0), unmarked: true, dealt: true}, wanted: between(50), late: time.Hour, fails: "do not show it"},
		{name: "no front door", gate: &gate{after: between(50), err: errors.New("connection refused")}, wanted: between(50), within: settle + time.Second, says: "connection refused"},
		{name: "a Gateway that does not act", gate: &gate{before: between(0), after: between(0)}, wanted: between(1000), fails: "do not show it"},
		{name: "a Gateway that knows no weights", gate: &gate{before: between(0), after: between(500)}, wanted: between(50), fails: "do not show it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := c.gate.before
				if c.name == "as it was" {
					before = c.wanted
				}
				c.gate.change = time.Now().Add(c.late)
				began := c.gate.change
				effect, err := c.gate.observer().observe(t.Context(), before, c.wanted)
				if c.fails != "" {
					if davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), c.fails) {
						t.Errorf("%q, %v", effect, err)
					}
					return
				}
				if err != nil || !strings.Contains(effect, c.says) {
					t.Errorf("%q, %v", effect, err)
				}
				if took := time.Since(began); took > c.within {
					t.Errorf("it took %s after the Gateway had acted", took)
				}
				if c.gate.asked > maxAnswers+askers {
					t.Errorf("asked %d times", c.gate.asked)
				}
			})
		})
	}
}

// A release is left to itself when nobody is led to it any more, however late the
// Gateway notices; one that never does is told.
func TestSeeOff(t *testing.T) {
	for name, c := range map[string]struct {
		gate   *gate
		late   time.Duration // when the Gateway acts
		within time.Duration // of that
		fails  string
	}{
		"at once":                   {gate: &gate{before: between(0)}, within: time.Second},
		"late":                      {gate: &gate{before: between(0)}, late: 6 * time.Second, within: time.Second},
		"the other one serves":      {gate: &gate{before: between(0), after: between(1000)}, late: time.Second, within: time.Second},
		"never":                     {gate: &gate{before: between(0)}, late: time.Hour, fails: "answers at http://shop.example.org/healthz are from it"},
		"some are":                  {gate: &gate{before: between(0), after: between(900)}, fails: "are from it"},
		"answers that tell nothing": {gate: &gate{unmarked: true}, within: settle},
		"a door that is shut":       {gate: &gate{err: errors.New("connection refused")}, within: settle},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.gate.change = time.Now().Add(c.late)
				err := c.gate.observer().seeOff(t.Context(), "a")
				if c.fails != "" {
					if davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), c.fails) {
						t.Error(err)
					}
					return
				}
				if took := time.Since(c.gate.change); err != nil || took < 0 || took > c.within {
					t.Errorf("%v, %s after the Gateway had acted", err, took)
				}
			})
		})
	}
}

// A release gets no share before the Gateway reaches it, several times in a row.
func TestGreet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{after: between(0), change: time.Now().Add(2 * time.Second)}
		if err := g.observer().greet(t.Context(), "b"); err != nil || time.Now().Before(g.change) {
			t.Errorf("%v, %s early", err, time.Until(g.change))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g := &gate{change: time.Now()}
		err := g.observer().greet(t.Context(), "b")
		if davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), "answers 503") {
			t.Error(err)
		}
	})
}

// A front door that swallows what knocks costs little time, and holds nobody up.
func TestSilentDoor(t *testing.T) {
	silent := func() *observer {
		o := (&gate{}).observer()
		o.door.ask = func(ctx context.Context, _ target, _ davit.ReleaseID) answer {
			ctx, cancel := context.WithTimeout(ctx, askLimit)
			defer cancel()
			<-ctx.Done()
			return answer{err: ctx.Err()}
		}
		return o
	}
	for name, do := range map[string]func(*testing.T, *observer){
		"reach": func(t *testing.T, o *observer) {
			if o.reach(t.Context()); o.door != nil || !strings.Contains(o.absent, "cannot be reached") {
				t.Errorf("there is a door, %q", o.absent)
			}
		},
		"greet": func(t *testing.T, o *observer) {
			if err := o.greet(t.Context(), "b"); err != nil {
				t.Error(err)
			}
		},
		"observe": func(t *testing.T, o *observer) {
			effect, err := o.observe(t.Context(), between(0), between(50))
			if err != nil || !strings.Contains(effect, "not observed") {
				t.Errorf("%q, %v", effect, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				do(t, silent())
				if took := time.Since(began); took > observeFor {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// Calls are asked for in gRPC's own words, and one that reached nobody shows.
func TestDoorOfCalls(t *testing.T) {
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		asked, _ := metadata.FromIncomingContext(ctx)
		if err := grpc.SetHeader(ctx, metadata.Pairs(releaseHeader, "for "+strings.Join(asked.Get(releaseHeader), " "))); err != nil {
			t.Error(err)
		}
		return handler(ctx, request)
	}))
	checks := health.NewServer()
	healthpb.RegisterHealthServer(server, checks)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() { server.Stop(); <-served }()
	d := newDoor("http://" + listener.Addr().String())
	for call, want := range map[string]answer{
		harmless("/"):            {release: "for v2", status: http.StatusOK},
		harmless("/shop.Orders"): {status: http.StatusOK}, // nobody has it
	} {
		if got := d.ask(t.Context(), target{host: "calls.example.org", path: call, kind: grpcRoute}, "v2"); got != want {
			t.Errorf("%s: %+v, want %+v", call, got, want)
		}
	}
	gone := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Header.Get("Content-Type") != "application/grpc" {
			t.Errorf("%s %v", r.Proto, r.Header)
		}
		w.Header().Set("Grpc-Status", "14")
	}))
	gone.Config.Protocols = new(http.Protocols)
	gone.Config.Protocols.SetUnencryptedHTTP2(true)
	gone.Start()
	defer gone.Close()
	if got := newDoor(gone.URL).ask(t.Context(), target{path: harmless("/"), kind: grpcRoute}, ""); !unreached(got.status) {
		t.Errorf("%+v", got)
	}
}

func TestDoor(t *testing.T) {
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		if r.Host != "shop.example.org" || r.Header.Get(davit.WitnessHeader) == "" || r.Method != http.MethodGet {
			t.Errorf("%s %s with %v", r.Method, r.Host, r.Header)
		}
		w.Header().Set(releaseHeader, "for "+r.Header.Get(releaseHeader))
		w.Header().Set("Location", "http://elsewhere.example.org/")
		w.WriteHeader(http.StatusFound)
		fmt.Fprint(w, "moved")
	}))
	defer server.Close()
	d := newDoor(server.URL)
	to := target{host: "shop.example.org", path: "/healthz", kind: httpRoute}
	for range 2 {
		if got := d.ask(t.Context(), to, "v2"); got != (answer{release: "for v2", status: http.StatusFound}) {
			t.Errorf("%+v", got)
		}
	}
	if len(connections) != 2 {
		t.Errorf("%d connections, want one for each request", len(connections))
	}
	server.Close()
	if got := d.ask(t.Context(), to, ""); got.err == nil {
		t.Error("a door that is closed answers")
	}
	if newDoor("") != nil || newDoor("%zz") != nil {
		t.Error("a door without an address")
	}
}
