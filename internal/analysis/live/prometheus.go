package live

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
)

// prometheus counts by queries to a Prometheus server, all for the same moment.
type prometheus struct {
	params            davit.AnalysisParams
	stable, candidate davit.ReleaseID
	client            *http.Client
	now               func() time.Time
}

func newPrometheus(p davit.AnalysisParams, s Subject, client *http.Client, now func() time.Time) *prometheus {
	return &prometheus{params: p, stable: s.stable(), candidate: s.Release.ID, client: client, now: now}
}

// Lacks returns "": an error of Read says what is missing.
func (p *prometheus) Lacks() string { return "" }

func (p *prometheus) Every() time.Duration { return p.params.Source.Every.D() }

func (p *prometheus) String() string { return "Prometheus at " + redacted(p.params.Source.Prometheus) }

func (p *prometheus) Read(ctx context.Context) (analysis.Look, error) {
	at := strconv.FormatFloat(float64(p.now().UnixMilli())/1000, 'f', 3, 64)
	return readBoth(ctx, p.params, p.stable, p.candidate, func(ctx context.Context, _ davit.ReleaseID, query string) (float64, error) {
		return p.query(ctx, query, at)
	})
}

// query returns the sum of what an expression selects.
func (p *prometheus) query(ctx context.Context, expression, at string) (float64, error) {
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	address := strings.TrimSuffix(p.params.Source.Prometheus, "/") + "/api/v1/query?" + url.Values{"query": {expression}, "time": {at}}.Encode()
	if err := getJSON(ctx, p.client, address, &answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("the query is refused: %s", answer.Error)
	}
	var samples []sample
	switch answer.Data.Type {
	case "vector":
		var series []struct {
			Value sample `json:"value"`
		}
		if err := json.Unmarshal(answer.Data.Result, &series); err != nil {
			return 0, err
		}
		for _, s := range series {
			samples = append(samples, s.Value)
		}
	case "scalar":
		samples = make([]sample, 1)
		if err := json.Unmarshal(answer.Data.Result, &samples[0]); err != nil {
			return 0, err
		}
	default:
		return 0, fmt.Errorf("the query gives a %s, not a number", answer.Data.Type)
	}
	if len(samples) == 0 {
		return 0, errNothing
	}
	sum := 0.0
	for _, s := range samples {
		sum += float64(s)
	}
	return sum, nil
}

// sample is a value in Prometheus' JSON: [time, "value"].
type sample float64

// UnmarshalJSON reads the value, whose time was given.
func (s *sample) UnmarshalJSON(data []byte) error {
	var pair [2]any
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	text, ok := pair[1].(string)
	if !ok {
		return fmt.Errorf("%s is no sample", data)
	}
	v, err := strconv.ParseFloat(text, 64)
	*s = sample(v)
	return err
}

// redacted returns a URL for people, without its password.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(a URL that cannot be read)"
	}
	return u.Redacted()
}
