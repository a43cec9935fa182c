package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"
)

// BenchmarkGenerator tells the processor time of one request, the test's own
// server included, at 3,000 requests a second.
func BenchmarkGenerator(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	const rate = 3000
	g, err := New(Options{
		Target: server.URL, Rate: rate, Fresh: 0.1, Users: 100, Known: 0.5, Prefix: "b", ReleaseHeader: "Release",
		Mix: []Request{order, {Method: http.MethodGet, Path: "/", Weight: 2}},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithTimeout(b.Context(), time.Duration(b.N)*time.Second/rate)
	defer stop()
	before := cpu(b)
	g.Run(ctx)
	s := g.Snapshot()
	if s.TotalLost() > 0 {
		b.Errorf("lost %v: %v", s.Lost, s.Samples)
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(s.Sent), "cpu-µs/req")
	b.ReportMetric(float64(s.Latency.Quantile(0.99).Microseconds()), "p99-µs")
	b.ReportMetric(float64(s.Late), "late")
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
