package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// result is what one measurement gave.
type result struct {
	rate     float64 // requests/s
	p50, p99 time.Duration
	errors   int64
}

// wrk loads address with 64 kept connections.
func wrk(ctx context.Context, address string, d time.Duration) (result, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c64", "-d"+strconv.Itoa(int(d.Seconds()))+"s", "--latency", "http://"+address+"/").CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

var (
	ratePattern   = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	p50Pattern    = regexp.MustCompile(`50%\s+([0-9.]+(us|ms|s))`)
	p99Pattern    = regexp.MustCompile(`99%\s+([0-9.]+(us|ms|s))`)
	statusPattern = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	socketPattern = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
)

func parseWrk(out string) (result, error) {
	var r result
	rate, p50, p99 := ratePattern.FindStringSubmatch(out), p50Pattern.FindStringSubmatch(out), p99Pattern.FindStringSubmatch(out)
	if rate == nil || p50 == nil || p99 == nil {
		return r, fmt.Errorf("wrk printed something unexpected: %s", out)
	}
	var errs [3]error
	r.rate, errs[0] = strconv.ParseFloat(rate[1], 64)
	r.p50, errs[1] = time.ParseDuration(p50[1])
	r.p99, errs[2] = time.ParseDuration(p99[1])
	for _, pattern := range []*regexp.Regexp{statusPattern, socketPattern} {
		if match := pattern.FindStringSubmatch(out); match != nil {
			for _, count := range match[1:] {
				n, err := strconv.ParseInt(count, 10, 64)
				errs[2] = errors.Join(errs[2], err)
				r.errors += n
			}
		}
	}
	return r, errors.Join(errs[:]...)
}
