package proxy

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/davit-dev/davit"
)

// served is a whole proxy inside the test, as a process has it, with a client.
type served struct {
	*Client
	t    *testing.T
	dir  string
	stop func() error
}

// serve runs a proxy in dir until the test ends or stop is called.
func serve(t *testing.T, dir string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &served{Client: NewClient(dir), t: t, dir: dir}
	var (
		run  sync.WaitGroup
		err  error
		logs = &testLog{t: t}
	)
	run.Go(func() {
		err = Run(ctx, Options{Dir: dir, Version: "test", Drain: patience, Stdout: logs, Stderr: logs})
	})
	s.stop = sync.OnceValue(func() error { cancel(); run.Wait(); return err })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("the proxy ended: %v", err)
		}
	})
	eventually(t, "the proxy answers", func() bool { _, err := s.Status(ctx); return err == nil })
	return s
}

func (s *served) url() string {
	s.t.Helper()
	status, err := s.Status(testContext(s.t))
	if err != nil {
		s.t.Fatal(err)
	}
	return "http://" + status.Addresses[anyPort]
}

func TestControl(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx := testContext(t)
	if table, err := s.Table(ctx); err != nil || table.Number != 0 {
		t.Errorf("at first: table %v, %v", table, err)
	}
	site := oneRelease("", backendServer(t, says("ok")))
	if err := s.Apply(ctx, &Table{Number: 3, Key: testKey, Sites: []Site{site}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(ctx, &Table{Number: 2, Key: testKey}); !errors.Is(err, ErrStale) || davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("an older table: %v", err)
	}
	if err := s.Apply(ctx, &Table{Number: 4}); davit.ErrorCode(err) != davit.CodeInvalid {
		t.Errorf("a table without a key: %v", err)
	}
	exchangeWith(t, newClient(t), http.MethodGet, s.url(), nil)
	figures, err := s.Figures(ctx)
	if err != nil || figures.Site("shop/test").Release("v1").Requests != 1 || figures.Table != 3 {
		t.Errorf("figures: %+v, %v", figures, err)
	}
	var metrics strings.Builder
	if err := s.Metrics(ctx, &metrics); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`davit_proxy_requests_total{class="2xx",release="v1",service="web",site="shop/test"} 1`,
		`davit_proxy_latency_seconds_count{release="v1",service="web",site="shop/test"} 1`,
		`davit_proxy_instance_ejected{instance="v1-web-a",release="v1",service="web",site="shop/test"} 0`,
		`davit_proxy_table_number 3`,
	} {
		if !strings.Contains(metrics.String(), line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if n, err := s.Drain(ctx, DrainRequest{Site: "shop/test", Release: "v1", Limit: davit.Duration(patience)}); n != 0 || err != nil {
		t.Errorf("drain: %d, %v", n, err)
	}
	info, err := os.Stat(filepath.Join(s.dir, socketFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
	}
}

func TestFiguresStream(t *testing.T) {
	s := serve(t, tempDir(t))
	ctx, cancel := context.WithCancel(testContext(t))
	if err := s.Apply(ctx, &Table{Number: 1, Key: testKey, Sites: []Site{oneRelease("", backendServer(t, says("ok")))}}); err != nil {
		t.Fatal(err)
	}
	snapshots := make(chan *Snapshot)
	var stream sync.WaitGroup
	stream.Go(func() {
		_ = s.Stream(ctx, func(snapshot *Snapshot) {
			select {
			case snapshots <- snapshot:
			case <-ctx.Done():
			}
		})
	})
	defer stream.Wait()
	defer cancel()
	if first := <-snapshots; first.Site("shop/test").Release("v1").Requests != 0 {
		t.Errorf("at first: %+v", first)
	}
	client, target := newClient(t), s.url()
	for want := int64(1); want <= 3; want++ {
		exchangeWith(t, client, http.MethodGet, target, nil)
		for snapshot := range snapshots { // one may come before the count
			if snapshot.Site("shop/test").Release("v1").Requests == want {
				break
			}
		}
	}
}

func TestRestartedProxyServesItsKeptTable(t *testing.T) {
	dir := tempDir(t)
	backend := backendServer(t, says("ok"))
	first := serve(t, dir)
	site := oneRelease("", backend)
	address := deadAddress(t)
	site.Front.Listen[0].Address = address
	if err := first.Apply(testContext(t), &Table{Number: 7, Key: testKey, Sites: []Site{site}}); err != nil {
		t.Fatal(err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := serve(t, dir)
	if _, got := exchangeWith(t, newClient(t), http.MethodGet, "http://"+address, nil); got != "ok" {
		t.Errorf("got %q", got)
	}
	if table, err := second.Table(testContext(t)); err != nil || table.Number != 7 {
		t.Errorf("table %v, %v", table, err)
	}
}

func TestSecondProxyInADirectoryIsRefused(t *testing.T) {
	s := serve(t, tempDir(t))
	err := Run(context.Background(), Options{Dir: s.dir})
	if davit.ErrorCode(err) != davit.CodeConflict {
		t.Errorf("got %v", err)
	}
	if _, err := s.Status(testContext(t)); err != nil {
		t.Errorf("the first one after that: %v", err)
	}
}

func TestStopLetsRequestsEnd(t *testing.T) {
	s := serve(t, tempDir(t))
	arrived, release := make(chan struct{}), make(chan struct{})
	site := oneRelease("", backendServer(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		says("whole")(w, r)
	}))
	if err := s.Apply(testContext(t), &Table{Number: 1, Key: testKey, Sites: []Site{site}}); err != nil {
		t.Fatal(err)
	}
	target, client := s.url(), newClient(t)
	answers := make(chan string, 1)
	go func() {
		_, got := exchangeWith(t, client, http.MethodGet, target, nil)
		answers <- got
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	eventually(t, "it accepts no more", func() bool {
		_, err := newClient(t).Get(target) //nolint:bodyclose // there is no answer
		return err != nil
	})
	close(release)
	if got := <-answers; got != "whole" {
		t.Errorf("got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	_, err := NewClient(t.TempDir()).Status(testContext(t))
	if davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestAccessLog(t *testing.T) {
	r := newRig(t)
	site := oneRelease("", backendServer(t, says("four")))
	r.put(site)
	exchangeWith(t, newClient(t), http.MethodGet, r.url("/quiet"), nil)
	site.Front.AccessLog = true
	r.put(site)
	exchangeWith(t, newClient(t), http.MethodGet, r.url("/path?token=secret"), nil, "X-Request-Id", "id-1")
	eventually(t, "it is logged", func() bool { return r.stdout.String() != "" })
	line := r.stdout.String()
	for _, part := range []string{`"path":"/path"`, `"status":200`, `"bytes":4`, `"release":"v1"`, `"instance":"v1-web-a"`, `"request_id":"id-1"`} {
		if !strings.Contains(line, part) {
			t.Errorf("the access log lacks %s: %s", part, line)
		}
	}
	if strings.Contains(line, "secret") || strings.Contains(line, "quiet") {
		t.Errorf("the access log says too much: %s", line)
	}
}
