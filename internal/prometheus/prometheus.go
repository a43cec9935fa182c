// Package prometheus asks a Prometheus server for numbers.
package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 8 << 20

// Sample is the value of one series at one moment.
type Sample struct {
	Labels map[string]string // with the metric's name as __name__
	Value  float64
}

// Query returns what an expression selects at a moment, one sample for each
// series; a scalar is a series without labels. base is the server's URL.
func Query(ctx context.Context, client *http.Client, base, expression string, at time.Time) ([]Sample, error) {
	moment := strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)
	address := strings.TrimSuffix(base, "/") + "/api/v1/query?" + url.Values{"query": {expression}, "time": {moment}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // nothing is written
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	samples, err := Parse(body)
	if err != nil && response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s: %w", response.Status, err)
	}
	return samples, err
}

// Parse reads the answer to a query.
func Parse(body []byte) ([]Sample, error) {
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		const start = 200
		return nil, fmt.Errorf("the answer is not a Prometheus server's: %.*s", start, strings.TrimSpace(string(body)))
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("the query is refused: %s", answer.Error)
	}
	switch answer.Data.Type {
	case "vector":
		var series []struct {
			Metric map[string]string `json:"metric"`
			Value  value             `json:"value"`
		}
		if err := json.Unmarshal(answer.Data.Result, &series); err != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		samples := make([]Sample, len(series))
		for i, s := range series {
			samples[i] = Sample{s.Metric, float64(s.Value)}
		}
		return samples, nil
	case "scalar":
		var v value
		if err := json.Unmarshal(answer.Data.Result, &v); err != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		return []Sample{{Value: float64(v)}}, nil
	}
	return nil, fmt.Errorf("the query gives a %s, not a number", answer.Data.Type)
}

// value is a value in Prometheus' JSON: [time, "value"].
type value float64

// UnmarshalJSON reads the value, whose time was given.
func (v *value) UnmarshalJSON(data []byte) error {
	var pair [2]any
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	text, ok := pair[1].(string)
	if !ok {
		return fmt.Errorf("%s is no sample", data)
	}
	number, err := strconv.ParseFloat(text, 64)
	*v = value(number)
	return err
}
