package live

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

func queriesOf(p *davit.AnalysisParams, requests, errors, slow string) {
	p.Source.Requests, p.Source.Errors, p.Source.Slow, p.Source.Every = requests, errors, slow, davit.Duration(time.Second)
	if slow != "" {
		p.Latency = []davit.AnalysisLatency{{Objective: davit.Duration(time.Second)}}
	}
}

func TestPrometheus(t *testing.T) {
	vector := func(values ...string) string {
		var series []string
		for _, v := range values {
			series = append(series, fmt.Sprintf(`{"metric":{},"value":[1,%q]}`, v))
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
	}
	answers := map[string]string{
		"requests of v1": vector("100", "23"), "requests of v2": `{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`,
		"errors of v1": vector(), "errors of v2": vector("2"),
		"NaN of v1": vector("NaN"), "matrix of v1": `{"status":"success","data":{"resultType":"matrix","result":[]}}`,
		"refused of v1": `{"status":"error","error":"parse error"}`, "nonsense of v1": `<html>`,
	}
	moments := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		moments[r.URL.Query().Get("time")] = true
		fmt.Fprint(w, answers[r.URL.Query().Get("query")])
	}))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}} // one after the other
	defer client.CloseIdleConnections()
	p := params()
	p.Source.Prometheus = server.URL + "/"
	read := func(requests string) error {
		queriesOf(&p, requests+" of {{release}}", "errors of {{version}}", "")
		look, err := newPrometheus(p, subjectOf(newWorld(), 0), client, time.Now).Read(t.Context())
		if err == nil && (look.Stable.Requests != 123 || look.Stable.Events[0] != 0 || look.Candidate.Requests != 7 || look.Candidate.Events[0] != 2) {
			t.Errorf("%+v", look)
		}
		return err
	}
	if err := read("requests"); err != nil || len(moments) != 1 {
		t.Errorf("%v; asked for %d moments, want one", err, len(moments))
	}
	for _, wrong := range []string{"NaN", "matrix", "refused", "nonsense", "nothing"} {
		if read(wrong) == nil {
			t.Errorf("%s was taken for a count", wrong)
		}
	}
}

// A plan that was stored may say nothing of how often a source is asked, or nonsense.
func TestHowOftenASourceIsAsked(t *testing.T) {
	for every, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, -time.Second: 5 * time.Second, 1: 100 * time.Millisecond, time.Minute: time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := params()
			p.Source = davit.AnalysisSource{JSON: "nowhere", Every: davit.Duration(every)}
			if got := newEndpoint(p, subjectOf(newWorld(), 0), nil).Every(); got != want {
				t.Errorf("%s: the endpoint is asked every %s, want %s", every, got, want)
			}
			if got := newPrometheus(p, subjectOf(newWorld(), 0), nil, nil).Every(); got != want {
				t.Errorf("%s: the Prometheus is asked every %s, want %s", every, got, want)
			}
			judge(t, NewJudge(time.Now, nil), p, subjectOf(newWorld(), 0), func(s *said) {
				s.want(t, davit.Inconclusive, "reading nowhere")
			})
		})
	}
}

// The limit on failures holds for what a source counts, whatever stable does.
func TestGuardOnTheCountsOfASource(t *testing.T) {
	p := params()
	p.Source.Prometheus, p.Guards.Errors = "http://prometheus:9090", 0.05
	type count struct {
		after            time.Duration
		requests, failed int64
	}
	for name, test := range map[string]struct {
		counts []count
		alarm  string
	}{
		"what was before":      {[]count{{0, 1000, 900}}, ""},
		"few fail":             {[]count{{0, 0, 0}, {5 * time.Second, 100, 4}}, ""},
		"many fail":            {[]count{{0, 1000, 0}, {5 * time.Second, 1100, 6}}, "6 of the last 100 requests failed"},
		"one of a few":         {[]count{{0, 0, 0}, {5 * time.Second, 3, 1}}, ""},
		"long ago":             {[]count{{0, 0, 0}, {20 * time.Second, 100, 4}, {20 * time.Second, 200, 7}}, ""},
		"rarely asked":         {[]count{{0, 0, 0}, {time.Minute, 100, 6}}, "within 1m0s"},
		"counted from 0 again": {[]count{{0, 1000, 0}, {5 * time.Second, 100, 20}, {5 * time.Second, 200, 22}}, ""},
	} {
		g, now, alarm := newGuard(p, subjectOf(newWorld(), 0)), time.Now(), ""
		for _, c := range test.counts {
			now = now.Add(c.after)
			alarm = g.counted(now, analysis.Counts{Requests: c.requests, Events: []int64{c.failed}})
		}
		if (alarm != "") != (test.alarm != "") || !strings.Contains(alarm, test.alarm) {
			t.Errorf("%s: %q, want %q", name, alarm, test.alarm)
		}
	}
	p.Source = davit.AnalysisSource{}
	g := newGuard(p, subjectOf(newWorld(), 0))
	for _, n := range []int64{0, 100} {
		if alarm := g.counted(time.Now(), analysis.Counts{Requests: n, Events: []int64{n}}); alarm != "" {
			t.Errorf("the router's figures are judged twice: %s", alarm)
		}
	}
}

// A variant's name ends no string of a query.
func TestNamesInQueries(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked for %s", r.URL.Query().Get("query"))
	}))
	defer server.Close()
	p := params()
	p.Source.Prometheus = server.URL
	queriesOf(&p, `requests{version="{{version}}"}`, `errors{version='{{version}}'}`, "")
	s := subjectOf(newWorld(), 0)
	for _, name := range []string{`on"} or up{a="`, `on'`, "on`", `on\`, "on\n"} {
		s.Release = &davit.Release{ID: davit.ReleaseID(name + "-123456789abc")}
		s.Stage.State.Split = davit.All(s.Release.ID)
		s.Stage.State.Run = map[davit.ReleaseID]davit.Size{s.Release.ID: {"web": 1}}
		if _, err := newPrometheus(p, s, server.Client(), time.Now).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be put into a query") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSONEndpoint(t *testing.T) {
	var status atomic.Int64
	status.Store(http.StatusOK)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(status.Load()))
		fmt.Fprintf(w, `{"stats":[{"requests":%d,"a/b":3,"text":"many","late":1}]}`, len(r.URL.Query().Get("release")))
	}))
	defer server.Close()
	p := params()
	p.Source.JSON = server.URL + "/?release={{release}}"
	read := func(requests, errors string) (int64, int64, error) {
		queriesOf(&p, requests, errors, "/stats/0/late")
		look, err := newEndpoint(p, subjectOf(newWorld(), 0), server.Client()).Read(t.Context())
		if err != nil {
			return 0, 0, err
		}
		return look.Candidate.Requests, look.Candidate.Events[0], nil
	}
	if n, errs, err := read("/stats/0/requests", "/stats/0/a~1b"); n != 2 || errs != 3 || err != nil {
		t.Errorf("%d, %d, %v", n, errs, err)
	}
	if _, errs, err := read("/stats/0/requests", "/stats/0/none"); errs != 0 || err != nil {
		t.Errorf("errors that have not happened: %d, %v", errs, err)
	}
	for _, wrong := range []string{"/stats/0/none", "/stats/7/requests", "/stats/x", "/stats/0/text", "stats"} {
		if _, _, err := read(wrong, "/stats/0/a~1b"); err == nil {
			t.Errorf("%s was taken for a count", wrong)
		}
	}
	status.Store(http.StatusBadGateway)
	if _, _, err := read("/stats/0/requests", "/stats/0/a~1b"); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("a failure gave %v", err)
	}
}

func TestPasswordsAreNotTold(t *testing.T) {
	p := params()
	p.Source.Prometheus = (&url.URL{Scheme: "http", User: url.UserPassword("me", "secret"), Host: "prom:9090"}).String()
	if got := newPrometheus(p, subjectOf(newWorld(), 0), nil, nil).String(); strings.Contains(got, "secret") {
		t.Error(got)
	}
}

func TestFrontURL(t *testing.T) {
	for address, want := range map[string]string{
		":8080": "http://127.0.0.1:8080", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://127.0.0.1:80", "10.0.0.1:80": "http://10.0.0.1:80",
	} {
		if got := frontURL(davit.Listener{Address: address}); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := frontURL(davit.Listener{Address: ":443", Cert: "cert.pem"}); got != "https://127.0.0.1:443" {
		t.Error(got)
	}
}

// Whatever an endpoint answers and whatever is asked of it, there is a number or
// an error.
func FuzzNumberAt(f *testing.F) {
	f.Add(`{"stats":[{"a/b":3}]}`, "/stats/0/a~1b")
	f.Add(`[1,[2]]`, "/1/0")
	f.Add(`7`, "")
	f.Fuzz(func(t *testing.T, text, pointer string) {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			return
		}
		if v, err := numberAt(value, pointer); err != nil && v != 0 {
			t.Errorf("%v and %v", v, err)
		}
	})
}
