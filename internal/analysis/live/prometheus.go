package live

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
	"github.com/davit-dev/davit/internal/prometheus"
)

// prom counts by queries to a Prometheus server, all for the same moment.
type prom struct {
	params            davit.AnalysisParams
	stable, candidate davit.ReleaseID
	client            *http.Client
	now               func() time.Time
}

func newPrometheus(p davit.AnalysisParams, s Subject, client *http.Client, now func() time.Time) *prom {
	return &prom{params: p, stable: s.stable(), candidate: s.Release.ID, client: client, now: now}
}

// Lacks returns "": an error of Read says what is missing.
func (p *prom) Lacks() string { return "" }

func (p *prom) Every() time.Duration { return period(p.params.Source) }

func (p *prom) String() string { return "Prometheus at " + redacted(p.params.Source.Prometheus) }

func (p *prom) Read(ctx context.Context) (analysis.Look, error) {
	at := p.now()
	return readBoth(ctx, p.params, p.stable, p.candidate, func(ctx context.Context, id davit.ReleaseID, query string) (float64, error) {
		if strings.ContainsAny(string(id), unquotable) {
			return 0, fmt.Errorf("%q cannot be put into a query: it has a quotation mark, a backslash or a line break", id)
		}
		return p.query(ctx, forRelease(query, id), at)
	})
}

// unquotable are what a string of PromQL, in quotation marks of whichever kind, could
// end with, or would read as something else.
const unquotable = "\"'`\\\n\r"

// query returns the sum of what an expression selects.
func (p *prom) query(ctx context.Context, expression string, at time.Time) (float64, error) {
	samples, err := prometheus.Query(ctx, p.client, p.params.Source.Prometheus, expression, at)
	if err != nil {
		return 0, err
	}
	if len(samples) == 0 {
		return 0, errNothing
	}
	sum := 0.0
	for _, s := range samples {
		sum += s.Value
	}
	return sum, nil
}

// redacted returns a URL for people, without its password.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(a URL that cannot be read)"
	}
	return u.Redacted()
}
