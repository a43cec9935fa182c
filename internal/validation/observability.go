package validation

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/davit-dev/davit"
)

// observability are what those need who are woken at night.
func observability() []Check {
	return []Check{
		define(Check{
			ID: "observability.metrics", Category: Observability, Severity: davit.Advisory,
			Proves: "metrics can be read by Prometheus, and have the series that are needed",
			Hint:   "serve them in Prometheus' text format; name those that are needed with: {series: […]}",
		}, metricsParams{Path: "/metrics", Series: []string{}}, metrics),
		define(Check{
			ID: "observability.logs", Category: Observability, Severity: davit.Advisory,
			Proves: "the log tells a request's ID, so that one request can be followed",
			Hint:   "write a line for each request, with its X-Request-Id",
		}, requestIDParams{"/", "X-Request-Id"}, logged),
	}
}

type metricsParams struct {
	Path   string   `json:"path"`
	Series []string `json:"series"` // names that have to be there
}

func (p *metricsParams) check() error { return checkPath(p.Path) }

// metrics asks the instances, and a URL alone where there are none to ask.
func metrics(ctx context.Context, x *exam, p metricsParams) error {
	places := []place{x.front()}
	if x.Instances != nil {
		var err error
		if places, err = x.addressed(ctx); err != nil {
			return err
		}
	}
	for _, at := range places {
		a, err := x.get(ctx, at, p.Path)
		if err != nil {
			return err
		}
		if (absent(a) || len(a.body) == 0) && !x.configured {
			continue
		}
		families, err := parseMetrics(a.body)
		if !a.ok() || err != nil || len(families) == 0 {
			x.expect(false, a.asked, fmt.Sprintf("%s (%v)", a, err), "metrics in Prometheus' text format")
			return nil
		}
		x.expect(true, a.asked, fmt.Sprintf("%d metrics", len(families)), "metrics in Prometheus' text format")
		for _, name := range p.Series {
			x.expect(families[name], a.asked, map[bool]string{true: name, false: "no " + name}[families[name]], name)
		}
	}
	if len(x.evidence) == 0 {
		return skip("nothing answers at %s; name the path with: {path: …}", p.Path)
	}
	return nil
}

// parseMetrics returns the names of the metrics in Prometheus' text format.
func parseMetrics(text []byte) (map[string]bool, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range families {
		names[name] = true
	}
	return names, nil
}

// logged sends requests until the log tells the ID of one of them: it cannot be
// seen when somebody begins to listen to it.
func logged(ctx context.Context, x *exam, p requestIDParams) error {
	if x.Logs == nil {
		return skip("a URL alone does not tell its log")
	}
	const patience, period = 3 * time.Second, 150 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id := newRequestID()
	ended := x.listen(ctx, id)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		_, err := x.ask(ctx, x.front(), request{path: p.Path, header: http.Header{p.Header: {id}}})
		if err != nil && ctx.Err() == nil {
			cancel()
			<-ended
			return err
		}
		select {
		case log := <-ended:
			if log.err != nil && ctx.Err() == nil {
				return unknowable{fmt.Errorf("reading the log: %w", log.err)}
			}
			came := "a line with it" // what else it says stays out of the evidence
			if !log.tells {
				came = fmt.Sprintf("no such line within %s", patience)
			}
			x.expect(log.tells, fmt.Sprintf("GET %s with %s: %s", p.Path, p.Header, id), came, "a line of the log with the ID")
			return nil
		case <-ticker.C:
		}
	}
}

// listened is what came of listening to the log.
type listened struct {
	tells bool // a line had the text
	err   error
}

// listen reads the log until a line has the text or ctx ends, then tells which.
func (x *exam) listen(ctx context.Context, text string) <-chan listened {
	ended := make(chan listened, 1)
	go func() {
		var l listened
		l.err = x.Logs(ctx, func(line string) bool {
			l.tells = l.tells || strings.Contains(line, text)
			return !l.tells
		})
		ended <- l
	}()
	return ended
}
