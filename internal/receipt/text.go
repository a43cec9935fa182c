package receipt

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/davit-dev/davit"
)

// Text says what a receipt says, for people.
func (s Statement) Text() string {
	var b strings.Builder
	p := s.Predicate
	r := p.Rollout
	fmt.Fprintf(&b, "%s of %s/%s: %s\n\n", s.Title(), r.Application, r.Environment, p.Outcome)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, text)
		}
	}
	row("rollout", r.ID)
	row("asked by", by(p.Requested.Actor, p.Requested.Reason))
	for _, c := range p.Commands {
		row("then", c.Message)
	}
	row("because", p.Reason)
	for _, release := range p.Releases {
		row(release.Role, fmt.Sprintf("%s (configuration %.12s…, %d artifacts)", release.ID, release.ConfigHash, len(release.Artifacts)))
	}
	row("began", clock(r.StartedAt))
	row("promoted", clock(r.PromotedAt))
	row("hauled back", clock(r.HauledAt))
	row("ended", clock(r.EndedAt))
	if p.Witness != nil {
		row("measured", p.Witness.String())
	} else {
		row("measured", "nothing")
	}
	row("journal", fmt.Sprintf("%d events, sha256 %.12s…", p.Journal.Events, p.Journal.SHA256))
	_ = table.Flush() // a builder takes everything
	p.stages(&b)
	for i, incident := range p.Incidents {
		if i == 0 {
			b.WriteString("\nincidents\n")
		}
		fmt.Fprintf(&b, "  %s  %s\n", incident.At.UTC().Format("15:04:05.000"), incident.Message)
	}
	return b.String()
}

func (p Predicate) stages(b *strings.Builder) {
	if len(p.Stages) == 0 {
		return
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STAGE\tFROM\tTOOK\tTRAFFIC\tGATES")
	for _, s := range p.Stages {
		name, split := s.Name, "unchanged"
		if s.Back {
			name = "back"
		}
		if n := len(s.Splits); n > 0 {
			split = s.Splits[n-1].Split.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", name, s.From.UTC().Format("15:04:05.000"), took(s.From, s.Until), split, gates(s.Verdicts))
	}
	_ = table.Flush() // a builder takes everything
}

// gates tells the last verdict of each gate.
func gates(verdicts []Verdict) string {
	var names []string
	last := map[string]davit.Outcome{}
	for _, v := range verdicts {
		if _, ok := last[v.Gate]; !ok {
			names = append(names, v.Gate)
		}
		last[v.Gate] = v.Outcome
	}
	for i, name := range names {
		names[i] = name + " " + string(last[name])
	}
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}

// Title says what the rollout was to do: "deploy to v2".
func (s Statement) Title() string {
	for _, r := range s.Predicate.Releases {
		if r.Role == "target" {
			return string(s.Predicate.Rollout.Kind) + " to " + r.Version
		}
	}
	return string(s.Predicate.Rollout.Kind)
}

func by(actor, reason string) string {
	if reason == "" {
		return actor
	}
	return actor + ": " + reason
}

func clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05.000 UTC")
}

// took formats the time between two moments of the wall clock, which may have
// been set back between them.
func took(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return "-"
	}
	if to.Before(from) {
		return "the clock went back"
	}
	return to.Sub(from).Round(time.Millisecond).String()
}
