package main

import (
	"context"
	"net/http"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis/live"
	"github.com/davit-dev/davit/internal/engine"
)

// judgeAnalysis returns the judge that compares the candidate with stable. It asks
// Prometheus through the transport.
func judgeAnalysis(metrics http.RoundTripper) engine.Judge {
	judge := live.NewJudge(time.Now, metrics)
	return func(ctx context.Context, g davit.Gate, s engine.Subject, report func(davit.Outcome, string, any)) {
		judge.Judge(ctx, g, live.Subject{
			Rollout: s.Rollout, Stage: s.Stage, Release: s.Release,
			Metrics: s.Platform.Metrics, Runtime: s.Platform.Runtime,
		}, report)
	}
}
