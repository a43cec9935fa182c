package engine

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
)

// verdicts runs a judge until one of its reports is as wanted.
func firstVerdict(t *testing.T, kind string, g davit.Gate, s Subject, wanted davit.Outcome) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		Judges()[kind](ctx, g, s, func(o davit.Outcome, reason string, _ any) {
			if o == wanted {
				select {
				case found <- reason:
				default:
				}
			}
		})
	}()
	defer func() { cancel(); <-done }()
	select {
	case reason := <-found:
		return reason
	case <-ctx.Done():
		t.Fatalf("gate %s never said %s", g.Name, wanted)
		return ""
	}
}

func TestHTTPGateAsksEveryInstanceAndGoesOn(t *testing.T) {
	var ill atomic.Bool
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ill.Load() {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte("a compass"))
	}))
	defer web.Close()
	world := newWorld()
	subject := Subject{Release: &davit.Release{ID: "v2-1"}, Platform: Platform{Runtime: world, Router: world, Metrics: world}}
	world.instances["i1"] = &davit.Instance{
		ID: "i1", Release: "v2-1", Service: "web", Condition: davit.Ready, Address: strings.TrimPrefix(web.URL, "http://"),
	}
	check := func(status int, body string) davit.Gate {
		return davit.HTTPCheck("http", davit.HTTPParams{Service: "web", Path: "/", Status: status, Body: body, Timeout: davit.Duration(10 * time.Second), Retries: 1})
	}
	firstVerdict(t, davit.GateHTTP, check(200, "compass"), subject, davit.Pass)
	if got := firstVerdict(t, davit.GateHTTP, check(201, ""), subject, davit.Fail); !strings.Contains(got, "answered 200, want 201") {
		t.Errorf("another status: %s", got)
	}
	if got := firstVerdict(t, davit.GateHTTP, check(200, "sextant"), subject, davit.Fail); !strings.Contains(got, `without "sextant"`) {
		t.Errorf("another body: %s", got)
	}
	world.fault(func() { world.instances["i1"].Condition = davit.Starting })
	firstVerdict(t, davit.GateHTTP, check(200, ""), subject, davit.Inconclusive)
	world.fault(func() { world.instances["i1"].Condition = davit.Ready })

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	outcomes := make(chan davit.Outcome, 100)
	go func() {
		defer close(outcomes)
		judgeHTTP(ctx, check(200, ""), subject, func(o davit.Outcome, _ string, _ any) { outcomes <- o })
	}()
	if first := <-outcomes; first != davit.Pass {
		t.Fatalf("first answer is %s", first)
	}
	ill.Store(true)
	for o := range outcomes {
		if o == davit.Fail {
			cancel()
			return // it turned, and the loop ends with the channel
		}
	}
	t.Error("an instance that turned ill was not noticed")
}

// afar is a world whose instances cannot be dialled, and whose way to them may be
// closed.
type afar struct {
	*world
	between error
}

func (a afar) Carry(i davit.Instance) http.RoundTripper { return way{i, a.between} }

type way struct {
	to      davit.Instance
	between error
}

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.between != nil {
		return nil, w.between
	}
	rec := httptest.NewRecorder()
	_, _ = rec.WriteString(w.to.ID + " at " + r.URL.Host)
	return rec.Result(), nil
}

// An instance that cannot be dialled is asked as its platform carries requests, and
// what is wrong on the way is not its own fault.
func TestHTTPGateAsksByThePlatformsWay(t *testing.T) {
	gate := davit.HTTPCheck("http", davit.HTTPParams{Service: "web", Path: "/", Status: 200, Body: "i1 at pod.invalid:1", Timeout: davit.Duration(time.Second)})
	for _, c := range []struct {
		between error
		want    davit.Outcome
		says    string
	}{
		{nil, davit.Pass, "1 instances"},
		{errors.New("connection refused"), davit.Fail, "connection refused"},
		{&davit.Error{Code: davit.CodeRefused, Message: "asking is forbidden"}, davit.Inconclusive, "asking is forbidden"},
	} {
		w := newWorld()
		w.instances["i1"] = &davit.Instance{ID: "i1", Release: "v2-1", Service: "web", Condition: davit.Ready, Address: "pod.invalid:1"}
		subject := Subject{Release: &davit.Release{ID: "v2-1"}, Platform: Platform{Runtime: afar{w, c.between}, Router: w, Metrics: w}}
		if got := firstVerdict(t, davit.GateHTTP, gate, subject, c.want); !strings.Contains(got, c.says) {
			t.Errorf("with %v: %s", c.between, got)
		}
	}
}

func TestTrafficGates(t *testing.T) {
	errorGate := davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.05, MinRequests: 100})
	slowGate := davit.Latency("latency", davit.LatencyParams{Quantile: 0.9, Max: davit.Duration(100 * time.Millisecond), MinRequests: 100})
	for name, test := range map[string]struct {
		gate              davit.Gate
		requests, failing int64
		latency           time.Duration
		outcome           davit.Outcome
	}{
		"no request":                {errorGate, 0, 0, 0, davit.Inconclusive},
		"too few":                   {errorGate, 99, 0, time.Millisecond, davit.Inconclusive},
		"enough":                    {errorGate, 100, 5, time.Millisecond, davit.Pass},
		"too many failed":           {errorGate, 100, 6, time.Millisecond, davit.Fail},
		"too many for any number":   {errorGate, 6, 6, time.Millisecond, davit.Fail},
		"fast":                      {slowGate, 100, 0, 50 * time.Millisecond, davit.Pass},
		"slow":                      {slowGate, 100, 0, 200 * time.Millisecond, davit.Fail},
		"slow, but too few to tell": {slowGate, 99, 0, 200 * time.Millisecond, davit.Inconclusive},
		"within the resolution":     {slowGate, 100, 0, 101 * time.Millisecond, davit.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := newWorld()
				subject := Subject{Release: &davit.Release{ID: "v2-1"}, Platform: Platform{Runtime: world, Router: world, Metrics: world}}
				world.traffic("v2-1", 1000, 1000, time.Second) // from before: does not count
				ctx, cancel := context.WithCancel(t.Context())
				var last davit.Outcome
				done := make(chan struct{})
				go func() {
					defer close(done)
					Judges()[test.gate.Kind](ctx, test.gate, subject, func(o davit.Outcome, _ string, _ any) { last = o })
				}()
				synctest.Wait()
				world.traffic("v2-1", test.requests, test.failing, test.latency)
				synctest.Wait()
				cancel()
				<-done
				if last != test.outcome {
					t.Errorf("%s after %d requests of which %d failed, %s each; want %s", last, test.requests, test.failing, test.latency, test.outcome)
				}
			})
		})
	}
}

func TestTrafficGateSurvivesARestartedRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newWorld()
		subject := Subject{Release: &davit.Release{ID: "v2-1"}, Platform: Platform{Runtime: world, Router: world, Metrics: world}}
		world.traffic("v2-1", 1000, 0, time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		gate := davit.ErrorRate("errors", davit.ErrorsParams{MaxRate: 0.05, MinRequests: 100})
		var last davit.Outcome
		done := make(chan struct{})
		go func() {
			defer close(done)
			judgeErrors(ctx, gate, subject, func(o davit.Outcome, _ string, _ any) { last = o })
		}()
		synctest.Wait()
		world.fault(func() {
			world.figures.Boot = "b2"
			world.figures.Traffic = map[davit.ReleaseID]map[string]davit.Traffic{}
		})
		world.traffic("v2-1", 50, 50, time.Millisecond)
		synctest.Wait()
		cancel()
		<-done
		if last != davit.Fail {
			t.Errorf("50 failures after the restart: %s, want fail", last)
		}
	})
}

func TestUnknownGateIsInconclusive(t *testing.T) {
	got := make(chan davit.Verdict, 1)
	p := seat(t.Context(), Judges(), []davit.Gate{{Name: "moon", Kind: "moonphase"}}, Subject{}, time.Now, func(v davit.Verdict) { got <- v })
	defer p.dismiss()
	if v := <-got; v.Outcome != davit.Inconclusive {
		t.Errorf("verdict is %+v", v)
	}
}
