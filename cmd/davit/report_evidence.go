package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
	"github.com/davit-dev/davit/internal/client"
	"github.com/davit-dev/davit/internal/plot"
	"github.com/davit-dev/davit/internal/receipt"
)

// evidenceCharts draws the path of the evidence of every analysis, one chart for
// each gate and stage. It stands in the journal; only what the receipt holds the
// digest of is drawn. There is none when the journal was pruned.
func evidenceCharts(ctx context.Context, c *client.Client, s receipt.Statement) ([]*plot.Chart, error) {
	var charts []*plot.Chart
	drawn := map[string]int{}
	for said, err := range c.Events(ctx, s.Predicate.Rollout.ID, 0) {
		switch {
		case davit.ErrorCode(err) == davit.CodeNotFound:
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("reading the journal of the rollout: %w", err)
		case said.Lost != nil:
			return nil, fmt.Errorf("reading the journal of the rollout: %w", said.Lost)
		case said.Journal == nil || said.Journal.Kind != davit.EventVerdict:
			continue
		}
		var v davit.Verdict
		if err := json.Unmarshal(said.Journal.Data, &v); err != nil {
			return nil, fmt.Errorf("reading a verdict in the journal: %w", err)
		}
		found, err := analysis.Recorded(bytes.NewReader(v.Evidence))
		if err != nil || len(found) == 0 || !s.Holds(v.Evidence) {
			continue // the evidence of another kind of gate, or not what was signed
		}
		chart := evidenceChart(found[len(found)-1])
		chart.Title = fmt.Sprintf("Evidence of gate %s in stage %d that the candidate is worse", v.Gate, said.Journal.Stage+1)
		if i, again := drawn[chart.Title]; again {
			charts[i] = chart // a later verdict's path goes on from an earlier one's
			continue
		}
		drawn[chart.Title] = len(charts)
		charts = append(charts, chart)
	}
	return charts, nil
}
