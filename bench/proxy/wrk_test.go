package main

import (
	"testing"
	"time"
)

func TestParseWrk(t *testing.T) {
	const out = `Running 1s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.18ms    1.37ms  32.42ms   97.90%
    Req/Sec    59.80k     5.13k   67.82k    70.00%
  Latency Distribution
     50%  990.00us
     75%    1.28ms
     90%    1.52ms
     99%    1.88s
  59507 requests in 1.00s, 70.12MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:  59507.32
Transfer/sec:     70.12MB
`
	got, err := parseWrk(out)
	want := result{rate: 59507.32, p50: 990 * time.Microsecond, p99: 1880 * time.Millisecond, errors: 7}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := parseWrk("unable to connect"); err == nil {
		t.Error("what wrk says when it fails was taken for a result")
	}
}

func TestMedian(t *testing.T) {
	got := median([]result{{rate: 3, p99: 1}, {rate: 1, p99: 3, errors: 1}, {rate: 2, p99: 2, errors: 1}})
	if want := (result{rate: 2, p99: 2, errors: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
