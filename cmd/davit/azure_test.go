package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/azure"
	"github.com/davit-dev/davit/internal/engine"
)

// uncounted is a router that has no figures.
type uncounted struct{}

func (uncounted) Figures(context.Context) (davit.Figures, error) { return davit.Figures{}, nil }
func (uncounted) Watch(context.Context) <-chan struct{}          { return nil }

// A gate asks managed Prometheus as the server's identity: without one it says so
// before it asks anybody.
func TestGatesSignInToAzure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gate := davit.Analysis("analysis", davit.AnalysisParams{
		Alpha: 0.01, PassAlpha: 0.05, MinRequests: 1, Errors: davit.AnalysisMetric{Margin: 0.01},
		Source: davit.AnalysisSource{
			Prometheus: "https://amw-shop.westeurope.prometheus.monitor.azure.com", Requests: "requests", Errors: "errors", Every: davit.Duration(time.Hour),
		},
	})
	p := &platforms{azure: azure.New(azure.Settings{}, nil, time.Now)}
	subject := engine.Subject{Release: &davit.Release{ID: "v2"}, Platform: engine.Platform{Metrics: uncounted{}}}
	var outcome davit.Outcome
	var reason string
	judges(p, nil)[davit.GateAnalysis](ctx, gate, subject, func(o davit.Outcome, r string, _ any) {
		outcome, reason = o, r
		cancel()
	})
	if outcome != davit.Inconclusive || !strings.Contains(reason, "no workload identity") {
		t.Errorf("%s: %s", outcome, reason)
	}
}
