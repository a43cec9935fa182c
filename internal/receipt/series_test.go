package receipt_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
)

// TestSeriesIsBounded samples for a week: the series stays small, covers all of
// it, and loses no request.
func TestSeriesIsBounded(t *testing.T) {
	s := receipt.NewSeries(at(0), time.Second)
	const points = 7 * 24 * 3600
	var latency davit.Histogram
	latency.Observe(20 * time.Millisecond)
	for i := 1; i <= points; i++ {
		samples := map[davit.ReleaseID]receipt.Sample{"v1": {Share: 900, Traffic: davit.Traffic{Requests: 2, Latency: latency}, Ready: 3, Running: 4}}
		if i > points/2 {
			samples["v2"] = receipt.Sample{Share: 100, Traffic: davit.Traffic{Requests: 1, Failures: 1}, Ready: 1, Running: 1}
		}
		s.Add(time.Duration(i)*time.Second, samples)
	}
	doc, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(doc) > 64<<10 || len(s.At) > 600 || len(s.At) < 300 {
		t.Errorf("%d points in %d bytes", len(s.At), len(doc))
	}
	again, err := receipt.ParseSeries(doc)
	if err != nil {
		t.Fatal(err)
	}
	var first, second, failed int64
	for i := range again.At {
		first += again.Releases["v1"].Requests[i]
		second += again.Releases["v2"].Requests[i]
		failed += again.Releases["v2"].Failures[i]
	}
	if first != 2*points || second != points/2 || failed != points/2 {
		t.Errorf("%d, %d requests and %d failures, want %d, %d and %d", first, second, failed, 2*points, points/2, points/2)
	}
	for i := range again.At[1:] {
		if length := time.Duration(again.At[i+1]-again.At[i]) * time.Millisecond; length > again.Interval.D()*3/2 {
			t.Errorf("point %d is %s long, want about %s", i+1, length, again.Interval)
		}
	}
	last := len(again.At) - 1
	v1 := again.Releases["v1"]
	if again.At[last] != points*1000 || v1.Share[last] != 900 || v1.Ready[last] != 3 || v1.P99[last] < 20_000 || v1.P99[last] > 25_000 {
		t.Errorf("the last point is at %d ms: %d, %d ready, p99 %d µs", again.At[last], v1.Share[last], v1.Ready[last], v1.P99[last])
	}
}

func TestParseSeriesRefuses(t *testing.T) {
	for _, doc := range []string{
		``, `{`, `{"at":[1],"releases":{"v1":null}}`,
		`{"at":[1],"releases":{"v1":{"share":[1],"requests":[1],"failures":[],"p50":[1],"p99":[1],"ready":[1],"running":[1]}}}`,
	} {
		if _, err := receipt.ParseSeries([]byte(doc)); err == nil {
			t.Errorf("%s was taken", doc)
		}
	}
}
