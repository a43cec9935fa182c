// The command ofrep measures what it costs to read one flag over OFREP, beside a
// bare net/http handler that writes a fixed answer: CPU time of the server's process
// per request, over 16 connections on loopback, in turns in one run.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

func main() {
	role := flag.String("role", "", "what to serve, in a process of its own")
	requests := flag.Int("requests", 100_000, "in each round")
	rounds := flag.Int("rounds", 5, "of each server; the median counts")
	flag.Parse()
	var err error
	if *role != "" {
		err = serve(*role)
	} else {
		err = compare(*requests, *rounds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ofrep:", err)
		os.Exit(1)
	}
}

// subjects are measured in this order; the first is what the others are compared
// with.
var subjects = []struct{ role, name string }{
	{roleBare, "bare net/http handler"},
	{roleStatic, "OFREP, boolean for everybody"},
	{roleSplit, "OFREP, percentage"},
}

func compare(requests, rounds int) (err error) {
	running := make([]*subject, 0, len(subjects))
	defer func() {
		for _, s := range running {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, what := range subjects {
		s, err := start(what.role)
		if err != nil {
			return err
		}
		running = append(running, s)
		if _, err := s.round(requests / 10); err != nil { // warms up
			return err
		}
	}
	costs := make([][]time.Duration, len(subjects))
	for range rounds {
		for i, s := range running {
			cost, err := s.round(requests)
			if err != nil {
				return err
			}
			costs[i] = append(costs[i], cost)
		}
	}
	base := median(costs[0])
	fmt.Printf("%d requests over %d connections, median of %d rounds, CPU of the server per request\n", requests, connections, rounds)
	for i, what := range subjects {
		cost := median(costs[i])
		fmt.Printf("%-30s %8s  %.2fx\n", what.name, cost.Round(10*time.Nanosecond), float64(cost)/float64(base))
	}
	return nil
}

func median(values []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
