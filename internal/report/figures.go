package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
)

// The tones that things are shown in.
const (
	good = "good"
	bad  = "bad"
	dull = "dull"
)

func tone(outcome davit.Phase) string {
	switch outcome {
	case davit.Promoted:
		return good
	case davit.RolledBack, davit.FailedPhase:
		return bad
	}
	return dull
}

// figures returns what the witness measured, and what has to be known of it.
func figures(p receipt.Predicate) (list []fact, remarks []string) {
	m := p.Witness
	if m == nil || m.Absent != "" {
		why := "the rollout never began"
		if m != nil {
			why = m.Absent
		}
		return nil, []string{"Nothing was measured: " + why + "."}
	}
	zero := func(isZero bool) string {
		if isZero {
			return good
		}
		return bad
	}
	list = []fact{
		{Name: "probes through the front door", Text: count(m.Probes)},
		{Name: "failed", Text: count(m.Failed), Tone: zero(m.Failed == 0)},
		{Name: "longest gap", Text: millis(m.LongestGap)},
		{Name: "downtime (±" + millis(m.Resolution) + ")", Text: millis(m.Downtime), Tone: zero(m.Downtime == 0)},
	}
	if len(m.Failures) > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(m.Failures)) {
			kinds = append(kinds, fmt.Sprintf("%s %s", count(m.Failures[kind]), kind))
		}
		remarks = append(remarks, "Failures by kind: "+strings.Join(kinds, ", ")+".")
	}
	if m.Starved > 0 {
		remarks = append(remarks, fmt.Sprintf("The probe itself got no processor for %s and missed %d probes; nothing is claimed for that time.", millis(m.Starved), m.Missed))
	}
	if m.Holes > 0 {
		remarks = append(remarks, fmt.Sprintf("Nobody measured for %s, while the server was away (%d times).", millis(m.Unwatched), m.Holes))
	}
	if !m.Complete {
		remarks = append(remarks, "The last measurement was written before the rollout's end: what came after is not in it.")
	}
	return list, remarks
}

func millis(d davit.Duration) string {
	return count(d.D().Round(time.Millisecond).Milliseconds()) + " ms"
}

// count formats a number with narrow blanks between thousands.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "\u202f" + text[at:]
	}
	return text
}

// stage is a row of the table of stages.
type stage struct {
	Number           int
	Name, From, Took string
	Split            string
	Back             bool
	Verdicts         []receipt.Verdict
}

func stages(p receipt.Predicate) []stage {
	var list []stage
	for i, s := range p.Stages {
		row := stage{Number: i + 1, Name: s.Name, From: s.From.UTC().Format("15:04:05.000"), Took: took(s.From, s.Until), Back: s.Back, Verdicts: s.Verdicts, Split: "as before"}
		if s.Back {
			row.Name = "back from " + s.Name
		}
		if n := len(s.Splits); n > 0 {
			row.Split = s.Splits[n-1].Split.String()
		}
		list = append(list, row)
	}
	return list
}

// took formats the time between two moments of the wall clock.
func took(from, to time.Time) string {
	switch {
	case to.IsZero():
		return "–"
	case to.Before(from):
		return "the clock went back"
	}
	return to.Sub(from).Round(time.Millisecond).String()
}
