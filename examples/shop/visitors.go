package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// visitRate is how many requests the visitors send a second.
const visitRate = 50

// runVisitors asks the front door for the products, each time as a new
// visitor, and writes every second which versions answered.
func runVisitors(ctx context.Context, out io.Writer, front string) error {
	client := &http.Client{Timeout: 5 * time.Second}
	ticker := time.NewTicker(time.Second / visitRate)
	defer ticker.Stop()
	var seen tally
	var visits sync.WaitGroup
	defer visits.Wait()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		visits.Go(func() { seen.count(visit(ctx, client, front+"/api/products")) })
		if n%visitRate == 0 {
			fmt.Fprintln(out, seen.line())
		}
	}
}

// visit returns which version answered, or that the visit failed.
func visit(ctx context.Context, client *http.Client, url string) string {
	const failed = "failed"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return failed
	}
	response, err := client.Do(request)
	if err != nil {
		return failed
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode >= http.StatusBadRequest {
		return failed
	}
	return response.Header.Get("Shop-Version")
}

// tally counts the visits of a second.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[what]++
}

// line returns the counts for people, sorted by version, and begins anew.
func (t *tally) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(t.counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", what, t.counts[what]))
	}
	t.counts = nil
	return strings.Join(parts, "  ")
}
