package live

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// releaseHeader chooses a release at the front door, which says in its answer
// which one it was.
const releaseHeader = "Davit-Release"

// quiet is for how long users must have sent nothing to the candidate before
// requests are made up.
const quiet = 5 * time.Second

// synthetic sends the same request to both releases, through the front door.
type synthetic struct {
	params  davit.AnalysisParams
	url     string
	ids     [2]davit.ReleaseID // stable, candidate
	client  *http.Client
	needed  atomic.Bool // users send none
	now     func() time.Time
	mu      sync.Mutex
	samples [2]davit.Sample
	trouble error // why requests do not reach the release that they are for
}

func newSynthetic(p davit.AnalysisParams, s Subject, now func() time.Time) *synthetic {
	y := &synthetic{params: p, ids: [2]davit.ReleaseID{s.stable(), s.Release.ID}, now: now, client: &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			// It is Davit's own front door on this host, under whatever name its
			// certificate has.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	switch front := s.Release.Config.Front; {
	case front.Address != "":
		y.url = strings.TrimSuffix(front.Address, "/") + p.Synthetic.Path
	case len(front.Listen) > 0:
		y.url = frontURL(front.Listen[0]) + p.Synthetic.Path
	}
	return y
}

// frontURL returns the base URL at which a listener is reached from this host.
func frontURL(l davit.Listener) string {
	scheme := "http"
	if l.Cert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		return scheme + "://" + l.Address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// start sends requests while they are needed, until ctx ends or it is told to
// stop, which waits for those that are under way.
func (y *synthetic) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var senders sync.WaitGroup
	for i := range y.ids {
		senders.Go(func() { y.send(ctx, i) })
	}
	return func() {
		cancel()
		senders.Wait()
		y.client.CloseIdleConnections()
	}
}

func (y *synthetic) send(ctx context.Context, to int) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / y.params.Synthetic.Rate))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if y.needed.Load() {
			y.ask(ctx, to)
		}
	}
}

// ask sends one request and counts its answer.
func (y *synthetic) ask(ctx context.Context, to int) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, y.url, http.NoBody)
	if err != nil {
		y.say(err)
		return
	}
	req.Header.Set(releaseHeader, string(y.ids[to]))
	req.Host = y.params.Synthetic.Host
	began := y.now()
	res, err := y.client.Do(req)
	took := y.now().Sub(began)
	if ctx.Err() != nil {
		return
	}
	failed := err != nil
	if err == nil {
		_, copyErr := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
		_ = res.Body.Close()
		failed = copyErr != nil || res.StatusCode >= http.StatusInternalServerError
		if got := res.Header.Get(releaseHeader); got != string(y.ids[to]) {
			y.say(fmt.Errorf("a request for %s was not answered as chosen: let preview allow this host", y.ids[to]))
			return
		}
	}
	y.say(nil)
	y.count(to, failed, took)
}

func (y *synthetic) count(to int, failed bool, took time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.samples[to].Requests++
	y.samples[to].Latency.Observe(took)
	if failed {
		y.samples[to].Failures++
	}
}

func (y *synthetic) say(err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.trouble = err
}

// sent returns how many requests each release answered, at least.
func (y *synthetic) sent() int64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	return min(y.samples[0].Requests, y.samples[1].Requests)
}

// look returns what was counted, and why nothing is when there is trouble.
func (y *synthetic) look(limits []limit) (analysis.Look, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return analysis.Look{Epoch: "synthetic", Stable: countsOf(y.samples[0], limits), Candidate: countsOf(y.samples[1], limits)}, y.trouble
}

// stand counts what users ask, and, while they ask nothing, what is made up. The
// two are never counted together: they are dealt to releases in other parts.
type stand struct {
	users     Source
	synthetic *synthetic
	limits    []limit
	requests  int64 // of users to the candidate, as last counted
	since     time.Time
}

// Lacks is as of the users' source, which finds the limits of both.
func (s *stand) Lacks() string { return s.users.Lacks() }

func (s *stand) Every() time.Duration { return s.users.Every() }

func (s *stand) String() string {
	return s.users.String() + ", synthetic requests when users send none"
}

func (s *stand) Read(ctx context.Context) (analysis.Look, error) {
	look, err := s.users.Read(ctx)
	if err != nil {
		return look, err
	}
	now := s.synthetic.now()
	if s.since.IsZero() || look.Candidate.Requests != s.requests {
		s.requests, s.since = look.Candidate.Requests, now
	}
	needed := now.Sub(s.since) >= quiet
	s.synthetic.needed.Store(needed)
	if needed {
		return s.synthetic.look(s.limits)
	}
	return look, nil
}
