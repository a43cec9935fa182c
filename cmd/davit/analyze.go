package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/analysis"
	"github.com/davit-dev/davit/internal/plot"
)

func (a *app) analyzeCommand() *cobra.Command {
	o := analysis.Options{Alpha: 0.01, PassAlpha: 0.05, MinRequests: 100}
	var margin float64
	var bake time.Duration
	var svg string
	cmd := &cobra.Command{
		Use:   "analyze FILE",
		Short: "Replay a recorded series of counts, and show how the evidence came about",
		Long: `Replay a recorded series of counts of two releases as an analysis gate would
have judged it, and print the path of the evidence. FILE, or - for the standard
input, is CSV with the columns

    at,stable_requests,stable_errors,candidate_requests,candidate_errors

where at is a time (RFC 3339) or a number of seconds, and counts are cumulative;
further metrics may follow as stable_NAME and candidate_NAME. Or it is JSON:

    {"metrics": ["errors"], "looks": [{"at": "2026-11-02T12:00:00Z",
      "stable": {"requests": 950, "events": [1]},
      "candidate": {"requests": 50, "events": [3]}}]}

The evidence in a rollout's journal, which davit deploy --output json prints, is
shown as it was recorded.

It exits with 3 when the candidate would have been hauled back.`,
		Example: `  davit analyze series.csv --svg evidence.svg
  davit deploy production v2 --output json | davit analyze -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readInput(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			o.Bake = davit.Duration(bake)
			all, err := analyze(data, o, margin/100)
			if err != nil {
				return &davit.Error{Code: davit.CodeInvalid, Message: args[0] + " cannot be analyzed", Hint: "davit help analyze tells its form", Err: err}
			}
			return a.tellAnalyses(all, svg)
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&o.Alpha, "alpha", o.Alpha, "chance that a release that is not worse is hauled back")
	flags.Float64Var(&o.PassAlpha, "pass-alpha", o.PassAlpha, "chance that one that is worse by more than the margin passes early")
	flags.Float64Var(&margin, "margin", 0.5, "percentage points that the candidate may be worse by")
	flags.Int64Var(&o.MinRequests, "min-requests", o.MinRequests, "requests to the candidate that it takes to pass")
	flags.DurationVar(&bake, "bake", 10*time.Minute, "after how long it passes when nothing speaks against it")
	flags.StringVar(&svg, "svg", "", "file to draw the path of the evidence to")
	return cmd
}

// analyzed is what the command says of one analysis.
type analyzed struct {
	Evidence analysis.Evidence `json:"evidence"`
	// Verdict is the replay's; nil for evidence that was recorded, whose verdict
	// stands where it was found.
	Verdict *analysis.Verdict `json:"verdict,omitempty"`
}

func readInput(stdin io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// analyze takes what is recorded, or replays a series.
func analyze(data []byte, o analysis.Options, margin float64) ([]analyzed, error) {
	if recorded, err := analysis.Recorded(bytes.NewReader(data)); err == nil && len(recorded) > 0 {
		var all []analyzed
		for _, e := range recorded {
			all = append(all, analyzed{Evidence: e})
		}
		return all, nil
	}
	s, err := analysis.ReadSeries(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for _, name := range s.Metrics {
		o.Metrics = append(o.Metrics, analysis.Metric{Name: name, Margin: margin})
	}
	c, _, err := analysis.Replay(s, o)
	if err != nil {
		return nil, err
	}
	v := c.Verdict()
	return []analyzed{{Evidence: c.Evidence(), Verdict: &v}}, nil
}

// tellAnalyses prints and draws, and returns the exit code as an outcome.
func (a *app) tellAnalyses(all []analyzed, svg string) error {
	if svg != "" {
		if err := writeWhole(svg, func(w io.Writer) error {
			for _, one := range all[len(all)-1:] { // the latest
				chart := evidenceChart(one.Evidence)
				return chart.WriteSVG(w)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if a.output == "json" {
		if err := a.writeJSON(all); err != nil {
			return err
		}
	} else {
		for _, one := range all {
			if _, err := io.WriteString(a.stdout, analysisText(one)); err != nil {
				return err
			}
		}
	}
	if last := all[len(all)-1].Verdict; last != nil && last.Outcome == davit.Fail {
		return outcome(exitHauledBack)
	}
	return nil
}

// mostLines bounds the lines of a path that are printed.
const mostLines = 20

// analysisText shows the path of the evidence.
func analysisText(a analyzed) string {
	var b strings.Builder
	e := a.Evidence
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, m := range e.Metrics {
		fmt.Fprintf(w, "after\tcandidate\t%s\tstable\t%s\te-value\t\n", m.Name, m.Name)
		for n, p := range e.Path {
			if every := (len(e.Path) + mostLines - 1) / mostLines; n%every != 0 && n != len(e.Path)-1 {
				continue
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.3g\t\n", p.At.Sub(e.Since).Round(time.Millisecond),
				p.Candidate.Requests, p.Candidate.Events[i], p.Stable.Requests, p.Stable.Events[i], p.E[i])
		}
		_ = w.Flush() // to a strings.Builder
		fmt.Fprintf(&b, "%s: candidate %.3g%%, stable %.3g%%; the difference is between %.3g and %.3g points; e-value %.3g of %.3g\n\n",
			m.Name, 100*m.Candidate.Rate, 100*m.Stable.Rate, 100*m.Difference.Low, 100*m.Difference.High, m.E, e.Threshold)
	}
	if a.Verdict != nil {
		fmt.Fprintf(&b, "%s: %s\n", a.Verdict.Outcome, a.Verdict.Reason)
	}
	return b.String()
}

// evidenceChart plots the e-values of an analysis.
func evidenceChart(e analysis.Evidence) *plot.Chart {
	c := &plot.Chart{Title: "Evidence that the candidate is worse", Unit: "e-value", Log: true, From: e.Since,
		Limits: []plot.Limit{{Value: e.Threshold, Label: "hauled back"}}}
	for i, m := range e.Metrics {
		s := plot.Series{Name: m.Name, Step: true}
		for _, p := range e.Path {
			s.Points = append(s.Points, plot.Point{At: p.At, Value: math.Max(p.E[i], 1e-6)})
		}
		c.Series = append(c.Series, s)
	}
	return c
}
