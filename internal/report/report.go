// Package report draws the receipt of a rollout as one HTML page, to be attached
// to a change ticket: it holds all that it shows, and asks no network for
// anything.
package report

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sync"
	"time"

	"github.com/davit-dev/davit/internal/plot"
	"github.com/davit-dev/davit/internal/receipt"
)

//go:embed report.html.tmpl
var source string

// page is parsed when a report is first written: few commands write one.
var page = sync.OnceValue(func() *template.Template { return template.Must(template.New("report").Parse(source)) })

// Source is what a report is made of.
type Source struct {
	Statement receipt.Statement
	// File is the receipt itself, which the page carries along.
	File []byte
	// Samples are what the plots are drawn from; nil when there are none.
	Samples *receipt.Series
	// Evidence are further plots, of what gates rested on.
	Evidence []*plot.Chart
	// Seal says whether the receipt was verified, and how.
	Seal Seal
}

// Seal is what a verification of the receipt found.
type Seal struct {
	Verified bool
	Text     string // one sentence
}

// Write writes the page.
func Write(w io.Writer, s Source) error {
	if err := page().Execute(w, newView(s)); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// view is what the template shows.
type view struct {
	Title, Place, ID string
	Outcome, Tone    string
	Asked, Why       string
	Facts            []fact
	Figures          []fact
	Remarks          []string
	Charts           []template.HTML
	NoSamples        bool
	Gates            []lane
	Ticks            []tick
	Stages           []stage
	Releases         []receipt.Release
	Commands         []receipt.Command
	Incidents        []receipt.Incident
	Journal          receipt.Journal
	Seal             Seal
	Download         template.URL
	DownloadName     string
	Builder          receipt.Builder
}

// fact is a name and what it is.
type fact struct{ Name, Text, Tone string }

func newView(s Source) view {
	p := s.Statement.Predicate
	r := p.Rollout
	t := newTimeline(p)
	v := view{
		Title: s.Statement.Title(), Place: r.Application + " / " + r.Environment, ID: r.ID,
		Outcome: string(p.Outcome), Tone: tone(p.Outcome), Asked: p.Requested.Actor, Why: p.Requested.Reason,
		Facts: facts(p), Releases: p.Releases, Commands: p.Commands, Incidents: p.Incidents, Journal: p.Journal,
		Gates: t.gates(p), Ticks: t.ticks(), Stages: stages(p), Seal: s.Seal, Builder: p.Builder,
		NoSamples: s.Samples == nil,
		// Base64 of the receipt's JSON: nothing in it can end the attribute.
		Download:     template.URL("data:application/json;base64," + base64.StdEncoding.EncodeToString(s.File)), //nolint:gosec // see above
		DownloadName: "receipt-" + r.ID + ".json",
	}
	v.Figures, v.Remarks = figures(p)
	for _, c := range append(charts(s, t), s.Evidence...) {
		v.Charts = append(v.Charts, template.HTML(c.SVG())) //nolint:gosec // it escapes what it is given
	}
	return v
}

func facts(p receipt.Predicate) []fact {
	r := p.Rollout
	list := []fact{{Name: "asked", Text: clock(p.Requested.At)}, {Name: "began", Text: clock(r.StartedAt)}}
	if !r.PromotedAt.IsZero() {
		list = append(list, fact{Name: "promoted", Text: clock(r.PromotedAt)})
	}
	if !r.HauledAt.IsZero() {
		list = append(list, fact{Name: "hauled back", Text: clock(r.HauledAt)})
	}
	list = append(list, fact{Name: "ended", Text: clock(r.EndedAt)})
	if p.Reason != "" {
		list = append(list, fact{Name: "because", Text: p.Reason})
	}
	return list
}

func clock(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}
