package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// How often a source is asked: by default, and at most.
const (
	usualPeriod = 5 * time.Second
	leastPeriod = 100 * time.Millisecond
)

// period returns how often a source is asked. A plan that was stored may not say so.
func period(s davit.AnalysisSource) time.Duration {
	if s.Every <= 0 {
		return usualPeriod
	}
	return max(s.Every.D(), leastPeriod)
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 8 << 20

// queries are what to ask for the counts of a release: requests, and then an
// event for each metric.
func queries(p davit.AnalysisParams) []string {
	all := []string{p.Source.Requests, p.Source.Errors}
	for range p.Latency {
		all = append(all, p.Source.Slow)
	}
	return all
}

// forRelease puts a release in the place of its variables.
func forRelease(text string, id davit.ReleaseID) string {
	return strings.NewReplacer("{{release}}", string(id), "{{version}}", id.Short()).Replace(text)
}

// errNothing is why there is no count where there must be one.
var errNothing = errors.New("there is nothing by that name")

// readBoth reads the counts of both releases by what reads one number: at is the
// query's place in queries, and what is missing is errNothing, which only means
// that no event has happened yet where requests are counted.
func readBoth(ctx context.Context, p davit.AnalysisParams, stable, candidate davit.ReleaseID, number func(context.Context, davit.ReleaseID, string) (float64, error)) (analysis.Look, error) {
	var look analysis.Look
	group, ctx := errgroup.WithContext(ctx)
	for _, release := range []struct {
		id   davit.ReleaseID
		into *analysis.Counts
	}{{stable, &look.Stable}, {candidate, &look.Candidate}} {
		all := queries(p)
		release.into.Events = make([]int64, len(all)-1)
		if release.id == "" {
			continue
		}
		for i, query := range all {
			group.Go(func() error {
				v, err := number(ctx, release.id, query)
				if i > 0 && errors.Is(err, errNothing) {
					v, err = 0, nil
				}
				if err == nil && (math.IsNaN(v) || v < 0 || v > 1<<53) {
					err = fmt.Errorf("%v is no count", v)
				}
				if err != nil {
					return fmt.Errorf("%s of %s: %w", forRelease(query, release.id), release.id, err)
				}
				if i == 0 {
					release.into.Requests = int64(math.Round(v))
				} else {
					release.into.Events[i-1] = int64(math.Round(v))
				}
				return nil
			})
		}
	}
	return look, group.Wait()
}

// getJSON asks for a JSON document.
func getJSON(ctx context.Context, client *http.Client, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // nothing is written
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		const start = 200
		return fmt.Errorf("the answer is %s: %.*s", res.Status, start, strings.TrimSpace(string(body)))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer is no JSON as expected: %w", err)
	}
	return nil
}
